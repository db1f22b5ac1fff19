"""The tables that schema 4 rebuilt: what a file of schema 3 said it says still."""

import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_faults_versions import RELEASED, of_release
from upkeep_help import findings, query

from recorder import database, migrations, rebuilt_tables, schema, times
from recorder.upkeep import salvage

READ = (
    "SELECT id, started_at, completed_at, status, cache_class, saved_seconds, "
    "critical_path_seconds, substr(build_timestamp, 1, 23), substr(build_timestamp, -6) "
    "FROM docker_builds ORDER BY id"
)
THIRD = next(file for file in RELEASED if file.stem == "3")


@pytest.fixture
def third(tmp_path: Path) -> Path:
    """A file as schema 3 left it."""
    return of_release(THIRD, tmp_path / "old.db")


def insert(plain: sqlite3.Connection, values: dict[str, object]) -> None:
    """Write a row of a build as schema 3 has it."""
    marks = ", ".join("?" * len(values))
    plain.execute(
        f"INSERT INTO docker_builds ({', '.join(values)}) VALUES ({marks})", (*values.values(),)
    )


def builds_of_schema_3(count: int) -> list[dict[str, object]]:
    """Rows as its store wrote them: instants cut to milliseconds, durations in microseconds."""
    source = random.Random(4)
    rows: list[dict[str, object]] = []
    for number in range(count):
        began = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=source.randrange(10**13))
        micros = source.choice([source.randrange(10**4), source.randrange(10**9)])
        ended = began + timedelta(microseconds=micros)
        zone = source.choice(["Asia/Singapore", "UTC", "America/St_Johns", "Asia/Kathmandu"])
        stamp = ended.astimezone(times.zone(zone)).isoformat(timespec="milliseconds")
        ratio = source.choice([None, 0.0, 1.0, 0.25])
        rows.append({
            "image_name": source.choice("ab"),
            "build_duration": micros / 1e6,
            "image_size_mb": 0,
            "build_timestamp": stamp,
            "timezone": zone,
            "success": 1,
            "created_at": "2026-01-01T00:00:00Z",
            "ref": f"r{number}",
            "source": "build",
            "status": "completed",
            "started_at": times.utc_text(began),
            "completed_at": times.utc_text(ended),
            "cache_ratio": ratio,
            "cache_class": {None: None, 0.0: "cold", 1.0: "warm"}.get(ratio, "partial"),
            "saved_seconds": source.choice([None, source.randrange(10**9) / 1e6]),
            "critical_path_seconds": source.choice([None, source.randrange(10**9) / 1e6]),
        })  # fmt: skip
    return rows


def test_every_instant_keeps_its_text_to_the_millisecond(third: Path) -> None:
    with closing(sqlite3.connect(third)) as plain, plain:
        plain.execute("DELETE FROM docker_builds")
        for row in builds_of_schema_3(2000):
            insert(plain, row)
    before = query(third, READ)
    with database.connect(third):
        pass
    assert query(third, READ) == before
    exact = "SELECT count(*) FROM docker_builds WHERE length(build_timestamp) = 32"
    assert query(third, exact) > [(500,)]


def test_rows_that_contradict_themselves_keep_when_they_ended(third: Path) -> None:
    row = builds_of_schema_3(1)[0] | {
        "build_timestamp": "2026-05-05T00:00:00.000+08:00",
        "completed_at": "2026-01-01T00:00:00.123Z",
        "started_at": "2027-01-01T00:00:00.000Z",
    }
    with closing(sqlite3.connect(third)) as plain, plain:
        insert(plain, row)
    with database.connect(third):
        pass
    found = query(third, "SELECT completed_at FROM docker_builds WHERE ref = 'r0'")
    assert found == [("2026-01-01T00:00:00.123Z",)]


def test_the_latest_instants_of_the_statistics_are_told_as_exactly(third: Path) -> None:
    with database.connect(third):
        pass
    latest = "SELECT max(length(last_build_timestamp)) FROM build_statistics"
    assert query(third, latest) == [(32,)]
    assert findings(third) == {}


def test_indexes_and_triggers_of_others_stay_where_their_columns_do(third: Path) -> None:
    with closing(sqlite3.connect(third)) as plain:
        plain.executescript(
            "CREATE INDEX theirs ON docker_builds (status);"
            "CREATE INDEX of_errors ON build_steps (error);"
            "CREATE VIEW errors AS SELECT error FROM build_steps;"
            "CREATE TABLE heard (image); CREATE TRIGGER listens AFTER INSERT ON docker_builds "
            "BEGIN INSERT INTO heard VALUES (new.image_name); END;"
        )
    with database.connect(third):
        pass
    found = query(third, "SELECT name FROM sqlite_master WHERE type IN ('index', 'trigger')")
    assert {("theirs",), ("listens",), ("builds_by_time",), ("builds_by_image",)} <= set(found)
    assert ("of_errors",) not in found
    assert query(third, "SELECT count(*) FROM heard") == [(0,)]


def test_foreign_keys_that_were_enforced_would_be_refused(third: Path) -> None:
    """SQLite empties what refers to a table that goes, when it enforces the references."""
    with closing(sqlite3.connect(third, isolation_level=None)) as plain:
        plain.execute("PRAGMA foreign_keys = ON")
        steps = plain.execute("SELECT count(*) FROM build_steps").fetchone()
        with pytest.raises(RuntimeError, match="foreign keys"), database.transaction(plain):
            migrations.upgrade(plain)
        assert plain.execute("SELECT count(*) FROM build_steps").fetchone() == steps


def test_a_row_is_salvaged_from_an_older_file_as_it_is_brought_up(
    third: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.db"
    steps = "SELECT * FROM steps ORDER BY build_id, position"
    expected = query(third, READ), query(third, steps)
    assert salvage.salvage(third, saved).builds == len(expected[0])
    assert (query(saved, READ), query(saved, steps)) == expected
    assert findings(saved).keys() <= {"place"}  # it rests


def test_only_tables_of_which_it_says_so_are_rebuilt() -> None:
    assert set(rebuilt_tables.TAKEN_OVER) == {"docker_builds", "build_steps"}
    dropped = [line for line in schema.statements(rebuilt_tables.SINCE) if "DROP TABLE" in line]
    assert dropped == ["DROP TABLE build_steps", "DROP TABLE docker_builds"]
