"""The columns that SQLite derives: they say what was recorded, and nothing else can be written."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import properties  # noqa: F401 - the profile
import pytest
import pytz
from hypothesis import given
from hypothesis import strategies as st
from upkeep_help import KEY, damage, fill, findings, query, root_page, some_builds

from recorder import database, schema, statistics, store, stored_builds, times, views
from recorder.model import Build, Step

ELEVEN = (
    "INSERT INTO docker_builds (image_name, build_duration, image_size_mb, build_timestamp, "
    "timezone, dockerfile_path, build_args, success, error_message, created_at) "
    "VALUES ('shop', 1.5, 0, ?, 'UTC', NULL, '{}', 1, NULL, '2025-07-10T01:00:00Z')"
)
instants = st.sampled_from(["0001-01-03", "2024-01-01"]).flatmap(
    lambda first: st.datetimes(
        datetime.fromisoformat(first),
        datetime.fromisoformat("9999-12-29" if first < "2" else "2027-01-01"),
        timezones=st.just(UTC),
    )
)
durations = st.integers(0, 10**14).map(lambda us: us / 1e6) | st.floats(0, 10_000)


def blank() -> sqlite3.Connection:
    """All tables, in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for version in range(1, schema.VERSION + 1):
        for statement in schema.statements(version):
            connection.execute(statement)
    for statement in views.create_statements():
        connection.execute(statement)
    return connection


EMPTY = blank()


@given(instants, durations, st.sampled_from(pytz.all_timezones))
def test_the_instants_of_a_build_are_those_that_were_recorded(
    moment: datetime, duration: float, zone: str
) -> None:
    if moment - datetime(1, 1, 3, tzinfo=UTC) < timedelta(seconds=duration):
        duration = 0.0
    build = Build(image_name="a", build_duration=duration, completed_at=moment, zone=zone)
    EMPTY.execute("BEGIN")
    try:
        writer = store.Writer(EMPTY, KEY)
        writer.write(build)
        (found,) = stored_builds.read(EMPTY)
        completed, started = EMPTY.execute(
            "SELECT completed_at, started_at FROM docker_builds"
        ).fetchone()
    finally:
        EMPTY.execute("ROLLBACK")
    assert completed == times.utc_text(moment)
    assert started == times.utc_text(moment - timedelta(seconds=build.build_duration))
    assert (found.completed_at, found.started_at) == (moment, build.started_at)


@given(
    st.none() | st.sampled_from([0.0, 1.0]) | st.floats(0, 1),
    st.sampled_from(["completed", "failed", "canceled"]),
    st.none() | st.integers(0, 10**12),
)
def test_its_class_and_outcome_are_too(ratio: float | None, status: str, saved: int | None) -> None:
    build = Build(
        image_name="a", build_duration=1, completed_at=times.now(), cache_ratio=ratio,
        status=status, saved_seconds=None if saved is None else saved / 1e6,  # type: ignore[arg-type]
        critical_path_seconds=None if saved is None else saved / 1e6,
    )  # fmt: skip
    EMPTY.execute("BEGIN")
    try:
        store.Writer(EMPTY, KEY).write(build)
        row = EMPTY.execute(
            "SELECT cache_class, status, success, saved_seconds, critical_path_seconds "
            "FROM docker_builds"
        ).fetchone()
    finally:
        EMPTY.execute("ROLLBACK")
    told = build.saved_seconds, build.critical_path_seconds
    assert row == (build.cache_class, status, status == "completed", *told)


def test_a_step_has_its_marks_and_its_error(database_path: Path) -> None:
    steps = tuple(
        Step(
            position=n, name=f"RUN {n}", step_key=str(n), kind="run", cached=cached, shared=shared,
            critical=critical, bytes=n if shared else None, error=f"e{n}" if critical else None,
        )
        for n, (cached, shared, critical) in enumerate(product((False, True), repeat=3), 1)
    )  # fmt: skip
    build = Build(image_name="a", build_duration=1, completed_at=times.now(), steps=steps)
    fill(database_path, [build])
    with database.connect_to_read(database_path) as connection:
        (found,) = stored_builds.read(connection)
    assert found.steps == steps
    assert query(database_path, "SELECT count(*) FROM step_errors") == [(4,)]
    with database.connect(database_path) as connection:
        store.delete(connection, [1])
    assert query(database_path, "SELECT * FROM step_errors") == []


@pytest.mark.parametrize(
    ("stamp", "started", "completed"),
    [
        ("2025-07-10T08:56:04.193999+08:00", "00:56:02.693Z", "00:56:04.193Z"),
        ("2025-07-10T08:56:04.193+08:00", "00:56:02.693Z", "00:56:04.193Z"),
        ("2025-07-10T08:56:04+08:00", "00:56:02.500Z", "00:56:04.000Z"),
        ("2025-07-09T21:26:04.001-03:30", "00:56:02.501Z", "00:56:04.001Z"),
        ("2025-07-10T00:56:04.193456", "00:56:02.693Z", "00:56:04.193Z"),
        ("2025-07-10T00:56:04Z", "00:56:02.500Z", "00:56:04.000Z"),
        ("2025-07-10 00:56:04.193", "00:56:02.693Z", "00:56:04.193Z"),
    ],
)
def test_a_row_of_the_older_tools_columns_alone_has_all_others(
    database_path: Path, stamp: str, started: str, completed: str
) -> None:
    with database.connect(database_path) as connection:
        connection.execute(ELEVEN, (stamp,))
    found = query(database_path, "SELECT started_at, completed_at, status FROM docker_builds")
    assert found == [(f"2025-07-10T{started}", f"2025-07-10T{completed}", "completed")]
    assert query(database_path, "SELECT build_timestamp FROM docker_builds") == [(stamp,)]


def test_a_stamp_that_is_no_instant_is_shown_as_it_is(database_path: Path) -> None:
    with database.connect(database_path) as connection:
        connection.execute(ELEVEN, ("soon",))
    found = query(database_path, "SELECT started_at, completed_at FROM docker_builds")
    assert found == [("soon", "soon")]


@pytest.mark.parametrize(
    "column", [f"{t.name}.{c.name}" for t in schema.TABLES for c in t.columns if c.derived]
)
def test_nothing_that_contradicts_a_build_can_be_written(database_path: Path, column: str) -> None:
    table, name = column.split(".")
    with closing(sqlite3.connect(database_path)) as plain:
        with pytest.raises(sqlite3.OperationalError, match="generated column"):
            plain.execute(f"UPDATE {table} SET {name} = 1")
        with pytest.raises(sqlite3.OperationalError, match="generated column"):
            plain.execute(f"INSERT INTO {table} ({name}) VALUES (1)")


def test_the_latest_durations_of_an_image_are_read_without_its_rows(database_path: Path) -> None:
    """SQLite calls no index covering that has a derived column, and still reads it alone."""
    fill(database_path, some_builds(400))
    with closing(sqlite3.connect(database_path)) as plain:
        plain.execute("PRAGMA journal_mode = DELETE")
    damage(database_path, root_page(database_path, "docker_builds"))
    latest = "ORDER BY completed_at DESC, id DESC LIMIT"
    for wanted, condition in (
        ("build_duration", f"image_name = 'shop' AND success = 1 {latest} {statistics.WINDOW}"),
        ("completed_at", f"image_name = 'shop' {latest} 1"),
        ("id", f"image_name = 'shop' AND (completed_at, id) < ('2027', 7) {latest} 50"),
        ("count(*)", "image_name = 'shop' AND completed_at >= '2026'"),
        ("max(completed_at)", "true"),
        ("id, completed_at", f"true {latest} 1"),
    ):
        assert query(database_path, f"SELECT {wanted} FROM docker_builds WHERE {condition}")
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        query(database_path, "SELECT max(status) FROM docker_builds")


def test_a_filled_history_is_sound(database_path: Path) -> None:
    fill(database_path, some_builds(60))
    assert findings(database_path) == {}
