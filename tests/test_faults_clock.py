"""A clock that jumps back, or across a clock change: order, days and statistics stay true."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from upkeep_help import cli, findings, query, refs, some_builds

from recorder import spool, times

FAKETIME = shutil.which("faketime")
needs_faketime = pytest.mark.skipif(not FAKETIME, reason="there is no faketime command")
# Berlin goes from +02:00 to +01:00 at 01:00 UTC: half past two comes twice.
INSTANTS = {
    "2026-10-25 00:30:00": "2026-10-25T02:30:00",
    "2026-10-25 01:30:00": "2026-10-25T02:30:00",
    "2026-10-25 02:30:00": "2026-10-25T03:30:00",
    "2025-01-01 00:00:00": "2025-01-01T01:00:00",  # a battery that was empty
    "2026-03-29 00:59:59": "2026-03-29T01:59:59",
    "2026-03-29 01:00:01": "2026-03-29T03:00:01",
}


def at(moment: str, path: Path, *words: object) -> "subprocess.CompletedProcess[str]":
    """Run a command with the clock of its process set to `moment`, UTC."""
    assert FAKETIME
    return subprocess.run(
        [FAKETIME, "-f", moment, sys.executable, "-m", "recorder", "--db", path, *words],
        env={**os.environ, "TZ": "UTC"},
        capture_output=True,
        text=True,
    )


@needs_faketime
def test_each_build_has_the_time_of_its_clock_and_the_order_is_that_of_instants(
    tmp_path: Path,
) -> None:
    path = tmp_path / "history.db"
    for number, moment in enumerate(INSTANTS):
        words = ("record", "shop", "--duration", number + 1, "--timezone", "Europe/Berlin")
        done = at(moment, path, *map(str, words))
        assert done.returncode == 0, done.stderr
    stored = query(path, "SELECT substr(build_timestamp, 1, 19) FROM docker_builds ORDER BY id")
    assert [row[0] for row in stored] == list(INSTANTS.values())
    offsets = query(path, "SELECT substr(build_timestamp, -6) FROM docker_builds ORDER BY id")
    assert [row[0] for row in offsets] == ["+02:00", *["+01:00"] * 4, "+02:00"]
    utc = "SELECT substr(replace(completed_at, 'T', ' '), 1, 19) FROM docker_builds ORDER BY id"
    assert [row[0] for row in query(path, utc)] == list(INSTANTS)
    # The latest by time is the third that was written.
    assert query(path, "SELECT last_duration FROM build_statistics") == [(3.0,)]
    days = dict(query(path, "SELECT day, builds FROM build_days"))
    assert days == {"2026-10-25": 3, "2025-01-01": 1, "2026-03-29": 2}
    assert findings(path) == {}


@needs_faketime
def test_no_backup_goes_for_a_clock_that_was_ahead(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    assert cli(path, "record", "shop", "--duration", "1").returncode == 0
    made = []
    for moment in ("2099-01-01 00:00:00", "2026-01-01 00:00:00", "2020-01-01 00:00:00"):
        done = at(moment, path, "backup", "--keep", "2")
        assert done.returncode == 0, done.stderr
        made.append(Path(done.stdout.strip()))
        assert made[-1].exists()
    assert [copy.exists() for copy in made] == [True, False, True]


@needs_faketime
def test_a_prune_with_a_clock_that_is_ahead_leaves_the_latest_of_each_image(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    for image in ("shop", "shop", "cart"):
        assert cli(path, "record", image, "--duration", "1").returncode == 0
    assert at("2099-01-01 00:00:00", path, "prune", "--older-than", "90d").returncode == 0
    images = query(path, "SELECT image_name FROM docker_builds ORDER BY image_name")
    assert images == [("cart",), ("shop",)]
    assert findings(path) == {}


@needs_faketime
def test_builds_that_wait_come_in_whatever_the_clock_said(tmp_path: Path) -> None:
    path = tmp_path / "later" / "history.db"
    for moment in ("2030-01-01 00:00:00", "2001-01-01 00:00:00"):
        assert at(moment, path, "record", "shop", "--duration", "1").returncode == 1
    assert len(spool.waiting(path)) == 2
    path.parent.mkdir()
    assert cli(path, "record", "shop", "--duration", "1").returncode == 0
    assert query(path, "SELECT count(*) FROM docker_builds") == [(3,)]
    assert findings(path) == {}


def test_a_build_that_ends_before_it_began_is_stored_with_its_duration(database_path: Path) -> None:
    """The engine's clock was set back while it ran; how long it took was measured otherwise."""
    (build,) = some_builds(1)
    moment = datetime(2026, 10, 25, 0, 59, tzinfo=UTC)
    late = type(build)(
        image_name="shop",
        build_duration=90,
        started_at=moment + timedelta(hours=1),
        completed_at=moment,
        ref="late",
    )
    assert spool.record_or_keep(database_path, late) is None
    assert refs(database_path) == {"late"}
    assert query(database_path, "SELECT build_duration FROM docker_builds") == [(90.0,)]
    assert (
        times.parse(query(database_path, "SELECT completed_at FROM docker_builds")[0][0]) == moment
    )
    assert findings(database_path) == {}
