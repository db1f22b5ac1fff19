"""On a real engine, each kind of build is recorded as the engine's own books have it."""

import base64
import json
import re
import signal
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engine_help import docker
from recording_help import (
    COMMAND,
    Running,
    buildrec,
    keep_apart,
    rows,
    shell,
    steps,
    the_row,
    unlike_any_other,
)

pytestmark = pytest.mark.engine
Contexts = Callable[..., Path]

SPELLED = {"completed": "completed", "canceled": "canceled", "error": "failed", "failed": "failed"}
MICROSECOND = 1.1e-6


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keep_apart(monkeypatch, tmp_path)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def seconds(stamp: str) -> float:
    """An RFC 3339 time with nanoseconds and any offset, as seconds since 1970."""
    head, _, tail = stamp.replace("Z", "+00:00").partition(".")
    digits, sign, offset = tail.partition("+") if "+" in tail else tail.partition("-")
    moment = datetime.fromisoformat(f"{head}{sign}{offset}" if tail else head)
    return moment.timestamp() + (float(f"0.{digits}") if digits.isdigit() else 0.0)


def engines_word(ref: str) -> dict[str, Any]:
    inspected: dict[str, Any] = json.loads(
        docker("buildx", "history", "inspect", ref, "--format", "json").stdout
    )
    return inspected


def engines_trace(ref: str) -> list[dict[str, Any]]:
    """All vertex events of a build, as buildx prints them."""
    printed = docker("buildx", "history", "logs", ref, "--progress", "rawjson")
    lines = (printed.stdout + printed.stderr).splitlines()
    return [v for line in lines if line.startswith("{") for v in json.loads(line)["vertexes"]]


def times_by_hand(
    ref: str, begun: str, window: float
) -> dict[str, tuple[float, float | None] | None]:
    """Start (from the build's own) and duration of each step that ran, by its name; None if cached.

    The union of a vertex's intervals, each with the last end that was told of it; of a step that
    a concurrent build had begun, the part inside this build.
    """
    zero = seconds(begun)
    names: dict[str, str] = {}
    cached: dict[str, bool] = defaultdict(bool)
    ends: dict[str, dict[float, float | None]] = defaultdict(dict)
    for vertex in engines_trace(ref):
        group = vertex.get("progressGroup") or {}
        digest = group.get("id") or vertex["digest"]
        names[digest] = group.get("name") or vertex["name"]
        cached[digest] |= vertex.get("cached", False)
        if "started" in vertex:
            start = seconds(vertex["started"]) - zero
            end = seconds(vertex["completed"]) - zero if "completed" in vertex else None
            ends[digest][start] = end if end is not None else ends[digest].get(start)
    found: dict[str, tuple[float, float | None] | None] = {}
    for digest, name in names.items():
        if cached[digest]:
            found[name] = None
        elif intervals := ends.get(digest):
            first = min(intervals)
            if re.match(r"\[.*\d+/\d+\]", name):
                intervals = {max(0.0, s): e and min(e, window) for s, e in intervals.items()}
            found[name] = (first, union(intervals))
    return found


def union(intervals: dict[float, float | None]) -> float | None:
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals.items()):
        if end is None:
            return None
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def assert_agrees(db: Path, row: dict[str, Any]) -> None:
    """The record says what `docker buildx history inspect` and the engine's trace say."""
    word = engines_word(row["ref"])
    assert row["status"] == SPELLED[word["Status"]]
    assert row["success"] == (word["Status"] == "completed")
    began = datetime.strptime(row["started_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert began.timestamp() == pytest.approx(seconds(word["StartedAt"]), abs=0.001)
    assert row["build_duration"] == pytest.approx(word["Duration"] / 1e9, abs=MICROSECOND)
    assert row["total_steps"] == word.get("NumTotalSteps", 0)
    assert row["completed_steps"] == word.get("NumCompletedSteps", 0)
    assert row["cached_steps"] == word.get("NumCachedSteps", 0)
    ours = steps(db, row["id"])
    theirs = times_by_hand(row["ref"], word["StartedAt"], word["Duration"] / 1e9)
    assert {name for name, step in ours.items() if step["started"] is not None} >= {
        name for name, times in theirs.items() if times
    }
    for name, times in theirs.items():
        assert ours[name]["cached"] == (times is None), name
        if times is None:
            assert ours[name]["duration"] == 0, name
            continue
        started, duration = times
        assert ours[name]["started"] == pytest.approx(started, abs=MICROSECOND), name
        if duration is None:
            assert ours[name]["duration"] is None, name
        else:
            assert ours[name]["duration"] == pytest.approx(duration, abs=MICROSECOND), name


def assert_image(row: dict[str, Any], name: str) -> None:
    """Size and digest are those of the image that the engine now has under `name`."""
    (image,) = json.loads(docker("image", "inspect", name).stdout)
    assert row["image_size_bytes"] == image["Size"]
    assert row["image_size_mb"] == pytest.approx(image["Size"] / 1e6)
    assert row["image_digest"] == image["Id"]


def test_a_cold_build_is_recorded_as_the_engine_has_it(
    context: Contexts, image_name: str, db: Path
) -> None:
    word = unlike_any_other()
    folder = context(shell(f"echo {word}", f"busybox sleep 0.2; echo {word}"))
    ended = buildrec("build", "-t", image_name, folder, db=db)
    assert ended.returncode == 0, ended.stderr
    row = the_row(db)
    assert_agrees(db, row)
    assert_image(row, image_name)
    assert (row["image_name"], row["source"], row["status"]) == (image_name, "build", "completed")
    assert json.loads(row["image_tags"]) == [image_name]
    ran = rows(db, "SELECT name, cached FROM steps WHERE kind = 'run'")
    assert [step["cached"] for step in ran] == [0, 0]  # a COPY may be known from another test
    assert row["cache_class"] in ("cold", "partial")
    assert steps(db, row["id"])[f"[3/3] RUN busybox sleep 0.2; echo {word}"]["duration"] > 0.2
    assert row["context_bytes"] > 0


def test_a_warm_build_is_recorded_as_the_engine_has_it(
    context: Contexts, image_name: str, db: Path
) -> None:
    folder = context(shell(f"echo {unlike_any_other()}"))
    for _ in range(2):
        assert buildrec("build", "-t", image_name, folder, db=db).returncode == 0
    cold, warm = rows(db)
    assert_agrees(db, cold)
    assert_agrees(db, warm)
    assert_image(warm, image_name)
    assert (warm["cache_class"], warm["cache_ratio"]) == ("warm", 1.0)
    assert cold["cache_class"] != "warm"
    (statistics,) = rows(db, "SELECT * FROM build_statistics")
    assert (statistics["image_name"], statistics["total_builds"]) == (image_name, 2)


def test_a_failing_build_is_recorded_as_the_engine_has_it(
    context: Contexts, image_name: str, db: Path
) -> None:
    broken = f"echo {unlike_any_other()} && exit 3"
    folder = context(shell(broken, "echo never"))
    ended = buildrec("build", "-t", image_name, folder, db=db)
    assert ended.returncode == 1
    row = the_row(db)
    assert_agrees(db, row)
    assert (row["image_name"], row["status"], row["image_digest"]) == (image_name, "failed", None)
    assert row["image_size_mb"] == 0.0
    assert "exit code: 3" in row["error_message"]
    found = steps(db, row["id"])
    assert "exit code: 3" in found[f"[2/3] RUN {broken}"]["error"]
    assert found["[3/3] RUN echo never"]["started"] is None
    assert found["[3/3] RUN echo never"]["duration"] is None


def test_a_cancelled_build_is_recorded_as_the_engine_has_it(
    context: Contexts, image_name: str, db: Path, tmp_path: Path
) -> None:
    folder = context(shell(f"echo {unlike_any_other()} && echo go''ing && busybox sleep 300"))
    words = ["build", "--progress=plain", "-t", image_name, folder]
    building = Running(COMMAND, "--db", db, *words, out=tmp_path / "output")
    building.until_it_says("going\n")
    building.process.send_signal(signal.SIGINT)
    assert building.wait() == 130
    row = the_row(db)
    assert_agrees(db, row)
    assert (row["image_name"], row["status"], row["success"]) == (image_name, "canceled", 0)
    assert "not recorded" not in building.out.read_text()


def test_each_target_of_a_bake_is_recorded_as_the_engine_has_it(
    context: Contexts, image_name: str, db: Path
) -> None:
    word = unlike_any_other()
    folder = context(
        f"FROM scratch AS base\nCOPY busybox /bin/sh\nRUN echo {word} base\n"
        f"FROM base AS first\nRUN echo {word} first\n"
        f"FROM base AS second\nRUN echo {word} second && busybox sleep 0.2\n"
    )
    (folder / "docker-bake.json").write_text(
        json.dumps(
            {
                "group": {"default": {"targets": ["one", "two"]}},
                "target": {
                    "one": {"target": "first", "tags": [f"{image_name}-one"]},
                    "two": {"target": "second", "tags": [f"{image_name}-two:dev"]},
                },
            }
        )
    )
    ended = buildrec("run", "--", "docker", "buildx", "bake", db=db, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    found = {row["target"]: row for row in rows(db)}
    assert set(found) == {"first", "second"}
    assert found["first"]["image_name"] == f"{image_name}-one"
    assert found["second"]["image_name"] == f"{image_name}-two:dev"
    for row in found.values():
        assert row["source"] == "run"
        assert_agrees(db, row)
        assert_image(row, json.loads(row["image_tags"])[0])
    names = steps(db, found["second"]["id"])
    (slow,) = [step for name, step in names.items() if "sleep 0.2" in name]
    assert slow["duration"] > 0.2


def test_a_build_with_a_secret_mount_is_recorded_as_the_engine_has_it(
    context: Contexts, image_name: str, db: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("only-for-the-builder")
    folder = context(
        shell(f"--mount=type=secret,id=key busybox wc -c /run/secrets/key # {image_name}")
    )
    ended = buildrec("build", "--secret", f"id=key,src={secret}", "-t", image_name, folder, db=db)
    assert ended.returncode == 0, ended.stderr
    row = the_row(db)
    assert_agrees(db, row)
    assert_image(row, image_name)
    (step,) = [s for name, s in steps(db, row["id"]).items() if "RUN" in name]
    assert (step["step"], step["steps"], step["kind"]) == (2, 2, "run")


def test_a_build_without_a_tag_is_named_after_its_folder(context: Contexts, db: Path) -> None:
    folder = context(shell(f"echo {unlike_any_other()}"), name="orders")
    ended = buildrec("build", folder, db=db)
    assert ended.returncode == 0, ended.stderr
    row = the_row(db)
    assert_agrees(db, row)
    assert (row["image_name"], row["image_tags"]) == ("orders", None)
    assert_image(row, row["image_digest"])


def test_linked_copies_are_recorded_as_the_engine_has_them(
    context: Contexts, image_name: str, db: Path
) -> None:
    # An engine that can merge layers runs such a step as several vertices of one group.
    word = unlike_any_other()
    folder = context(f"FROM scratch\nCOPY busybox /bin/sh\nCOPY --link {word} /\n")
    (folder / word).write_bytes(b"x" * 100_000)
    assert buildrec("build", "-t", image_name, folder, db=db).returncode == 0
    assert_agrees(db, the_row(db))


def test_the_output_of_a_step_is_not_in_its_record(
    context: Contexts, image_name: str, db: Path
) -> None:
    folder = context(shell(f"echo {unlike_any_other()} && echo said-and-for''gotten"))
    assert buildrec("build", "-t", image_name, folder, db=db).returncode == 0
    printed = docker(
        "buildx", "history", "logs", the_row(db)["ref"], "--progress", "rawjson"
    ).stdout.splitlines()
    said = b"".join(
        base64.b64decode(log["data"])
        for line in printed
        for log in json.loads(line).get("logs") or ()
    )
    assert said == b"" or b"said-and-forgotten" in said
    for file in (db, db.with_name(f"{db.name}-wal")):
        assert not file.exists() or b"said-and-forgotten" not in file.read_bytes()
