"""Suites of benchmarks for tests, and runs that are stored without being run."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from recorder import benchmark_results, database
from recorder.benchmark_results import Result

SUITE = '''
import asyncio
import os
from pathlib import Path
from recorder.benchmarks import Suite, Work

suite = Suite("shop", about="Benchmarks of a shop.")
lacking = Suite("lacking", requires=("no_such_module",))

@suite.benchmark("sum")
def total(scratch, quick):
    """Adds numbers up."""
    numbers = range(2000 if quick else 20000)
    return Work(lambda: sum(numbers), lambda found: {"total": found}, operations=2)

@suite.benchmark("wait", about="Waits without working.")
def wait(scratch, quick):
    (scratch / "made").write_text("x")
    loops = set()
    async def run():
        loops.add(id(asyncio.get_running_loop()))
        await asyncio.sleep(0.001)
        return len(loops)
    yield Work(run, lambda loops: {"loops": loops}, real_seconds=2.0)
    Path(__file__).with_name("cleaned").touch()

@suite.benchmark("wrong", slow=True)
def wrong(scratch, quick):
    def check(found):
        raise AssertionError(f"found {found} of 4")
    return Work(lambda: 3, check)

@suite.benchmark("broken", slow=True)
def broken(scratch, quick):
    raise OSError("no room for token ghp_0123456789abcdefghijklmnopqrstuvwxyzAB")

@lacking.benchmark("never")
def never(scratch, quick):
    raise SystemExit("a suite that lacks a library must not run")
'''


def suite_file(folder: Path, text: str = SUITE) -> Path:
    """A Python file with suites."""
    path = folder / "my_benchmarks.py"
    path.write_text(text)
    return path


def buildrec(*words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    """The command, run as users do."""
    command = [sys.executable, "-m", "recorder", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def result(name: str = "sum", seconds: float = 0.01, processes: int = 10, **more: Any) -> Result:
    """A result whose processes differ by a thousandth of it."""
    raw = tuple((seconds * (1 + 0.001 * number),) * 3 for number in range(processes))
    return Result("shop", name, **{"raw": raw, "processes": processes, **more})


def stored(path: Path, *results: Result, **facts: Any) -> int:
    """A run that ended, with its results; gives its id."""
    ended = facts.pop("ended", "completed")
    with database.connect(path) as connection:
        number = benchmark_results.begin(connection, facts)
        benchmark_results.add(connection, number, *results)
        if ended:
            benchmark_results.end(connection, number, ended, 0.5)
    return number


def rows(path: Path, query: str) -> list[Any]:
    """What a query gives, through a plain connection."""
    with database.connect_to_read(path) as connection:
        return [dict(row) for row in connection.execute(query)]
