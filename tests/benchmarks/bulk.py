"""Storing many builds at once against the same rows by bare sqlite3."""

import statistics
import tempfile
import time
from pathlib import Path

from recorder import database, store
from recorder.model import Build
from tests.benchmarks import raw
from tests.benchmarks.generator import histories
from tests.benchmarks.options import Options
from tests.benchmarks.places import KEY, remove
from tests.benchmarks.report import Report, Row

_SHARE = 0.5


def measure(options: Options) -> Report:
    """Builds of 20 steps a second, statistics included, in one process and one transaction."""
    count = 5_000 if options.quick else 20_000
    builds = list(histories(count))
    ours, floor = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ours.db"
        bare = Path(folder) / "raw.db"
        store_all(path, builds)
        rows = raw.rows_of(path)
        for _ in range(3):
            remove(path)
            ours.append(count / store_all(path, builds))
            remove(bare)
            floor.append(count / raw.write(bare, rows))
    mine, theirs = statistics.median(ours), statistics.median(floor)
    row = Row(
        f"bulk store of {count:,} builds x 20 steps",
        f"{theirs:,.0f} builds/s",
        f"{mine:,.0f} builds/s",
        f"{mine / theirs:.2f} of it",
        f"{_SHARE:g} of it",
        mine >= _SHARE * theirs,
    )
    return Report([row])


def store_all(path: Path, builds: list[Build]) -> float:
    """Store `builds` in a new database; gives the seconds that it took, making it aside."""
    with database.connect(path) as connection:
        begun = time.perf_counter()
        store.record_all(connection, builds, KEY)
        return time.perf_counter() - begun
