"""Turning the fifty records that a builder keeps into stored builds, as `sync` does."""

import asyncio
import itertools
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from recorder import database, store
from recorder.engine import history, records
from recorder.engine.history import History
from recorder.model import Build
from tests.benchmarks import report
from tests.benchmarks.contexts import BUILDX, make_context
from tests.benchmarks.options import Options
from tests.benchmarks.places import KEY
from tests.benchmarks.report import Report, Row

BUDGET = 0.3
"""Seconds for all."""

_RECORDS = 50


def measure(options: Options) -> Report:
    """Asking, folding and storing, part by part; the builder is filled first."""
    with tempfile.TemporaryDirectory() as folder:
        context = make_context(Path(folder) / "context")
        for _ in range(_RECORDS - asyncio.run(_count())):
            subprocess.run(
                [*BUILDX, "--quiet", str(context)], stdout=subprocess.DEVNULL, check=True
            )
        turns = range(3 if options.quick else 9)
        found = [asyncio.run(_sync(Path(folder) / f"{turn}.db")) for turn in turns]
    parts = {name: statistics.median(one[name] for one in found) for name in found[0]}
    count = int(parts.pop("records"))
    trace = parts["traces"] / count
    total = statistics.median(sum(one.values()) - one["records"] for one in found)
    row = Row(
        f"history of {count} records",
        f"one trace {trace * 1000:.1f} ms",
        f"{total:.3f} s",
        "",
        f"{BUDGET:g} s",
        total <= BUDGET,
    )
    rows = [(name, f"{seconds * 1000:.1f} ms") for name, seconds in parts.items()]
    return Report([row], report.table(rows, (f"of {count} records", "median")))


async def _count() -> int:
    async with history.open_history() as engine:
        return sum(records.is_build(record) for record in await engine.records())


async def _sync(path: Path) -> dict[str, float]:
    """The seconds of each part of one whole pass, and how many records there were."""
    with database.connect(path):
        pass
    moments = [time.perf_counter()]
    async with history.open_history() as engine:
        held = [record for record in await engine.records() if records.is_build(record)]
        found = held[:_RECORDS]
        moments.append(time.perf_counter())
        traces = await _traces(engine, [record.Ref for record in found])
        moments.append(time.perf_counter())
    origin = records.Origin("sync", "default")
    builds: list[Build] = [
        records.to_build(record, trace, None, origin)
        for record, trace in zip(found, traces, strict=True)
    ]
    moments.append(time.perf_counter())
    with database.connect(path) as connection:
        store.record_all(connection, builds, KEY)
    moments.append(time.perf_counter())
    spent = [after - before for before, after in itertools.pairwise(moments)]
    return {
        "records": float(len(found)),
        **dict(zip(("list", "traces", "fold", "store"), spent, strict=True)),
    }


async def _traces(engine: History, refs: list[str]) -> list[list[object]]:
    return [await engine.trace(ref) for ref in refs]
