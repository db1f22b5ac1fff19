"""Why a build did not complete: the step, its error, and since when."""

import re
import sqlite3
from dataclasses import dataclass

from recorder import figures
from recorder.explain import sentences
from recorder.explain.reference import Row
from recorder.model import Build, Step

_CANCELED = "context canceled"
_ERROR = 120
_AROUND = re.compile(
    r".*did not complete successfully: |(?:.*: )?failed to calculate checksum of ref \S+: ",
    re.DOTALL,
)
"""What the builder says before what went wrong, and that leaves no room for it."""
_SINCE = """
SELECT id, git_commit FROM docker_builds
WHERE image_name = :image_name AND target IS :target AND success = 0 AND status = 'failed'
  AND (platform IS :platform OR platform IS NULL OR :platform IS NULL)
  AND (completed_at, id) <= (:completed_at, :id) AND (completed_at, id) > (:worked_at, :worked)
ORDER BY completed_at, id LIMIT 1000
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """The step that failed or was running, its error, and how the image has fared since it worked.

    `worked` is the row of the latest build of its target and platform that completed, None where
    none did. `failed` counts the failures of these since, this one included; `first_failed` is the
    first of them.
    """

    step: Step | None
    error: str
    worked: Row | None
    failed: int
    first_failed: int | None
    first_commit: str | None


def of_build(connection: sqlite3.Connection, row: Row, build: Build, worked: Row | None) -> Failure:
    """What is known of why the build of this row did not complete.

    `worked` is the row of the latest build of its target and platform that did.
    """
    at, number = (worked["completed_at"], worked["id"]) if worked else ("", 0)
    values = {**row, "worked_at": at, "worked": number}
    failed = [tuple(found) for found in connection.execute(_SINCE, values)]
    step = _guilty(build)
    error = (step.error if step and step.error else "") or build.error_message or ""
    if error.endswith(_CANCELED):
        error = build.error_message or error
    first = failed[0] if failed else (None, None)
    return Failure(step, error, worked, len(failed), first[0], first[1])


def sentence(name: str, row: Row, failure: Failure, kind: str) -> str:
    """The answer: what failed, with what error, and when a build of its `kind` last worked."""
    ended = "was canceled" if row["status"] == "canceled" else "failed"
    text = f"{name} {ended} after {figures.duration(row['build_duration'])}"
    if failure.step:
        text += f" in {sentences.code(sentences.label(failure.step))}"
    error = sentences.shortened(_AROUND.sub("", failure.error), _ERROR).rstrip(".")
    if error and row["status"] != "canceled":
        text += f": {error}"
    return f"{text}; {_last_worked(failure, kind)}."


def _last_worked(failure: Failure, kind: str) -> str:
    if failure.worked is None:
        return f"no build {kind}has worked yet"
    moment = failure.worked["build_timestamp"][:16].replace("T", " ")
    text = f"it last worked in build {failure.worked['id']} ({moment})"
    if failure.failed > 1:
        text += f" and has failed {failure.failed} times since"
    return text


def _guilty(build: Build) -> Step | None:
    """The step with an error of its own, else the last that was running."""
    for step in build.steps:
        if step.error and not step.error.endswith(_CANCELED):
            return step
    cut = [
        step
        for step in build.steps
        if not step.cached and step.started is not None and (step.error or step.duration is None)
    ]
    return max(cut, key=lambda step: step.started or 0.0, default=None)
