"""Times one benchmark: `python -m recorder.bench.worker`, which pyperf starts for each process."""

import asyncio
import inspect
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyperf

from recorder.bench import discovery
from recorder.bench.registry import Benchmark, Figure, Work

MODULE = "recorder.bench.worker"
PROGRAM = ("-P", "-m", MODULE)
"""What Python is called with; `-P`, so that no file of the present folder stands for a module."""

_OWN = ("source", "benchmark", "side")


def main() -> None:
    """Manage the processes of a benchmark, or be one of them, as pyperf's arguments say."""
    runner = pyperf.Runner(program_args=PROGRAM, add_cmdline_args=_hand_down)
    for name in _OWN:
        runner.argparser.add_argument(f"--{name}", required=True)
    runner.argparser.add_argument("--quick", action="store_true")
    arguments = runner.parse_args()
    if not arguments.worker:
        runner.bench_time_func(arguments.benchmark, lambda _loops: 0.0)
        return
    side = Path(arguments.side)
    try:
        _work(runner, arguments, side)
    except (AssertionError, Exception) as error:  # noqa: BLE001 - a benchmark may do anything
        reason = str(error) if isinstance(error, AssertionError) else ""
        told = reason or f"{type(error).__name__}: {error}"
        (side / "error.json").write_text(json.dumps(told))
        sys.exit(1)


def _hand_down(command: list[str], arguments: Any) -> None:
    for name in _OWN:
        command.extend((f"--{name}", getattr(arguments, name)))
    if arguments.quick:
        command.append("--quick")


def _work(runner: Any, arguments: Any, side: Path) -> None:
    name, _, wanted = arguments.benchmark.partition("/")
    suites = {suite.name: suite for suite in discovery.suites_of(arguments.source)}
    benchmark = suites[name].benchmarks[wanted]
    # A folder of the parent's, so that it goes even if this process is killed.
    with (
        tempfile.TemporaryDirectory(dir=side, prefix="scratch-") as scratch,
        _prepared(benchmark, Path(scratch), arguments.quick) as work,
        _Timer(work) as timer,
    ):
        runner.bench_time_func(arguments.benchmark, timer.time, inner_loops=work.operations)
        figures = _checked(work, timer.last)
    told = {"cpu": timer.cpu, "figures": figures, "real_seconds": work.real_seconds}
    (side / f"told-{os.getpid()}.json").write_text(json.dumps(told))


@contextmanager
def _prepared(benchmark: Benchmark, scratch: Path, quick: bool) -> Iterator[Work]:
    made = benchmark.prepare(scratch, quick)
    if isinstance(made, Work):
        yield made
        return
    with contextmanager(lambda: made)() as work:
        yield work


def _checked(work: Work, last: Any) -> dict[str, Figure]:
    figures = dict(work.check(last)) if work.check else {}
    for name, figure in figures.items():
        if not isinstance(figure, (int, float, str)):
            raise TypeError(f"the figure {name} is a {type(figure).__name__}")
    return figures


class _Timer:
    """Times calls, coroutines in one loop; keeps what the last returned, and their CPU time."""

    def __init__(self, work: Work) -> None:
        self._run: Callable[[], Any] = work.run
        self._operations = work.operations
        self._loop = asyncio.Runner() if inspect.iscoroutinefunction(work.run) else None
        self.last: Any = None
        self.cpu: list[float] = []

    def __enter__(self) -> "_Timer":
        return self

    def __exit__(self, *error: object) -> None:
        if self._loop:
            self._loop.close()

    def time(self, loops: int) -> float:
        """Seconds that `loops` calls take."""
        before = time.process_time()
        seconds = self._loop.run(self._await(loops)) if self._loop else self._call(loops)
        self.cpu.append((time.process_time() - before) / (loops * self._operations))
        return seconds

    def _call(self, loops: int) -> float:
        run, result = self._run, None
        began = time.perf_counter()
        for _ in range(loops):
            result = run()
        seconds = time.perf_counter() - began
        if inspect.isawaitable(result):
            raise TypeError("run gave a coroutine; make it an `async def` to have it awaited")
        self.last = result
        return seconds

    async def _await(self, loops: int) -> float:
        run, result = self._run, None
        began = time.perf_counter()
        for _ in range(loops):
            result = await run()
        seconds = time.perf_counter() - began
        self.last = result
        return seconds


if __name__ == "__main__":
    main()
