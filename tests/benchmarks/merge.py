"""Merging another history, and taking in its exports, against the same rows by bare sqlite3."""

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
    source = places.history(count)
    rounds = 2 if options.quick else 3
    with tempfile.TemporaryDirectory(dir=places.cache()) as folder:
        here = Path(folder)
        merged, bare = here / "merged.db", here / "raw.db"
        rows = raw.rows_of(source)
        ours, again, floor = [], [], []
        for _ in range(rounds):
            remove(merged)
            remove(bare)
            floor.append(raw.write(bare, rows))
            ours.append(_take_in(merged, source))
            again.append(_take_in(merged, source))
        del rows
        fastest = min(floor)
        found = [_row(f"merge of {count:,} builds x 20 steps", count, fastest, min(ours), _SHARE)]
        found.append(_row("the same again, all known", count, fastest, min(again)))
        for style, name in _FORMATS.items():
            exports.export(source, here / name, exports.Wish(style))
            spent = _take_in(here / f"{style}.db", here / name)
            found.append(_row(f"import of the same as {style}", count, fastest, spent))
    return Report(found)


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
