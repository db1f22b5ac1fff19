"""`buildrec sync` brings in every build that the builders hold, once, and tells what it cannot."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from engine_help import docker
from recording_help import (
    COMMAND,
    Terminal,
    buildrec,
    compose_plugin,
    keep_apart,
    rows,
    run,
    shell,
    unlike_any_other,
)
from relay_help import relaying
from second_engine import buildkit_socket, second_engine

from recorder.capture import sync
from recorder.capture.assemble import Circumstances
from recorder.engine import endpoints, history
from recorder.errors import EngineUnreachableError

pytestmark = pytest.mark.engine
Contexts = Callable[..., Path]


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return keep_apart(monkeypatch, tmp_path)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture(scope="module")
def engine() -> Iterator[str]:
    """The address of an engine that nobody else builds on."""
    with second_engine() as own:
        yield own.address


@pytest.fixture
def alone(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine but that one is used."""
    monkeypatch.setenv("DOCKER_HOST", engine)


def build(folder: Path, *words: str, code: int = 0) -> None:
    ended = docker("buildx", "build", "-q", *words, str(folder), check=False)
    assert ended.returncode == code, ended.stderr


def new(context: Contexts, name: str = "context") -> Path:
    return context(shell(f"echo {unlike_any_other()}"), name=name)


def refs(engine_records: str) -> set[str]:
    lines = [json.loads(line) for line in engine_records.splitlines()]
    return {line["ref"].rsplit("/", 1)[-1] for line in lines}


@pytest.mark.slow
def test_an_engine_that_is_slow_to_tell_sizes_loses_no_steps(
    engine: str, context: Contexts, db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine)
    for number in range(10):
        build(new(context, f"slow-{number}"), "-t", f"slow-{number}")
    held = len(refs(docker("buildx", "history", "ls", "--format", "json").stdout))
    monkeypatch.setattr(history, "_PATIENCE", 0.5)
    with relaying(engine, tmp_path, slow=1) as relay:
        monkeypatch.setenv("DOCKER_HOST", relay.address)
        (found,) = sync.sync(["default"], Circumstances("sync", db, "UTC"))
    assert found.problem is None
    assert len(found.builds) == held
    assert all(made.steps for made in found.builds)
    assert all(made.image_size_bytes for made in found.builds if made.image_name[:5] == "slow-")


def test_an_engine_that_goes_away_meanwhile_leaves_whole_builds_and_the_rest_for_the_next_time(
    engine: str, context: Contexts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine)
    for number in range(6):
        build(new(context, f"cut-{number}"), "-t", f"cut-{number}")
    shared = Circumstances("sync", tmp_path / "whole.db", "UTC")
    with relaying(engine, tmp_path) as relay:
        monkeypatch.setenv("DOCKER_HOST", relay.address)
        (whole,) = sync.sync(["default"], shared)
    steps = {made.ref: len(made.steps) for made in whole.builds}
    for share in (0.3, 0.5, 0.7, 0.9):
        shared = shared._replace(path=tmp_path / f"{share}.db")
        with relaying(engine, tmp_path, cut_after=relay.passed * share):
            (first,) = sync.sync(["default"], shared)
            (second,) = sync.sync(["default"], shared)
        assert isinstance(first.problem, EngineUnreachableError)
        assert second.problem is None
        assert {made.ref: len(made.steps) for made in first.builds + second.builds} == steps


@pytest.mark.usefixtures("alone")
def test_every_record_that_the_builder_holds_comes_in_and_again_adds_nothing(
    context: Contexts, db: Path
) -> None:
    build(new(context, "good"), "-t", "good")
    build(context(shell(f"echo {unlike_any_other()} && exit 3"), name="bad"), code=1)
    ended = buildrec("sync", db=db)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == b""
    held = refs(docker("buildx", "history", "ls", "--format", "json").stdout)
    assert {row["ref"] for row in rows(db)} == held
    assert {row["source"] for row in rows(db)} == {"sync"}
    by_name = {row["image_name"]: row for row in rows(db)}
    assert by_name["good"]["image_size_bytes"] > 0
    assert by_name["bad"]["status"] == "failed"
    before = rows(db), rows(db, "SELECT * FROM build_statistics")
    again = buildrec("sync", db=db)
    assert b"0 builds in" in again.stderr
    assert (rows(db), rows(db, "SELECT * FROM build_statistics")) == before


@pytest.mark.usefixtures("alone")
def test_what_build_recorded_keeps_its_name_and_source(context: Contexts, db: Path) -> None:
    words = ["--image-name", "chosen", "--timezone", "Europe/Oslo", "-q", new(context)]
    assert buildrec("build", *words, db=db).returncode == 0
    assert buildrec("sync", "--timezone", "UTC", db=db).returncode == 0
    (chosen,) = [row for row in rows(db) if row["source"] == "build"]
    assert (chosen["image_name"], chosen["timezone"]) == ("chosen", "Europe/Oslo")


@pytest.mark.usefixtures("alone")
def test_a_tag_that_moved_on_does_not_give_an_old_build_the_size_of_a_new_one(
    context: Contexts, db: Path
) -> None:
    build(new(context, "old"), "-t", "moving")
    bigger = f"echo {unlike_any_other()} && busybox dd if=/dev/zero of=/big bs=1M count=3"
    build(context(shell(bigger), name="new"), "-t", "moving")
    docker("image", "prune", "--force")
    assert buildrec("sync", db=db).returncode == 0
    query = "SELECT image_size_bytes FROM docker_builds WHERE image_name = 'moving' ORDER BY id"
    old, large = [row["image_size_bytes"] for row in rows(db, query)]
    assert old is None
    assert large > 3_000_000


@pytest.mark.usefixtures("alone")
def test_a_builder_that_is_not_there_is_reported_and_stops_nothing(
    context: Contexts, db: Path
) -> None:
    build(new(context), "-t", "there")
    ended = buildrec("sync", "--builder", "nowhere", "--builder", "default", db=db)
    assert ended.returncode == 1
    gone, told = ended.stderr.decode().splitlines()
    assert gone.startswith("nowhere: not read: ")
    assert told.startswith("default: ")
    assert "there" in {row["image_name"] for row in rows(db)}
    assert buildrec("sync", "--builder", "default", db=db).returncode == 0


def test_without_an_engine_the_cure_is_told(db: Path) -> None:
    ended = buildrec("sync", db=db, environ={"DOCKER_HOST": "unix:///nonexistent.sock"})
    assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (1, b"", 1)
    assert b"no Docker engine answers at unix:///nonexistent.sock" in ended.stderr


@pytest.mark.usefixtures("alone")
def test_progress_is_shown_at_a_terminal_only(context: Contexts, db: Path, tmp_path: Path) -> None:
    build(new(context))
    terminal = Terminal(COMMAND, "--db", tmp_path / "other.db", "sync")
    assert terminal.wait() == 0
    total = len(rows(tmp_path / "other.db"))
    assert f"\rdefault: {total} of {total}".encode() in terminal.shown
    assert b"\r" not in buildrec("sync", db=db).stderr


@pytest.mark.usefixtures("alone")
def test_the_builds_of_bake_come_in_one_by_one(context: Contexts, db: Path, tmp_path: Path) -> None:
    one, two = new(context, "one"), new(context, "two")
    targets = {folder.name: {"context": str(folder), "tags": [f"baked-{folder.name}"]}
               for folder in (one, two)}  # fmt: skip
    bake = {"group": {"default": {"targets": ["one", "two"]}}, "target": targets}
    (tmp_path / "bake.json").write_text(json.dumps(bake))
    baked = run("docker", "buildx", "bake", "--file", "bake.json", cwd=tmp_path)
    assert baked.returncode == 0, baked.stderr
    assert buildrec("sync", db=db).returncode == 0
    assert {"baked-one", "baked-two"} <= {row["image_name"] for row in rows(db)}


@pytest.mark.usefixtures("alone")
def test_the_builds_of_compose_come_in_one_by_one(
    context: Contexts, db: Path, tmp_path: Path, config: Path
) -> None:
    (config / "cli-plugins" / "docker-compose").symlink_to(compose_plugin())
    services = {name: {"build": str(new(context, name)), "image": f"composed-{name}"}
                for name in ("one", "two")}  # fmt: skip
    (tmp_path / "compose.yml").write_text(json.dumps({"services": services}))
    docker("compose", "--file", str(tmp_path / "compose.yml"), "build")
    assert buildrec("sync", db=db).returncode == 0
    found = {row["image_name"]: row for row in rows(db)}
    assert {"composed-one", "composed-two"} <= set(found)
    assert found["composed-one"]["total_steps"] > 0


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
def test_a_locked_database_is_told_and_nothing_is_half_written(context: Contexts, db: Path) -> None:
    assert buildrec("init", db=db).returncode == 0
    build(new(context))
    with closing(sqlite3.connect(db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ended = buildrec("sync", db=db)
        other.execute("ROLLBACK")
    assert (ended.returncode, ended.stderr.count(b"\n")) == (1, 1), ended.stderr
    assert b"is locked by another program: wait for it to end" in ended.stderr
    for table in ("docker_builds", "build_steps", "build_statistics"):
        assert rows(db, f"SELECT * FROM {table}") == []
    assert buildrec("sync", db=db).returncode == 0
    assert rows(db)


# Builders of other drivers, and other contexts


@pytest.fixture
def remote(engine: str, alone: None) -> Iterator[str]:
    """A builder of the driver `remote`, which is reached through `docker buildx dial-stdio`."""
    with buildkit_socket(engine.removeprefix("unix://")) as socket:
        docker("buildx", "create", "--name", "far", "--driver", "remote", f"unix://{socket}")
        yield "far"
        docker("buildx", "rm", "far", check=False)


def test_a_remote_builder_is_read_through_dial_stdio(
    context: Contexts, db: Path, remote: str
) -> None:
    assert endpoints.of_builder(remote) is None
    assert remote in endpoints.builders()
    build(new(context), "--builder", remote, "--output", "type=cacheonly")
    held = refs(docker("buildx", "history", "ls", "--builder", remote, "--format", "json").stdout)
    ended = buildrec("sync", "--builder", remote, db=db)
    assert ended.returncode == 0, ended.stderr
    assert {row["ref"] for row in rows(db)} == held
    assert {row["builder"] for row in rows(db)} == {remote}


def test_a_build_on_a_remote_builder_is_recorded_with_its_steps(
    context: Contexts, db: Path, remote: str
) -> None:
    words = ["--builder", remote, "--output", "type=cacheonly", new(context)]
    ended = buildrec("build", *words, db=db)
    assert ended.returncode == 0, ended.stderr
    (row,) = rows(db)
    assert (row["source"], row["builder"], row["image_size_bytes"]) == ("build", remote, None)
    assert len(rows(db, "SELECT * FROM build_steps")) >= row["total_steps"] - 1 > 0


@pytest.mark.slow
def test_a_remote_builder_that_has_gone_is_told(db: Path, alone: None) -> None:
    docker("buildx", "create", "--name", "gone", "--driver", "remote", "unix:///nonexistent.sock")
    ended = buildrec("sync", "--builder", "gone", db=db)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (1, 1), ended.stderr
    assert ended.stderr.startswith(b"gone: not read: the builder 'gone' ")


def test_the_engine_of_another_context_is_a_builder_by_its_name(
    context: Contexts, db: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    docker("context", "create", "elsewhere", f"--docker=host={engine}")
    words = ["--context", "elsewhere", "buildx", "build", "-q", "-t", "from-elsewhere"]
    docker(*words, str(new(context)))
    ended = buildrec("sync", "--builder", "elsewhere", db=db)
    assert ended.returncode == 0, ended.stderr
    (row,) = [row for row in rows(db) if row["image_name"] == "from-elsewhere"]
    assert row["builder"] == "elsewhere"
    assert row["image_size_bytes"]


def test_all_builders_are_those_of_buildx(engine: str, remote: str) -> None:
    listed = run("docker", "buildx", "ls", "--format", "{{.Builder.Name}}").stdout.decode().split()
    assert set(endpoints.builders()) == set(listed)
