"""Each export of a large history beside the same rows by the libraries alone, and its memory."""

import csv
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.benchmarks import places
from tests.benchmarks.options import Options
from tests.benchmarks.places import KEY
from tests.benchmarks.report import Report, Row

_BUILDS, _QUICK = 100_000, 10_000
# A child's own figure: what the system tells its parent begins with the parent's size.
_COMMAND = """
import re
from recorder.cli import main
try:
    main()
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
_STEPS = "SELECT * FROM steps WHERE build_id = ? ORDER BY position"
_OLDER = "SELECT build_timestamp, image_name, build_duration, image_size_mb, timezone "


def measure(options: Options) -> Report:
    """Each as a command in a process of its own, whose largest resident size is told."""
    count = _QUICK if options.quick else _BUILDS
    source = places.history(count)
    floors: dict[str, Callable[[Path, Path], None]] = {
        "times.json": _json,
        "out.ndjson": _ndjson,
        "builds.csv": _csv,
        "out.db": _copy,
    }
    rows = []
    with tempfile.TemporaryDirectory(dir=places.cache()) as folder:
        for name in ("times.json", "out.ndjson", "builds.csv", "out.db", "out", "builds.parquet",
                     "out.xlsx"):  # fmt: skip
            if name == "out.xlsx" and not options.quick:
                continue  # 40 cells a build: a minute
            spent, resident = _run(source, Path(folder, name))
            floor = _timed(floors[name], source, Path(folder, "floor")) if name in floors else None
            rows.append(
                Row(
                    f"export of {count:,} builds to {name} ({resident / 1024:.0f} MB of memory)",
                    f"{count / floor:,.0f} builds/s" if floor else "",
                    f"{count / spent:,.0f} builds/s",
                    f"{spent / floor:.2f} x" if floor else "",
                )
            )
    return Report(rows)


def _run(source: Path, target: Path) -> tuple[float, int]:
    """Seconds, and the largest resident size in KiB, of a whole `buildrec export`."""
    environ = {**places.environment(), "BUILDREC_MASK_KEY": KEY.decode()}
    words = ["--db", str(source), "export", str(target)]
    if not target.suffix:
        words += ["--format", "csv"]
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, *words],
        env=environ,
        cwd=places.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return time.perf_counter() - begun, int(done.stdout)


def _timed(floor: Callable[[Path, Path], None], source: Path, target: Path) -> float:
    begun = time.perf_counter()
    floor(source, target)
    return time.perf_counter() - begun


def _json(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as connection, target.open("w") as file:
        rows = connection.execute(f"{_OLDER} FROM docker_builds ORDER BY completed_at DESC")
        names = [column[0] for column in rows.description]
        json.dump([dict(zip(names, row, strict=True)) for row in rows], file)


def _ndjson(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as connection, target.open("w") as file:
        connection.row_factory = sqlite3.Row
        for build in connection.execute("SELECT * FROM docker_builds ORDER BY completed_at"):
            steps = [dict(row) for row in connection.execute(_STEPS, (build["id"],))]
            file.write(json.dumps({**dict(build), "steps": steps}) + "\n")


def _csv(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as connection, target.open("w", newline="") as file:
        rows = connection.execute("SELECT * FROM docker_builds ORDER BY completed_at")
        csv.writer(file).writerows(rows)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
