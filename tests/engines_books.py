"""What the engine itself says of a build, and each figure of a record beside it.

Nothing of the recorder is used here: the engine is asked through `docker buildx history`, and what
it prints is added up by hand.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from engine_help import docker
from engines_trace import NUMBERED, Trace, seconds, trace
from recording_help import rows

SPELLED = {"completed": "completed", "canceled": "canceled", "error": "failed", "failed": "failed"}
MICROSECOND = 1.1e-6
_MASK = re.compile(r"\[masked:[0-9a-f]{8}\]")


class Figure(NamedTuple):
    """One figure of a record beside the engine's own."""

    name: str
    ours: Any
    theirs: Any
    tolerance: float = 0.0

    @property
    def agrees(self) -> bool:
        if self.tolerance and self.ours is not None and self.theirs is not None:
            return bool(abs(self.ours - self.theirs) <= self.tolerance)
        return bool(self.ours == self.theirs)


def inspected(ref: str) -> dict[str, Any]:
    """What `docker buildx history inspect` prints."""
    printed = docker("buildx", "history", "inspect", ref, "--format", "json").stdout
    found: dict[str, Any] = json.loads(printed)
    return found


def held() -> set[str]:
    """The refs of all builds that the engine holds."""
    printed = docker("buildx", "history", "ls", "--format", "json", "--no-trunc").stdout
    return {json.loads(line)["ref"].rsplit("/", 1)[-1] for line in printed.splitlines()}


def figures(db: Path, row: dict[str, Any]) -> list[Figure]:
    """Every figure of a recorded build beside what the engine says of it."""
    word = inspected(row["ref"])
    arguments = {pair["Name"]: pair["Value"] for pair in word.get("BuildArgs") or ()}
    stored = json.loads(row["build_args"])
    masks = {
        value: stored[name]
        for name, value in arguments.items()
        if _MASK.fullmatch(stored.get(name, ""))
    }

    def hidden(text: str) -> str:
        """`text` with each secret argument's value in its mask."""
        for value, mask in masks.items():
            text = text.replace(value, mask)
        return text

    ended = word["Status"]
    duration = word["Duration"] / 1e9
    told = trace(row["ref"], word["StartedAt"], duration)
    message = hidden((word.get("Error") or {}).get("Message") or "")
    attached = {part["Type"]: part["Digest"] for part in word.get("Attachments") or ()}
    images = [digest for kind, digest in attached.items() if "container.image" in kind]
    worked = [
        step
        for step in told.steps
        if (match := NUMBERED.match(step.name)) and match["instruction"] != "FROM"
        if step.cached or step.started is not None
    ]
    ratio = sum(step.cached for step in worked) / len(worked) if worked else None
    sent = [step.bytes or 0 for step in told.steps if "load build context" in step.name]
    found = [
        Figure("status", row["status"], SPELLED[ended]),
        Figure("success", row["success"], int(ended == "completed")),
        Figure("started_at", seconds(row["started_at"]), seconds(word["StartedAt"]), 0.001),
        Figure("completed_at", seconds(row["completed_at"]), seconds(word["CompletedAt"]), 0.001),
        Figure("build_timestamp", seconds(row["build_timestamp"]),
               seconds(word["CompletedAt"]), 0.001),
        Figure("build_duration", row["build_duration"], duration, MICROSECOND),
        Figure("total_steps", row["total_steps"], word.get("NumTotalSteps", 0)),
        Figure("completed_steps", row["completed_steps"], word.get("NumCompletedSteps", 0)),
        Figure("cached_steps", row["cached_steps"], word.get("NumCachedSteps", 0)),
        Figure("cache_ratio", row["cache_ratio"], ratio, 1e-6),
        Figure("target", row["target"], word.get("Target")),
        Figure("dockerfile_path", row["dockerfile_path"], word.get("Dockerfile")),
        Figure("build_args", stored, {n: masks.get(v, v) for n, v in arguments.items()}),
        Figure("error_message", message in (row["error_message"] or ""), True),
        Figure("has an error", bool(row["error_message"]), "Error" in word),
        Figure("image_digest", row["image_digest"], next(iter(images), None)),
        Figure("warnings", row["warnings"], len(told.warnings)),
        Figure("context_bytes", row["context_bytes"],
               sum(sent) if sent else None),
    ]  # fmt: skip
    query = f"SELECT rule, message FROM build_warnings WHERE build_id = {row['id']}"
    lints = sorted((lint["rule"], lint["message"]) for lint in rows(db, query))
    found.append(Figure("rules", lints, [(rule, hidden(text)) for rule, text in told.warnings]))
    return found + _image(db, row, word) + _steps(db, row, told, hidden)


def _steps(db: Path, row: dict[str, Any], told: Trace, hidden: Any) -> list[Figure]:
    query = f"SELECT * FROM steps WHERE build_id = {row['id']}"
    ours = sorted(rows(db, query), key=lambda step: (step["name"], step["started"] or 0.0))
    theirs = sorted(told.steps, key=lambda step: (hidden(step.name), step.started or 0.0))
    names = [hidden(step.name) for step in theirs]
    if [step["name"] for step in ours] != names:
        return [Figure("names of steps", [step["name"] for step in ours], names)]
    found = [Figure("number of steps", len(ours), len(theirs))]
    for mine, step in zip(ours, theirs, strict=True):
        found += [
            Figure(f"cached: {mine['name']}", mine["cached"], int(step.cached)),
            Figure(f"shared: {mine['name']}", mine["shared"], int(step.shared)),
            Figure(f"started: {mine['name']}", mine["started"], step.started, MICROSECOND),
            Figure(f"duration: {mine['name']}", mine["duration"], step.duration, MICROSECOND),
            Figure(f"error: {mine['name']}", mine["error"], step.error and hidden(step.error)),
            Figure(f"bytes: {mine['name']}", mine["bytes"], step.bytes),
        ]
    return found


def _image(db: Path, row: dict[str, Any], word: dict[str, Any]) -> list[Figure]:
    """Size, platform and layers of the image, if the build made one."""
    asked = ",".join(word.get("Platform") or ()) or None
    digest = row["image_digest"]
    if digest is None:
        return [
            Figure("image_size_bytes", row["image_size_bytes"], None),
            # What was not asked for is told by the image alone.
            Figure("platform", asked and row["platform"], asked),
        ]
    (image,) = json.loads(docker("image", "inspect", digest).stdout)
    history = docker("history", "--no-trunc", "--format", "{{.Size}}", "--human=false", digest)
    sizes = [int(size) for size in history.stdout.split()]
    query = f"SELECT bytes FROM build_layers WHERE build_id = {row['id']} ORDER BY position DESC"
    return [
        Figure("platform", row["platform"], asked or f"{image['Os']}/{image['Architecture']}"),
        Figure("image_size_bytes", row["image_size_bytes"], image["Size"]),
        Figure("image_size_mb", row["image_size_mb"], image["Size"] / 1e6, 1e-6),
        Figure("sizes of layers", [layer["bytes"] for layer in rows(db, query)], sizes),
    ]


def assert_agrees(db: Path, row: dict[str, Any]) -> None:
    """Every figure of the record is the engine's."""
    differ = [figure for figure in figures(db, row) if not figure.agrees]
    assert not differ, differ


def assert_image(row: dict[str, Any], name: str) -> None:
    """Size and digest are those of the image that the engine now has under `name`."""
    (image,) = json.loads(docker("image", "inspect", name).stdout)
    assert row["image_size_bytes"] == image["Size"]
    assert row["image_digest"] == image["Id"]
