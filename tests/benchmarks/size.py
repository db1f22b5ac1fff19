"""How much room a build takes in the file, with its indexes, as normal writing leaves it."""

import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from recorder import database, store
from tests.benchmarks import report
from tests.benchmarks.generator import histories
from tests.benchmarks.options import Options
from tests.benchmarks.places import KEY
from tests.benchmarks.report import Report, Row

BUDGET = 1200
_BATCH = 10


def measure(options: Options) -> Report:
    """Bytes a build of 20 steps with names of 80 characters, against the JSON of the same rows."""
    count = 5_000 if options.quick else 20_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "h.db"
        builds = list(histories(count))
        with database.connect(path) as connection:
            for start in range(0, count, _BATCH):  # as builds come in, not all at once
                store.record_all(connection, builds[start : start + _BATCH], KEY)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.row_factory = sqlite3.Row
            as_json = _json(connection, min(count, 2_000))
            pages = _pages(connection, count)
        each = path.stat().st_size / count
    row = Row(
        f"file size a build, {count:,} builds x 20 steps",
        f"{as_json:,.0f} B as JSON",
        f"{each:,.0f} B",
        f"{each / as_json:.2f} x",
        f"{BUDGET:,} B",
        each <= BUDGET,
    )
    return Report([row], pages)


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
