"""A restore puts a backup in place; it loses nothing and disturbs nobody."""

import json
import shutil
import sqlite3
import threading
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from serve_help import serving
from upkeep_help import KEY, cli, damage, fill, findings, left, query, refs, root_page, some_builds

from recorder import database, spool, store
from recorder.errors import (
    BadValueError,
    DamagedDatabaseError,
    DatabaseError,
    DatabaseLockedError,
    DatabaseMissingError,
    NewerDatabaseError,
    NotADatabaseError,
)
from recorder.upkeep.backup import back_up
from recorder.upkeep.restore import restore


@pytest.fixture
def filled(database_path: Path) -> Path:
    fill(database_path, some_builds(30))
    return database_path


def test_a_restore_brings_back_what_was_and_keeps_what_is(filled: Path) -> None:
    copy = back_up(filled).path
    fill(filled, some_builds(5, first=100))
    done = restore(filled, copy)
    assert (done.builds, done.kept_builds, done.moved) == (30, 35, False)
    assert refs(filled) == {f"r{n}" for n in range(30)}
    assert done.kept is not None
    assert refs(done.kept) == refs(filled) | {f"r{n}" for n in range(100, 105)}
    assert findings(filled) == {}
    assert set(findings(done.kept)) <= {"place"}
    assert query(filled, "PRAGMA journal_mode") == [("wal",)]
    fill(filled, some_builds(1, first=200))
    assert findings(filled) == {}


def test_what_the_backup_lacked_comes_back_out_of_what_was_kept(filled: Path) -> None:
    copy = back_up(filled).path
    fill(filled, some_builds(5, first=100))
    before = refs(filled)
    kept = restore(filled, copy).kept
    assert kept is not None
    assert cli(filled, "import", kept).returncode == 0
    assert refs(filled) == before
    assert findings(filled) == {}


def test_a_restore_needs_no_file_that_is_there(filled: Path, tmp_path: Path) -> None:
    copy = back_up(filled).path
    path = tmp_path / "elsewhere" / "history.db"
    path.parent.mkdir()
    assert restore(path, copy).kept is None
    assert len(refs(path)) == 30
    # What an earlier file of that name left behind does not come into the new one.
    with database.connect(path) as connection:
        store.record_all(connection, some_builds(1, first=90), KEY)
        wal = Path(f"{path}-wal").read_bytes()
    path.unlink()
    Path(f"{path}-wal").write_bytes(wal)
    restore(path, copy)
    assert findings(path) == {}
    assert "r90" not in refs(path)


def test_a_reader_goes_on_and_sees_the_one_or_the_other(filled: Path) -> None:
    copy = back_up(filled).path
    fill(filled, some_builds(300, first=100))
    seen, stop = [], threading.Event()

    def read() -> None:
        with database.connect_to_read(filled) as connection:
            while not stop.is_set():
                rows = connection.execute(
                    "SELECT count(*), (SELECT sum(total_builds) FROM build_statistics) "
                    "FROM docker_builds"
                ).fetchone()
                seen.append(tuple(rows))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(3):
        restore(filled, copy)
        fill(filled, some_builds(300, first=100))
    stop.set()
    reader.join()
    assert set(seen) <= {(30, 30), (330, 330)}


def test_a_server_goes_on_with_what_was_restored(filled: Path) -> None:
    copy = back_up(filled).path
    fill(filled, some_builds(5, first=100))
    with serving(filled) as (url, _):

        def total() -> int:
            page = f"{url}/docker_build_history/image_statistics.json?_shape=array"
            with urllib.request.urlopen(page, timeout=30) as answer:
                return sum(row["total_builds"] for row in json.load(answer))

        assert total() == 35
        restore(filled, copy)
        assert total() == 30
        fill(filled, some_builds(1, first=200))
        assert total() == 31


def test_builds_that_wait_come_in_after_a_restore(filled: Path) -> None:
    copy = back_up(filled).path
    (late,) = some_builds(1, first=500)
    spool.put(late, filled, KEY)
    done = restore(filled, copy)
    assert (done.builds, done.waiting) == (30, 1)
    assert "r500" in refs(filled)
    assert findings(filled) == {}


@pytest.mark.parametrize("content", [b"", b"a letter " * 900])
def test_what_is_no_history_is_refused_and_nothing_changes(
    filled: Path, tmp_path: Path, content: bytes
) -> None:
    source = tmp_path / "source.db"
    source.write_bytes(content)
    with pytest.raises(NotADatabaseError):
        restore(filled, source)
    with pytest.raises(DatabaseMissingError):
        restore(filled, tmp_path / "none.db")
    with pytest.raises(BadValueError):
        restore(filled, filled)
    assert len(refs(filled)) == 30
    assert left(filled.parent) == ["docker_build_history.db", "source.db"]


def test_a_backup_that_is_damaged_newer_or_anothers_is_refused(filled: Path) -> None:
    copy = back_up(filled).path
    whole = copy.read_bytes()
    refused: list[tuple[str, type[DatabaseError]]] = [
        ("PRAGMA user_version = 99", NewerDatabaseError),
        ("PRAGMA application_id = 5", NotADatabaseError),
    ]
    for statement, kind in refused:
        with closing(sqlite3.connect(copy)) as plain:
            plain.execute(statement)
        with pytest.raises(kind):
            restore(filled, copy)
        copy.write_bytes(whole)
    damage(copy, root_page(copy, "build_steps"))
    with pytest.raises(DamagedDatabaseError):
        restore(filled, copy)
    assert len(refs(filled)) == 30
    assert left(filled.parent) == ["backups", "docker_build_history.db"]


def test_the_file_of_another_program_is_not_replaced(filled: Path, tmp_path: Path) -> None:
    copy = back_up(filled).path
    theirs = tmp_path / "theirs.db"
    with closing(sqlite3.connect(theirs)) as plain:
        plain.execute("CREATE TABLE letters (text)")
    newer = tmp_path / "newer.db"
    shutil.copy(copy, newer)
    with closing(sqlite3.connect(newer)) as plain:
        plain.execute("PRAGMA user_version = 99")
    for path, kind in ((theirs, NotADatabaseError), (newer, NewerDatabaseError)):
        before = path.read_bytes()
        with pytest.raises(kind):
            restore(path, copy)
        assert path.read_bytes() == before


@pytest.mark.parametrize("page", ["build_steps", "first"])
def test_a_damaged_history_is_kept_and_replaced(filled: Path, page: str) -> None:
    copy = back_up(filled).path
    damage(filled, 1 if page == "first" else root_page(filled, page))
    content = filled.read_bytes()
    done = restore(filled, copy)
    assert done.moved == (page == "first")
    assert findings(filled) == {}
    assert len(refs(filled)) == 30
    assert done.kept is not None
    assert done.kept.read_bytes()[4096:] == content[4096:]


def test_a_history_that_another_program_holds_is_left_as_it_is(filled: Path) -> None:
    copy = back_up(filled).path
    fill(filled, some_builds(1, first=100))
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLockedError):
            restore(filled, copy, timeout=0.2)
        assert back_up(filled).builds == 31  # a copy needs no lock
    assert len(refs(filled)) == 31
    assert not list((filled.parent / "backups").glob("*replaced*"))


def test_a_backup_with_other_pages_is_restored(filled: Path) -> None:
    copy = back_up(filled).path
    with closing(sqlite3.connect(copy, isolation_level=None)) as plain:
        plain.execute("PRAGMA page_size = 8192")
        plain.execute("VACUUM")
    restore(filled, copy)
    assert len(refs(filled)) == 30
    assert findings(filled) == {}


def test_what_ran_when_the_backup_was_made_does_not_run_after_the_restore(filled: Path) -> None:
    with closing(sqlite3.connect(filled, isolation_level=None)) as plain:
        plain.execute(
            "INSERT INTO live_builds VALUES ('x', 'shop', 'default', '2026', 1, 0, 0, NULL, NULL, "
            "'me', '2026')"
        )
    restore(filled, back_up(filled).path)
    assert query(filled, "SELECT * FROM live_builds") == []
