"""The Docker CLI calls us after a build at a terminal: a verdict is shown, the build is stored."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from recording_help import (
    PATIENCE,
    Terminal,
    buildrec,
    keep_apart,
    rows,
    run,
    shell,
    unlike_any_other,
    until,
)
from second_engine import second_engine

Contexts = Callable[..., Path]
CALL = ("buildrec", "docker-cli-plugin-hooks", '{"RootCmd": "build", "Flags": {}}')


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture(scope="module")
def alone() -> Iterator[str]:
    """The address of an engine that nobody else builds on."""
    with second_engine() as own:
        yield own.address


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, db: Path, alone: str) -> Path:
    """The plugin, installed for a docker CLI with a folder and an engine of its own."""
    folder = keep_apart(monkeypatch, tmp_path)
    monkeypatch.setenv("DOCKER_HOST", alone)
    monkeypatch.setenv("BUILDREC_HOOK_WAIT", "60")  # the slowest machine has its verdict in time
    assert buildrec("hook", "install", db=db).returncode == 0
    return folder / "cli-plugins" / "docker-buildrec"


def built(context: Contexts, image_name: str, *words: str, name: str = "context") -> list[str]:
    folder = context(shell(f"echo {unlike_any_other()}"), name=name)
    return ["docker", "build", "-t", image_name, *words, str(folder)]


def ours(db: Path, image_name: str) -> list[dict[str, Any]]:
    """The rows of the image; there may be builds of others on the engine."""
    if not rows(db, "SELECT 1 FROM sqlite_master WHERE name = 'docker_builds'"):
        return []
    return [row for row in rows(db) if row["image_name"].startswith(image_name)]


def stored(db: Path, image_name: str, count: int = 1) -> list[dict[str, Any]]:
    until(lambda: len(ours(db, image_name)) >= count, "the build is stored")
    return ours(db, image_name)


@pytest.mark.engine
def test_a_build_at_a_terminal_is_stored(
    context: Contexts, db: Path, hooked: Path, image_name: str
) -> None:
    assert Terminal(*built(context, image_name)).wait() == 0
    (row,) = stored(db, image_name)
    assert (row["source"], row["status"]) == ("hook", "completed")
    assert row["image_size_bytes"] > 0
    assert row["image_digest"]
    assert rows(db, f"SELECT * FROM build_steps WHERE build_id = {row['id']}")


@pytest.mark.engine
def test_the_cli_shows_the_verdict_under_what_is_next(
    context: Contexts, db: Path, hooked: Path, image_name: str
) -> None:
    terminal = Terminal(*built(context, image_name))
    assert terminal.wait() == 0
    assert b"MB" in terminal.shown.partition(b"What's next:")[2]


@pytest.mark.engine
def test_nothing_is_shown_or_called_where_there_is_no_terminal(
    context: Contexts, db: Path, hooked: Path, image_name: str
) -> None:
    ended = run(*built(context, image_name))
    assert ended.returncode == 0
    assert b"What's next" not in ended.stdout + ended.stderr


@pytest.mark.engine
def test_the_verdict_is_that_of_the_command_that_called(
    context: Contexts, db: Path, hooked: Path, image_name: str, tmp_path: Path
) -> None:
    assert run(*built(context, f"{image_name}-before", name="before")).returncode == 0
    after = built(context, f"{image_name}-after", name="after")
    script = tmp_path / "docker-and-hook"
    call = " ".join(f"'{word}'" for word in (str(hooked), *CALL))
    script.write_text(f"{' '.join(after)} >/dev/null 2>&1\n{call}\n")
    hint = json.loads(run("sh", script).stdout)
    assert hint["Type"] == 0
    assert "\n" not in hint["Template"]  # one build only, though the one before is new as well
    assert hint["Template"].endswith("MB")
    assert {row["image_name"] for row in stored(db, image_name, 2)} == {
        f"{image_name}-before",
        f"{image_name}-after",
    }


@pytest.mark.engine
def test_a_command_that_built_nothing_gets_no_verdict(
    context: Contexts, db: Path, hooked: Path, image_name: str
) -> None:
    assert run(*built(context, image_name)).returncode == 0
    script = " ".join(f"'{word}'" for word in (str(hooked), *CALL))
    assert run("sh", "-c", f"sleep 0.1; {script}").stdout == b""
    stored(db, image_name)  # what was missed so far comes in by the way


@pytest.mark.engine
@pytest.mark.parametrize("wait", ["0", "-1", "nan", "inf", "long"])
def test_a_verdict_that_nobody_waits_for_changes_nothing_else(
    context: Contexts, db: Path, hooked: Path, image_name: str, wait: str
) -> None:
    words = " ".join(built(context, image_name))
    script = f"{words} >/dev/null 2>&1 && '{hooked}' {CALL[0]} {CALL[1]} '{{}}'"
    ended = run("sh", "-c", script, environ={"BUILDREC_HOOK_WAIT": wait})
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert wait != "0" or ended.stdout == b""
    stored(db, image_name)


@pytest.mark.engine
def test_the_call_ends_well_when_the_engine_is_dead(db: Path, hooked: Path) -> None:
    ended = run(hooked, *CALL, environ={"DOCKER_HOST": "unix:///nonexistent.sock"})
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.engine
def test_a_build_under_a_locked_database_is_kept_and_stored_later(
    context: Contexts, db: Path, hooked: Path, image_name: str
) -> None:
    assert buildrec("init", db=db).returncode == 0
    words = built(context, image_name)
    with closing(sqlite3.connect(db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ended = run("sh", "-c", f"{' '.join(words)} && '{hooked}' {CALL[0]} {CALL[1]} '{{}}'")
        assert ended.returncode == 0
        assert ours(db, image_name) == []
        other.execute("ROLLBACK")
    assert len(stored(db, image_name)) == 1


@pytest.mark.engine
def test_the_call_works_where_the_home_cannot_be_written(
    context: Contexts, db: Path, hooked: Path, image_name: str
) -> None:
    nowhere = {"HOME": "/proc/nowhere", "XDG_CONFIG_HOME": "/proc/x", "XDG_STATE_HOME": "/proc/x"}
    words = built(context, image_name)
    script = f"{' '.join(words)} && '{hooked}' {CALL[0]} {CALL[1]} '{{}}'"
    ended = run("sh", "-c", script, environ=nowhere)
    assert ended.returncode == 0
    assert len(stored(db, image_name)) == 1


@pytest.mark.engine
def test_nothing_is_imported_from_the_folder_of_the_build(
    context: Contexts, db: Path, hooked: Path, image_name: str, tmp_path: Path
) -> None:
    for name in ("json", "select", "recorder"):
        (tmp_path / f"{name}.py").write_text("open('harm', 'w')\nraise SystemExit(9)\n")
    words = built(context, image_name)
    script = f"{' '.join(words)} && '{hooked}' {CALL[0]} {CALL[1]} '{{}}'"
    assert run("sh", "-c", script, cwd=tmp_path).returncode == 0
    assert len(stored(db, image_name)) == 1
    assert not (tmp_path / "harm").exists()


@pytest.mark.engine
def test_the_cli_has_our_commands_as_its_own(db: Path, hooked: Path) -> None:
    assert buildrec("record", "web", "--duration", "3", db=db).returncode == 0
    ended = run("docker", "buildrec", "history", "--format", "nl")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["image_name"] == "web"


@pytest.mark.engine
def test_nothing_is_left_running_after_the_call(db: Path, hooked: Path) -> None:
    copy = hooked.with_name("docker-buildrec-alone")
    shutil.copy(hooked, copy)
    subprocess.run([copy, *CALL], timeout=PATIENCE, check=True, capture_output=True)

    def left() -> bool:
        mine = f"BUILDREC_DB={db}".encode()
        return not any(
            mine in _environment(entry) for entry in Path("/proc").glob("[0-9]*/environ")
        )

    assert until(left, "the detached process has ended")


def _environment(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
