"""One durable record into a history of a million builds against one into an empty history."""

import os
import shutil
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from recorder import database, store
from recorder.model import Build
from tests.benchmarks import places, report, timing
from tests.benchmarks.generator import histories
from tests.benchmarks.options import Options
from tests.benchmarks.places import KEY
from tests.benchmarks.report import Report, Row

_TIMES = 1.5
_NEW = 2_000_000_000


def measure(options: Options) -> Report:
    """Opening, storing one build, closing; with the page cache warm, then cold."""
    rounds = 20 if options.quick else 60
    source = places.history(options.builds)
    # Beside the other, so that both are on one file system; a copy, as the original is kept as is.
    with tempfile.TemporaryDirectory(dir=places.cache()) as folder:
        large, empty = Path(folder) / "large.db", Path(folder) / "empty.db"
        shutil.copyfile(source, large)
        with database.connect(empty):
            pass
        fresh = iter(histories(10 * rounds + 100, seed=2, first=_NEW))
        rows = [
            _row("connection kept open", options.builds, _kept(empty, large, fresh, rounds)),
            _row(
                "opened for it, warm", options.builds, _opened(empty, large, fresh, rounds, False)
            ),
            _row("opened for it, cold", options.builds, _opened(empty, large, fresh, rounds, True)),
        ]
    return Report(rows)


def _row(how: str, builds: int, found: dict[str, list[float]]) -> Row:
    floor, ours = (statistics.median(found[name]) for name in ("empty", "large"))
    judged = report.within(ours, floor, _TIMES)
    return Row(
        f"one record into {builds:,} builds ({how})",
        timing.spread(found["empty"]),
        timing.spread(found["large"]),
        *judged,
    )


def _kept(empty: Path, large: Path, fresh: Iterator[Build], rounds: int) -> dict[str, list[float]]:
    with database.connect(empty) as one, database.connect(large) as other:

        def put(connection: sqlite3.Connection) -> None:
            store.record(connection, next(fresh), KEY)

        arms = {"empty": lambda: put(one), "large": lambda: put(other)}
        return timing.side_by_side(arms, rounds)


def _opened(
    empty: Path, large: Path, fresh: Iterator[Build], rounds: int, cold: bool
) -> dict[str, list[float]]:
    """As a command does it. A cold file is dropped from the page cache before, outside the time."""
    found: dict[str, list[float]] = {"empty": [], "large": []}
    for _ in range(rounds):
        for name, path in (("empty", empty), ("large", large)):
            build = next(fresh)
            if cold:
                _drop(path)

            def put(path: Path = path, build: Build = build) -> None:
                with database.connect(path) as connection:
                    store.record(connection, build, KEY)

            found[name] += timing.side_by_side({name: put}, 1, warm_up=0)[name]
    return found


def _drop(path: Path) -> None:
    """Make the kernel forget the pages of a file, once they are written: it keeps dirty ones."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
