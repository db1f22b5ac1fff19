"""Merging a history, and taking in its exports: beside bare sqlite3, which reads and writes it."""

import os
import tempfile
import time
from pathlib import Path

from recorder.exports import files as exports
from recorder.imports import files as imports
from tests.benchmarks import places, raw
from tests.benchmarks.options import Options
from tests.benchmarks.places import KEY, remove
from tests.benchmarks.report import Report, Row

_SHARE = 0.5
_MERGED, _QUICK = 100_000, 20_000
_FORMATS = {"ndjson": "out.ndjson", "csv": "out"}


def measure(options: Options) -> Report:
    """Builds of 20 steps a second into a new history; the best of some rounds, in turns."""
    count = _QUICK if options.quick else _MERGED
    os.environ["BUILDREC_MASK_KEY"] = KEY.decode()
    source, smaller = places.history(count), places.history(_QUICK)
    ours, again, reading, writing = [], [], [], []
    with tempfile.TemporaryDirectory(dir=places.cache()) as folder:
        here = Path(folder)
        merged, bare = here / "merged.db", here / "raw.db"
        for _ in range(2):
            remove(merged)
            remove(bare)
            begun = time.perf_counter()
            rows = raw.rows_of(source)
            reading.append(time.perf_counter() - begun)
            writing.append(raw.write(bare, rows))
            del rows
            ours.append(_take_in(merged, source))
            again.append(_take_in(merged, source))
        # A merge reads the other file as well, which writing alone does not.
        floor = min(reading) + min(writing)
        found = [_row(f"merge of {count:,} builds x 20 steps", count, floor, min(ours), _SHARE)]
        found.append(_row("the same again, all known", count, floor, min(again)))
        floor *= _QUICK / count
        for style, name in _FORMATS.items():
            exports.export(smaller, here / name, exports.Wish(style))
            spent = _take_in(here / f"{style}.db", here / name)
            found.append(_row(f"import of {_QUICK:,} builds as {style}", _QUICK, floor, spent))
    note = f"Writing alone, by bare sqlite3: {count / min(writing):,.0f} builds/s."
    return Report(found, note)


def _row(what: str, count: int, floor: float, ours: float, share: float | None = None) -> Row:
    return Row(
        what,
        f"{count / floor:,.0f} builds/s",
        f"{count / ours:,.0f} builds/s",
        f"{floor / ours:.2f} of it",
        "" if share is None else f"{share:g} of it",
        None if share is None else floor >= share * ours,
    )


def _take_in(target: Path, source: Path) -> float:
    begun = time.perf_counter()
    imports.take_in(target, source, "UTC")
    return time.perf_counter() - begun
