"""`python -m tests.benchmarks [NAME...] [--quick] [--builds N]` prints one table of all budgets."""

import argparse
import importlib

from tests.benchmarks import places, report, timing
from tests.benchmarks.options import Options

NAMES = (
    "build", "record", "bulk", "merge", "export", "grown", "size", "queries", "pages", "history",
    "alerts",
)  # fmt: skip


def main() -> None:
    """Take the measures that were asked for, all by default, and print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="few rounds: a look, not a proof")
    parser.add_argument("--builds", type=int, default=places.FULL, help="of the large history")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(NAMES):
        parser.error(f"there is no measure {', '.join(sorted(unknown))}")
    options = Options(asked.quick, asked.builds)
    rows, notes = [], []
    for name in asked.names or NAMES:
        places.tell(f"measuring {name} ({timing.load()})")
        found = importlib.import_module(f"tests.benchmarks.{name}").measure(options)
        rows += found.rows
        if found.notes:
            notes.append(f"### {name}\n\n{found.notes}")
    print(report.table(rows))
    for note in notes:
        print(f"\n{note}")


if __name__ == "__main__":
    main()
