"""How much room a build takes in the file, with its indexes, as normal writing leaves it."""

import json
import sqlite3
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from recorder import database, store
from recorder.model import Build
from tests.benchmarks import report
from tests.benchmarks.generator import UNTIL, histories
from tests.benchmarks.options import Options
from tests.benchmarks.places import KEY
from tests.benchmarks.report import Report, Row

BUDGET = 1200
_BATCH = 10
_FULL, _DAYS = 1_000_000, 730
"""The history that is meant, of which the latest part is made: as dense, and its ids as wide."""
_BEFORE = 1_000
"""Builds that are there before: the names of steps and a blank file are of no build."""


def measure(options: Options) -> Report:
    """Bytes that a build of 20 steps with names of 80 characters adds, against JSON of its rows."""
    count = 5_000 if options.quick else 20_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "h.db"
        builds = list(histories(_BEFORE + count, days=_DAYS * (_BEFORE + count) / _FULL))
        with database.connect(path) as connection:
            _begin_at(connection, _FULL - _BEFORE - count)
            _write(connection, builds[:_BEFORE])
            before = path.stat().st_size
            _write(connection, builds[_BEFORE:])
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            as_json = _json(connection, min(count, 2_000))
            pages = _pages(connection, _BEFORE + count)
        each = (path.stat().st_size - before) / count
    row = Row(
        f"what a build of 20 steps adds to {_FULL:,} builds, measured over {count:,}",
        f"{as_json:,.0f} B as JSON",
        f"{each:,.0f} B",
        f"{each / as_json:.2f} x",
        f"{BUDGET:,} B",
        each <= BUDGET,
    )
    return Report([row], pages)


def _begin_at(connection: sqlite3.Connection, number: int) -> None:
    """Give the next builds ids after `number`."""
    first = Build(image_name="first", build_duration=1, completed_at=UNTIL - timedelta(_DAYS))
    store.record(connection, first, KEY)
    connection.execute("UPDATE docker_builds SET id = ?", (number,))


def _write(connection: sqlite3.Connection, builds: list[Build]) -> None:
    for start in range(0, len(builds), _BATCH):  # as builds come in, not all at once
        store.record_all(connection, builds[start : start + _BATCH], KEY)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _json(connection: sqlite3.Connection, count: int) -> float:
    """Bytes a build as JSON, its steps with their names."""
    total = 0
    for build in connection.execute("SELECT * FROM docker_builds LIMIT ?", (count,)).fetchall():
        steps = connection.execute("SELECT * FROM steps WHERE build_id = ?", (build["id"],))
        document = {**dict(build), "steps": [dict(step) for step in steps]}
        total += len(json.dumps(document, ensure_ascii=False).encode())
    return total / count


def _pages(connection: sqlite3.Connection, count: int) -> str:
    """What each table and index takes, where this SQLite can tell."""
    try:
        found = connection.execute(
            "SELECT name, sum(pgsize), sum(unused) FROM dbstat GROUP BY name ORDER BY 2 DESC"
        ).fetchmany(8)
    except sqlite3.OperationalError:
        return "This SQLite has no dbstat."
    rows = [(n, f"{size / count:,.1f}", f"{unused / count:,.1f}") for n, size, unused in found]
    return report.table(rows, ("table or index", "B a build", "of it unused"))
