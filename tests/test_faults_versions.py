"""Two versions of the program on one file: an older file is brought up, a newer one left alone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from upkeep_help import KEY, cli, count, fill, findings, query, refs, some_builds

from recorder import database, schema, spool, store
from recorder.errors import NewerDatabaseError
from recorder.upkeep import doctor
from recorder.upkeep.backup import back_up
from recorder.upkeep.prune import Rules, prune
from recorder.upkeep.restore import restore

RELEASED = sorted((Path(__file__).parent / "data" / "schemas").glob("*.sql"))


def of_release(file: Path, path: Path, *, rows: bool = True) -> Path:
    """A file as that release wrote it, in WAL mode as it was."""
    with closing(sqlite3.connect(path)) as plain:
        plain.executescript(file.read_text())
        if not rows:
            tables = plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                if table != "_sqlite_migrations":
                    plain.execute(f"DELETE FROM {table}")
        plain.commit()
        plain.execute("PRAGMA journal_mode = WAL")
    return path


@pytest.fixture(params=RELEASED, ids=lambda file: f"schema {file.stem}")
def release(request: pytest.FixtureRequest) -> Path:
    return request.param


def columns(path: Path) -> dict[str, list[str]]:
    tables = query(path, "SELECT name FROM sqlite_master WHERE type = 'table'")
    return {
        table: sorted(row[1] for row in query(path, f"PRAGMA table_xinfo({table})"))
        for (table,) in tables
    }


def everything(path: Path) -> dict[str, list[tuple]]:
    """The rows of each table, without the columns that the first release lacked."""
    found = {"steps": query(path, "SELECT * FROM steps ORDER BY build_id, position")}
    for table in (table for table in schema.TABLES if table.since == 1):
        # An instant may be told more exactly now, which its derived columns must not show.
        columns = [
            f"substr({c.name}, 1, 23) || substr({c.name}, -6)"
            if c.name.endswith("build_timestamp")
            else c.name
            for c in table.columns
            if c.since == 1
        ]
        found[table.name] = query(path, f"SELECT {', '.join(columns)} FROM {table.name}")
    return found


def test_every_release_but_the_present_one_has_left_a_file() -> None:
    assert [file.stem for file in RELEASED] == [str(n) for n in range(1, schema.VERSION)]


@pytest.mark.parametrize("rows", [True, False], ids=["with rows", "without"])
def test_a_file_of_any_release_is_brought_up_with_all_that_it_holds(
    release: Path, rows: bool, tmp_path: Path, database_path: Path
) -> None:
    path = of_release(release, tmp_path / "old.db", rows=rows)
    before = everything(path)
    assert bool(before["docker_builds"]) == rows
    with database.connect(path):
        assert everything(path) == before
    assert query(path, "PRAGMA user_version") == [(schema.VERSION,)]
    assert columns(path) == columns(database_path)
    assert findings(path) == {}
    fill(path, some_builds(30))
    prune(path, Rules(keep=4))
    assert findings(path) == {}


def test_a_reading_command_brings_it_up_too(release: Path, tmp_path: Path) -> None:
    path = of_release(release, tmp_path / "old.db")
    done = cli(path, "history", "--format", "nl")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == count(path)


def test_its_backup_is_as_it_was_and_its_restore_is_brought_up(
    release: Path, tmp_path: Path
) -> None:
    path = of_release(release, tmp_path / "old.db")
    copy = back_up(path).path
    assert query(copy, "PRAGMA user_version") == query(path, "PRAGMA user_version")
    assert query(copy, "PRAGMA user_version") != [(schema.VERSION,)]
    target = tmp_path / "new.db"
    restore(target, copy)
    assert everything(target) == everything(copy)
    assert findings(target) == {}
    assert query(copy, "PRAGMA user_version") != [(schema.VERSION,)]


def test_what_another_program_writes_into_it_is_found_and_mended(
    release: Path, tmp_path: Path
) -> None:
    path = of_release(release, tmp_path / "old.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("SELECT * FROM docker_builds").fetchall()
        with database.connect(path):
            pass
        names = ", ".join(schema.DOCKER_BUILDS.stored[1:])
        values = names.replace("ref,", "'late',")
        other.execute(
            f"INSERT INTO docker_builds ({names}) SELECT {values} FROM docker_builds WHERE id = 2"
        )
    assert {"statistics", "days"} <= set(findings(path))
    doctor.fix(path, secrets_too=False)
    assert findings(path) == {}
    assert "late" in refs(path)


def test_an_older_program_that_looked_before_it_was_brought_up_writes_nothing_into_it(
    release: Path, tmp_path: Path
) -> None:
    """Its build waits in the spool, as after any other error."""
    path = of_release(release, tmp_path / "old.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        names = [row[1] for row in older.execute("PRAGMA table_info(docker_builds)")][1:]
        values = ", ".join(names).replace("ref,", "'late',")
        insert = (
            f"INSERT INTO docker_builds ({', '.join(names)}) "
            f"SELECT {values} FROM docker_builds WHERE id = 2"
        )
        with database.connect(path):
            pass
        with pytest.raises(sqlite3.OperationalError, match="generated column"):
            older.execute(insert)
    assert findings(path) == {}


@pytest.fixture
def upgraded(database_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose file a newer program has brought up meanwhile."""
    fill(database_path, some_builds(9))
    with database.connect(database_path) as connection:
        with closing(sqlite3.connect(database_path, isolation_level=None)) as newer:
            newer.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
        yield connection


def test_a_connection_that_is_open_writes_nothing_more_into_a_newer_file(
    upgraded: sqlite3.Connection, database_path: Path
) -> None:
    before = query(database_path, "SELECT * FROM docker_builds")
    with pytest.raises(NewerDatabaseError):
        store.record_all(upgraded, some_builds(1, first=100), KEY)
    with pytest.raises(NewerDatabaseError):
        store.delete(upgraded, [1])
    assert query(database_path, "SELECT * FROM docker_builds") == before


def test_no_command_touches_a_newer_file_and_the_build_waits(database_path: Path) -> None:
    fill(database_path, some_builds(9))
    copy = back_up(database_path, database_path.parent / "copy.db").path
    with closing(sqlite3.connect(database_path, isolation_level=None)) as newer:
        newer.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    content = database_path.read_bytes()
    for words in (
        ("doctor",),
        ("doctor", "--fix"),
        ("doctor", "--salvage", "saved.db"),
        ("backup",),
        ("restore", copy),
        ("prune", "--keep", "1"),
        ("import", copy),
        ("history",),
    ):
        done = cli(database_path, *words)
        assert done.returncode == 1, words
        assert "pip install --upgrade buildrec" in done.stderr, words
        assert database_path.read_bytes() == content, words
    done = cli(database_path, "record", "late", "--duration", "1")
    assert "waits in" in done.stderr
    assert len(spool.waiting(database_path)) == 1
    assert database_path.read_bytes() == content
