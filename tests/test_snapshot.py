"""A copy of the history for a Docker context: one file, consistent, that harms no other."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from travel_help import KEY, NOON, content, is_sound, make

from recorder import DockerBuildTracker, database, store
from recorder.errors import CannotWriteError, DatabaseMissingError
from recorder.exports.snapshot import snapshot
from recorder.model import Build


def a_build(number: int) -> Build:
    moment = NOON + timedelta(hours=number)
    return Build(image_name="shop", build_duration=1.0, completed_at=moment, ref=f"r{number}")


def test_a_copy_is_whole_while_others_write(tmp_path: Path) -> None:
    source = make(tmp_path / "docker_build_history.db", [a_build(0)])
    script = """if True:
        import itertools, sys
        from recorder import database, store
        from test_snapshot import KEY, Path, a_build
        with database.connect(Path(sys.argv[1])) as connection:
            for number in itertools.count(1):
                store.record(connection, a_build(number), KEY)
                print(number, flush=True)
    """
    tests = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", script, str(source)]
    with subprocess.Popen(command, env=tests, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout is not None
            for number in range(5):
                acknowledged = int(writer.stdout.readline())
                copy = snapshot(source, tmp_path / f"copy{number}.db")
                with closing(sqlite3.connect(copy)) as connection:
                    builds = connection.execute("SELECT count(*) FROM docker_builds").fetchone()[0]
                    sums = connection.execute("SELECT total_builds FROM build_statistics")
                    assert sums.fetchone()[0] == builds > acknowledged
                assert is_sound(copy)
        finally:
            writer.kill()


def test_a_folder_gets_one_file_that_a_dockerfile_finds(tmp_path: Path) -> None:
    source = make(tmp_path / "docker_build_history.db", [a_build(0), a_build(1)])
    folder = tmp_path / "docker"
    folder.mkdir()
    with database.connect(source) as connection:  # its write-ahead log is in use
        store.record(connection, a_build(2), KEY)
        assert snapshot(source, folder) == folder / "docker_build_history.db"
    assert os.listdir(folder) == ["docker_build_history.db"]
    copy = folder / "docker_build_history.db"
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert content(copy) == content(source)
    assert os.listdir(folder) == ["docker_build_history.db"]


def test_a_log_that_an_older_copy_left_is_not_applied_to_the_new_one(tmp_path: Path) -> None:
    source = make(tmp_path / "docker_build_history.db", [a_build(0)])
    target = tmp_path / "copy.db"
    snapshot(source, target)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE x (y)")
        other.commit()
        shutil.copyfile(tmp_path / "other.db-wal", f"{target}-wal")
    snapshot(source, target)
    assert not Path(f"{target}-wal").exists()
    assert content(target) == content(source)


def test_a_history_that_is_recorded_into_is_never_replaced(tmp_path: Path) -> None:
    source = make(tmp_path / "docker_build_history.db", [a_build(0)])
    folder = tmp_path / "other"
    folder.mkdir()
    other = make(folder / "docker_build_history.db", [a_build(1), a_build(2)])
    before = content(other)
    with pytest.raises(CannotWriteError, match="a history that is recorded into"):
        snapshot(source, folder)
    with pytest.raises(CannotWriteError, match="the history itself"):
        snapshot(source, tmp_path)
    assert content(other) == before
    with pytest.raises(CannotWriteError):
        DockerBuildTracker(source).copy_to_docker_context(folder)


def test_a_copy_is_replaced_by_a_newer_one(tmp_path: Path) -> None:
    source = make(tmp_path / "docker_build_history.db", [a_build(0)])
    snapshot(source, tmp_path / "copy.db")
    make(source, [a_build(1)])
    snapshot(source, tmp_path / "copy.db")
    assert content(tmp_path / "copy.db") == content(source)


def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissingError):
        snapshot(tmp_path / "none.db", tmp_path / "copy.db")
    source = make(tmp_path / "docker_build_history.db", [])
    with pytest.raises(CannotWriteError):
        snapshot(source, tmp_path / "none" / "copy.db")
    command = [sys.executable, "-m", "recorder", "--db", str(source), "snapshot", "none/"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: there is no folder none/: make it, or name a file.\n"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
