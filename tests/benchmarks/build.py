"""`buildrec build` beyond the same `docker buildx build` with everything cached."""

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tests.benchmarks import report, timing
from tests.benchmarks.contexts import BUILDX, make_context
from tests.benchmarks.options import Options
from tests.benchmarks.places import environment, installed
from tests.benchmarks.report import Report, Row

BUDGET = 25.0
"""Milliseconds."""

_IMAGE = "buildrec-benchmark"
_CPU = "CPU of our own"
_BARE = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"


def measure(options: Options) -> Report:
    """Wall time in turns, then where the time goes."""
    rounds = 8 if options.quick else 30
    bin_ = installed()
    with tempfile.TemporaryDirectory() as folder:
        context = make_context(Path(folder) / "context")
        words = ["-t", _IMAGE, str(context)]
        ours = ["--db", f"{folder}/h.db", "build", *words]
        found = timing.side_by_side(
            {
                "docker": timing.command(*BUILDX, *words),
                "bare": timing.command(bin_ / "python", "-c", _BARE, *BUILDX, *words),
                "ours": timing.command(bin_ / "buildrec", *ours),
            },
            rounds,
        )
        marks = [_marks(bin_ / "python", Path(folder), ours) for _ in range(rounds // 2)]
        remove = ["docker", "image", "rm", "--force", _IMAGE]
        subprocess.run(remove, stdout=subprocess.DEVNULL, check=False)
    rows = []
    for arm, what in (("ours", "`buildrec build`, cached"), ("bare", "a bare Python wrapper")):
        more = timing.beyond(found[arm], found["docker"])
        rows.append(
            Row(
                what,
                timing.spread(found["docker"]),
                timing.spread(found[arm]),
                f"+ {more:.1f} ms",
                f"+ {BUDGET:g} ms" if arm == "ours" else "",
                more <= BUDGET if arm == "ours" else None,
            )
        )
    return Report(rows, _timeline(marks))


def _marks(python: Path, folder: Path, words: list[str]) -> dict[str, float]:
    script = Path(__file__).with_name("timeline.py")
    file = folder / "marks.json"
    subprocess.run(
        [str(python), "-P", str(script), str(file), str(time.monotonic()), *words],
        env=environment(),
        stderr=subprocess.DEVNULL,
        check=True,
    )
    marks: dict[str, float] = json.loads(file.read_bytes())
    return marks


def _timeline(marks: list[dict[str, float]]) -> str:
    """The median moments of all that happened in every run, in their order."""
    names = set.intersection(*(set(mark) for mark in marks)) - {_CPU}
    moments = sorted((statistics.median(mark[name] for mark in marks), name) for name in names)
    after = statistics.median(mark["exit"] - mark["child ended"] for mark in marks)
    rows = [(name, f"{moment:.1f} ms") for moment, name in moments]
    text = report.table(rows, ("in `buildrec build`", "since its start"))
    used = statistics.median(mark[_CPU] for mark in marks)
    return (
        f"{text}\n\nFrom the child's end to our exit {after:.1f} ms; "
        f"CPU time of our own process {used:.0f} ms, whatever else the machine does."
    )
