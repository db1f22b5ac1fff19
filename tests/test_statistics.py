"""Statistics: always what a query over the builds gives, whatever came before."""

import math
import sqlite3
import statistics as python_statistics
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import properties
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from recorder import database, days, statistics, store
from recorder.model import Build

KEY = b"the key of these tests"
START = datetime(2025, 7, 10, tzinfo=UTC)
NOW = "2025-07-10T00:00:00.000Z"
IMAGES = ("shop", "cart", "unnamed")
SOURCES = ("build", "sync", "watch", "record")
# Few values, so that extremes and instants are often equal.
DURATIONS = st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.000001, 7.7, 3600.0]) | st.floats(0, 1e6)

BUILDS = st.builds(
    lambda image, duration, minute, more: Build(
        image_name=image,
        build_duration=duration,
        completed_at=START + timedelta(minutes=minute - 3),  # before and after midnight
        **more,
    ),
    st.sampled_from(IMAGES),
    DURATIONS,
    st.integers(0, 5),
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(["completed", "completed", "failed", "canceled"]),
            "source": st.sampled_from(SOURCES),
            "ref": st.none() | st.sampled_from("abcdefgh"),
            "zone": st.sampled_from(["Asia/Singapore", "Europe/Berlin"]),
        },
        optional={
            "image_size_bytes": st.sampled_from([0, 1, 10_000_000, 10_000_001, 2**40]),
            "cache_ratio": st.sampled_from([0.0, 0.333333, 0.5, 1.0]),
        },
    ),
)


def rows(connection, sql, *values):
    cursor = connection.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def check_statistics(connection):
    """Compare the statistics with the builds; every number here is worked out anew."""
    found = {row["image_name"]: row for row in rows(connection, "SELECT * FROM build_statistics")}
    defined = {row["image_name"]: row for row in rows(connection, statistics.DEFINITION)}
    assert found.keys() == defined.keys()
    for image, expected in defined.items():
        recent = [
            row["build_duration"]
            for row in sorted(
                rows(connection, "SELECT * FROM docker_builds WHERE image_name = ?", image),
                key=lambda row: (row["completed_at"], row["id"]),
                reverse=True,
            )
            if row["success"]
        ][:100]
        expected["median_duration"] = python_statistics.median(recent) if recent else None
        expected["p95_duration"] = (
            sorted(recent)[-(-95 * len(recent) // 100) - 1] if recent else None
        )
        for name, value in expected.items():
            if isinstance(value, float):
                # Ratios are kept in millionths.
                assert found[image][name] == pytest.approx(value, rel=1e-9, abs=2e-6), name
            else:
                assert found[image][name] == value, name
    defined_days = days.DEFINITION.format(where="") + "ORDER BY image_name, day"
    assert rows(connection, "SELECT * FROM build_days ORDER BY image_name, day") == rows(
        connection, defined_days
    )
    totals = "SELECT * FROM build_totals ORDER BY image_name"
    kept = rows(connection, totals)
    before = rows(connection, "SELECT * FROM build_statistics ORDER BY image_name")
    with database.transaction(connection):
        images = {*found, *(row["image_name"] for row in kept)}
        statistics.rebuild(connection, images, NOW)
    assert rows(connection, totals) == kept
    after = rows(connection, "SELECT * FROM build_statistics ORDER BY image_name")
    for row in [*before, *after]:
        del row["updated_at"]
    assert after == before


class AnyHistory(RuleBasedStateMachine):
    """Records, repeats and deletions in any order."""

    def __init__(self):
        super().__init__()
        self.folder = TemporaryDirectory()
        self.opened = database.connect(Path(self.folder.name, "history.db"))
        self.connection = self.opened.__enter__()
        self.connection.execute("PRAGMA synchronous = OFF")

    @rule(build=BUILDS)
    def record_one(self, build):
        store.record(self.connection, build, KEY)

    @rule(builds=st.lists(BUILDS, max_size=5))
    def record_many(self, builds):
        store.record_all(self.connection, builds, KEY)

    @rule(ids=st.lists(st.integers(1, 12), max_size=4))
    def delete(self, ids):
        store.delete(self.connection, ids)

    @invariant()
    def statistics_are_true(self):
        check_statistics(self.connection)

    def teardown(self):
        self.opened.__exit__(None, None, None)
        self.folder.cleanup()


AnyHistory.TestCase.settings = properties.settings(max_examples=60, stateful_step_count=12)
TestAnyHistoryLeavesTrueStatistics = AnyHistory.TestCase


@pytest.fixture
def connection(database_path):
    with database.connect(database_path) as opened:
        yield opened


def a_build(minute=0, **more):
    return Build(**{
        "image_name": "shop", "build_duration": 1.0,
        "completed_at": START + timedelta(minutes=minute), **more,
    })  # fmt: skip


def the_row(connection, image="shop"):
    (row,) = rows(connection, "SELECT * FROM build_statistics WHERE image_name = ?", image)
    return row


def test_median_and_p95_are_over_the_latest_hundred_successes(connection):
    builds = [a_build(minute, build_duration=float(minute)) for minute in range(250)]
    builds += [a_build(300 + i, build_duration=9999.0, status="failed") for i in range(5)]
    store.record_all(connection, reversed(builds), KEY)
    row = the_row(connection)
    assert (row["median_duration"], row["p95_duration"]) == (199.5, 244.0)
    assert (row["min_duration"], row["max_duration"], row["last_duration"]) == (0.0, 249.0, 249.0)
    assert (row["total_builds"], row["successful_builds"], row["failed_builds"]) == (255, 250, 5)
    assert row["avg_duration"] == 124.5
    check_statistics(connection)


def test_an_image_that_never_succeeded_has_no_durations(connection):
    store.record(connection, a_build(status="failed"), KEY)
    store.record(connection, a_build(status="canceled", build_duration=2), KEY)
    row = the_row(connection)
    for name in ("avg", "min", "max", "median", "p95", "last"):
        assert row[f"{name}_duration"] is None
    assert row["avg_size_mb"] is row["last_size_mb"] is row["avg_cache_ratio"] is None
    assert (row["total_builds"], row["failed_builds"], row["total_duration"]) == (2, 1, 3.0)


def test_the_last_build_is_the_one_that_finished_last_not_the_one_written_last(connection):
    store.record(connection, a_build(5, build_duration=5, zone="Europe/Berlin"), KEY)
    store.record(connection, a_build(1, build_duration=1), KEY)
    row = the_row(connection)
    assert (row["last_duration"], row["timezone"]) == (5.0, "Europe/Berlin")
    assert row["last_build_timestamp"] == "2025-07-10T02:05:00.000+02:00"


def test_a_size_filled_in_later_does_not_pass_for_the_latest(connection):
    store.record(connection, a_build(ref="a"), KEY)
    store.record_all(
        connection,
        [a_build(image_size_bytes=2_000_000), a_build(ref="a", image_size_bytes=1_000_000)],
        KEY,
    )
    assert the_row(connection)["last_size_mb"] == 2.0
    check_statistics(connection)


def test_a_build_that_moves_to_another_image_takes_its_numbers_along(connection):
    seen = a_build(ref="a", source="sync", image_name="folder", image_size_bytes=1_000_000)
    store.record_all(
        connection,
        [seen, a_build(build_duration=2, image_size_bytes=2_000_000),
         a_build(ref="a", source="build", image_size_bytes=1_000_000)],
        KEY,
    )  # fmt: skip
    assert rows(connection, "SELECT * FROM build_statistics WHERE image_name = 'folder'") == []
    row = the_row(connection)
    assert (row["total_builds"], row["min_duration"], row["last_size_mb"]) == (2, 1.0, 2.0)
    check_statistics(connection)


def test_rebuilding_clears_what_an_image_without_builds_has_left(connection):
    store.record(connection, a_build(), KEY)
    connection.execute("DELETE FROM docker_builds")
    with database.transaction(connection):
        statistics.rebuild(connection, ["shop"], NOW)
    assert rows(connection, "SELECT * FROM build_statistics") == []
    assert rows(connection, "SELECT * FROM build_totals") == []


def test_rebuilding_cures_numbers_that_are_wrong(connection, database_path):
    store.record_all(connection, [a_build(i, build_duration=i) for i in range(4)], KEY)
    with closing(sqlite3.connect(database_path)) as vandal, vandal:
        vandal.execute("UPDATE build_totals SET builds = 9, min_us = 0, completed_us = 1")
        vandal.execute("UPDATE build_statistics SET total_builds = 9, median_duration = 0")
    with database.transaction(connection):
        statistics.rebuild(connection, ["shop"], NOW)
    check_statistics(connection)


@given(st.lists(st.floats(0, 1e6), max_size=200), st.integers(1, 100))
def test_the_nearest_rank_covers_the_share_and_no_value_below_it_does(values, percent):
    found = statistics.nearest_rank(values, percent / 100)
    if not values:
        assert found is None
        return
    assert found in values
    needed = math.ceil(percent / 100 * len(values))
    assert sum(value <= found for value in values) >= needed
    assert sum(value < found for value in values) < needed


def test_the_95th_percentile_has_the_rank_that_whole_numbers_give():
    for count in range(1, 101):
        rank = -(-95 * count // 100)
        assert statistics.nearest_rank([float(i) for i in range(1, count + 1)], 0.95) == rank
