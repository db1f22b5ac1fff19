"""On a real engine, each kind of build is recorded as the engine's own books have it."""

import base64
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_help import docker
from engines_books import assert_agrees, assert_image
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


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keep_apart(monkeypatch, tmp_path)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


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


def test_the_failing_lines_are_recorded_as_the_engine_tells_them(
    context: Contexts, image_name: str, db: Path
) -> None:
    folder = context(shell("true", "exit 7"))
    ended = buildrec("build", "--progress", "plain", "-t", image_name, folder, db=db)
    assert ended.returncode != 0
    excerpt = the_row(db)["error_excerpt"]
    (marked,) = [line for line in excerpt.splitlines() if ">>>" in line]
    assert "exit 7" in marked
    assert marked.encode() in ended.stderr, "buildx shows the same line"


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
