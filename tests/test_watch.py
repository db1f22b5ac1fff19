"""`buildrec watch` shows every build as it runs, whoever started it, and stores it at its end."""

import json
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from recording_help import (
    COMMAND,
    Running,
    Terminal,
    buildrec,
    keep_apart,
    rows,
    run,
    shell,
    unlike_any_other,
    until,
)
from relay_help import relaying
from second_engine import SecondEngine, second_engine

from recorder.live import STALE_AFTER

Contexts = Callable[..., Path]
engine = pytest.mark.engine
LIVE = "SELECT * FROM live WHERE image_name = '{}'"
WITH_STEPS = (
    "SELECT ref, (SELECT count(*) FROM steps WHERE build_id = docker_builds.id) AS steps "
    "FROM docker_builds"
)


@pytest.fixture(scope="module")
def alone() -> Iterator[SecondEngine]:
    """An engine that nobody else builds on, so that what it holds is ours."""
    with second_engine() as own:
        yield own


@pytest.fixture
def db(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, alone: SecondEngine) -> Path:
    """A history, for a docker CLI with a folder and an engine of its own."""
    keep_apart(monkeypatch, tmp_path)
    monkeypatch.setenv("DOCKER_HOST", alone.address)
    return tmp_path / "history.db"


@contextmanager
def watching(db: Path) -> Iterator[Running]:
    """A watch that has begun."""
    watch = Running(COMMAND, "--db", db, "watch", out=db.parent / "watch.out")
    try:
        watch.until_it_says('"caught_up"')
        yield watch
    finally:
        watch.process.kill()
        watch.wait()


def said(watch: Running, event: str, image_name: str) -> list[dict[str, Any]]:
    text = watch.out.read_text()
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    found = [line for line in lines if line["event"] == event]
    return [line for line in found if line["image_name"] == image_name]


def waits(context: Contexts, tmp_path: Path, name: str = "waits") -> tuple[Path, list[str]]:
    """A context whose last RUN goes on until it is interrupted, and the words to build it."""
    unlike = unlike_any_other()
    folder = context(shell("echo cached", f"echo {unlike} && busybox sleep 300"), name=name)
    return folder, ["docker", "build", "-q", str(folder)]


def brief(context: Contexts, name: str = "brief") -> Path:
    return context(shell(f"echo {unlike_any_other()} && busybox sleep 1"), name=name)


def of(db: Path, image_name: str) -> list[dict[str, Any]]:
    return [row for row in rows(db) if row["image_name"] == image_name]


@engine
def test_a_build_started_elsewhere_shows_while_it_runs_and_is_stored_as_it_ends(
    context: Contexts, db: Path, image_name: str, tmp_path: Path
) -> None:
    assert buildrec("record", image_name, "--duration", "9.8", db=db).returncode == 0
    _, words = waits(context, tmp_path)
    with watching(db) as watch:
        build = Running(*words, "-t", image_name, out=tmp_path / "build.out")

        def shows() -> Any:
            found = rows(db, LIVE.format(image_name))
            return found and "sleep 300" in (found[0]["current_step"] or "") and found[0]

        live = until(shows, "the view shows the step that runs")
        assert live["elapsed"] > 0
        assert live["usual_duration"] == 9.8
        assert live["steps"] > live["completed_steps"] > 0
        assert live["cached_steps"] <= live["completed_steps"]
        line = said(watch, "running", image_name)[-1]
        assert line["elapsed"] > 0
        for name in ("steps", "completed_steps", "cached_steps", "usual_duration"):
            assert line[name] == live[name]
        build.process.send_signal(signal.SIGINT)
        build.wait()
        (ended,) = until(lambda: said(watch, "ended", image_name), "the end is told")
        assert (ended["status"], ended["problem"]) == ("canceled", None)
        assert ended["verdict"].startswith("canceled after ")
        until(lambda: not rows(db, LIVE.format(image_name)), "the view is empty again")
    stored = [row for row in of(db, image_name) if row["ref"] == ended["ref"]]
    assert [(row["source"], row["status"]) for row in stored] == [("watch", "canceled")]


@engine
def test_a_build_that_build_and_sync_record_too_is_one_and_is_told_once(
    context: Contexts, db: Path, image_name: str
) -> None:
    with watching(db) as watch:
        ended = buildrec("build", "-q", "-t", image_name, brief(context), db=db)
        assert ended.returncode == 0, ended.stderr
        assert buildrec("sync", db=db).returncode == 0
        until(lambda: said(watch, "ended", image_name), "the end is told")
        assert run("docker", "build", "-q", brief(context, f"{image_name}-last")).returncode == 0
        until(lambda: said(watch, "ended", f"{image_name}-last"), "the next end is told")
        assert len(said(watch, "ended", image_name)) == 1
    (row,) = of(db, image_name)
    assert row["source"] == "build"
    query = f"SELECT total_builds FROM build_statistics WHERE image_name = '{image_name}'"
    assert rows(db, query) == [{"total_builds": 1}]


@engine
def test_builds_that_ended_before_are_stored_without_a_line_each(
    context: Contexts, db: Path, image_name: str
) -> None:
    assert run("docker", "build", "-q", "-t", image_name, brief(context)).returncode == 0
    with watching(db) as watch:
        caught = json.loads(watch.out.read_text().splitlines()[0])
        assert caught["new"] >= 1
        assert len(of(db, image_name)) == 1
        assert said(watch, "ended", image_name) == []


@engine
def test_a_question_to_the_engine_is_no_build(context: Contexts, db: Path, image_name: str) -> None:
    folder = brief(context, image_name)
    with watching(db) as watch:
        assert run("docker", "build", "--check", folder).returncode == 0
        assert run("docker", "build", "-q", folder).returncode == 0
        until(lambda: said(watch, "ended", image_name), "the build has ended")
        assert len(said(watch, "ended", image_name)) == 1
        assert len({line["ref"] for line in said(watch, "running", image_name)}) == 1
        until(lambda: not rows(db, LIVE.format(image_name)), "nothing is left in the view")


@engine
def test_a_secret_is_shown_nowhere_while_the_build_runs(
    context: Contexts, db: Path, image_name: str, tmp_path: Path
) -> None:
    secret = f"hush{unlike_any_other()}"
    folder = context(f"{shell()}ARG API_TOKEN\nRUN echo $API_TOKEN && busybox sleep 300\n")
    words = ["docker", "build", "-q", "-t", image_name, "--build-arg", f"API_TOKEN={secret}"]
    with watching(db) as watch:
        build = Running(*words, folder, out=tmp_path / "build.out")

        def shows() -> Any:
            found = rows(db, LIVE.format(image_name))
            return found and "sleep 300" in (found[0]["current_step"] or "")

        until(shows, "the view shows the step that runs")
        build.process.send_signal(signal.SIGINT)
        build.wait()
        until(lambda: said(watch, "ended", image_name), "the end is told")
    for file in (watch.out, *db.parent.glob("history.db*")):
        assert secret.encode() not in file.read_bytes(), file


@engine
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_leaves_no_row_behind(
    number: signal.Signals, context: Contexts, db: Path, image_name: str, tmp_path: Path
) -> None:
    _, words = waits(context, tmp_path)
    with watching(db) as watch:
        build = Running(*words, "-t", image_name, out=tmp_path / "build.out")
        until(lambda: rows(db, LIVE.format(image_name)), "the view shows the build")
        watch.process.send_signal(number)
        assert watch.wait() == 0
        assert rows(db, f"SELECT * FROM live_builds WHERE image_name = '{image_name}'") == []
        assert "Traceback" not in watch.out.read_text()
        build.process.send_signal(signal.SIGINT)
        build.wait()


@pytest.mark.slow
@engine
def test_a_watch_that_was_killed_leaves_no_ghost_in_the_view(
    context: Contexts, db: Path, image_name: str, tmp_path: Path
) -> None:
    _, words = waits(context, tmp_path)
    with watching(db) as watch:
        build = Running(*words, "-t", image_name, out=tmp_path / "build.out")
        until(lambda: rows(db, LIVE.format(image_name)), "the view shows the build")
        watch.process.kill()
        watch.wait()
    build.process.send_signal(signal.SIGINT)
    build.wait()
    assert STALE_AFTER <= 60
    until(lambda: not rows(db, LIVE.format(image_name)), "the ghost has gone from the view")
    assert buildrec("watch", "--once", db=db).returncode == 0
    assert [row["status"] for row in of(db, image_name)] == ["canceled"]


@engine
def test_it_goes_on_through_a_restart_of_the_engine(
    context: Contexts, db: Path, image_name: str, alone: SecondEngine
) -> None:
    before, after = f"{image_name}-before", f"{image_name}-after"
    with watching(db) as watch:
        assert run("docker", "build", "-q", "-t", before, brief(context)).returncode == 0
        until(lambda: said(watch, "ended", before), "the first build is told")
        alone.stop()
        watch.until_it_says('"waiting"')
        alone.start()
        assert run("docker", "build", "-q", "-t", after, brief(context, "c")).returncode == 0
        until(lambda: of(db, after), "the second build is stored")
        assert watch.out.read_text().count('"waiting"') == 1
        watch.process.terminate()
        assert watch.wait() == 0
    assert len(of(db, before)) == len(of(db, after)) == 1


@engine
def test_once_shows_what_runs_and_stores_what_ended(
    context: Contexts, db: Path, image_name: str, tmp_path: Path
) -> None:
    assert run("docker", "build", "-qt", f"{image_name}-ended", brief(context)).returncode == 0
    _, words = waits(context, tmp_path)
    build = Running(*words, "-t", image_name, out=tmp_path / "build.out")

    def shown() -> Any:
        lines = buildrec("watch", "--once", db=db).stdout.splitlines()
        found = [line for line in map(json.loads, lines) if line["event"] == "running"]
        return [line for line in found if line["image_name"] == image_name and line["steps"]]

    (line,) = until(shown, "the build is shown")
    assert line["elapsed"] > 0
    table = buildrec("watch", "--once", "--format", "table", db=db).stdout.decode()
    assert image_name in table
    assert "\x1b" not in table
    build.process.send_signal(signal.SIGINT)
    build.wait()
    assert len(of(db, f"{image_name}-ended")) == 1
    assert rows(db, "SELECT * FROM live_builds") == []


@engine
def test_once_tells_of_a_builder_that_is_not_there_and_looks_at_the_others(db: Path) -> None:
    ended = buildrec("watch", "--once", "--builder", "nowhere", "--builder", "default", db=db)
    assert ended.returncode == 1
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(event["event"], event["builder"]) for event in events[:2]] == [
        ("waiting", "nowhere"),
        ("caught_up", "default"),
    ]


@engine
def test_a_build_that_ends_under_a_lock_is_stored_when_the_lock_has_gone(
    context: Contexts, db: Path, image_name: str
) -> None:
    with watching(db) as watch:
        with closing(sqlite3.connect(db, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert run("docker", "build", "-q", "-t", image_name, brief(context)).returncode == 0
            (ended,) = until(lambda: said(watch, "ended", image_name), "the end is told")
            assert "is locked by another program" in ended["problem"]
            other.execute("ROLLBACK")
        until(lambda: of(db, image_name), "the build is stored by the same watch")
    assert len(of(db, image_name)) == 1


@engine
def test_at_a_terminal_it_draws_what_runs_and_cleans_up_after_itself(
    context: Contexts, db: Path, image_name: str, tmp_path: Path
) -> None:
    _, words = waits(context, tmp_path)
    terminal = Terminal(COMMAND, "--db", db, "watch", environ={"COLUMNS": "200"})
    terminal.until_it_shows(b"nothing runs; Ctrl-C ends the watch")
    build = Running(*words, "-t", image_name, out=tmp_path / "build.out")
    terminal.until_it_shows(image_name.encode())
    terminal.until_it_shows(b"sleep 300")
    build.process.send_signal(signal.SIGINT)
    build.wait()
    terminal.until_it_shows(f"{image_name}  canceled after ".encode())
    terminal.shown = b""
    terminal.until_it_shows(b"nothing runs")
    terminal.type(b"\x03")
    assert terminal.wait() == 0
    assert terminal.shown.replace(b"^C", b"").endswith(b"\x1b[1F\x1b[J")
    assert b"Traceback" not in terminal.shown


@pytest.mark.slow
@engine
def test_a_build_whose_ending_was_cut_off_comes_whole_once_the_engine_is_back(
    context: Contexts,
    db: Path,
    tmp_path: Path,
    alone: SecondEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(3):
        folder = context(shell(f"echo {unlike_any_other()}"), name=f"cut-{number}")
        run("docker", "buildx", "build", "-q", "-t", f"cut-{number}", folder)
    with relaying(alone.address, tmp_path) as relay:
        monkeypatch.setenv("DOCKER_HOST", relay.address)
        assert buildrec("sync", db=db).returncode == 0
    whole = {row["ref"]: row["steps"] for row in rows(db, WITH_STEPS)}
    for percent in (10, 15, 20, 25, 30):
        other = tmp_path / f"{percent}.db"
        cut_after = relay.passed * percent / 100
        with relaying(alone.address, tmp_path, cut_after=cut_after), watching(other):
            until(lambda: len(rows(other)) == len(whole), "all builds are stored")  # noqa: B023
        assert {row["ref"]: row["steps"] for row in rows(other, WITH_STEPS)} == whole
