"""`buildrec record` against the imports that it cannot do without in most designs."""

import statistics
import tempfile

from tests.benchmarks import report, timing
from tests.benchmarks.options import Options
from tests.benchmarks.places import installed
from tests.benchmarks.report import Report, Row

_TIMES = 1.25


def measure(options: Options) -> Report:
    """Wall time of whole processes, in turns."""
    bin_ = installed()
    with tempfile.TemporaryDirectory() as folder:
        found = timing.side_by_side(
            {
                "floor": timing.command(bin_ / "python", "-c", "import click, sqlite_utils"),
                "ours": timing.command(
                    bin_ / "buildrec", "--db", f"{folder}/h.db", "record", "app", "--duration", "1"
                ),
            },
            10 if options.quick else 40,
        )
    floor, ours = (statistics.median(found[name]) for name in ("floor", "ours"))
    row = Row(
        "`buildrec record`",
        timing.spread(found["floor"]),
        timing.spread(found["ours"]),
        *report.within(ours, floor, _TIMES),
    )
    return Report([row])
