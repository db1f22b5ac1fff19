"""Runs one benchmark through pyperf: calibration, warm-up, and processes of its own."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyperf

from recorder.bench import worker
from recorder.bench.discovery import Chosen
from recorder.benchmark_results import Result

_GRACE = 5.0  # seconds until processes that were asked to end are ended
_MOST_SECONDS = 600  # after which one process counts as hanging


@dataclass(frozen=True)
class Plan:
    """How to run: `quick` with fewer values, `copies` of each benchmark at once."""

    quick: bool = False
    copies: int = 1

    def options(self, *, slow: bool) -> dict[str, float]:
        """pyperf's: processes, values of each, warm-ups, loops (0: calibrated), least seconds."""
        if slow:
            return {"processes": 1 if self.quick else 5, "values": 2, "warmups": 1 - self.quick,
                    "loops": 1, "min-time": 0.1}  # fmt: skip
        return {"processes": 2 if self.quick else 10, "values": 3, "warmups": 1,
                "loops": 0, "min-time": 0.05 if self.quick else 0.1}  # fmt: skip


def measure(chosen: Chosen, plan: Plan) -> Result:
    """What a benchmark measured; a Result that says why where it failed.

    Copies run at once, and their values stand together. KeyboardInterrupt ends all processes.
    """
    with tempfile.TemporaryDirectory(prefix="buildrec-bench-") as folder:
        copies = [_Copy(Path(folder, str(number))) for number in range(plan.copies)]
        with _ended(copies):
            for copy in copies:
                copy.start(chosen, plan)
            for copy in copies:
                copy.wait()
        if reasons := [copy.reason() for copy in copies if not copy.succeeded]:
            return Result(chosen.suite.name, chosen.benchmark.name, "failed", reasons[0])
        return _result(chosen, copies)


class _Copy:
    """One pyperf that measures the benchmark, and what it leaves in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._output = folder / "values.json"
        self.said = ""

    def start(self, chosen: Chosen, plan: Plan) -> None:
        self._folder.mkdir()
        options = plan.options(slow=chosen.benchmark.slow)
        command = [
            sys.executable, *worker.PROGRAM, "--copy-env", "--timeout", str(_MOST_SECONDS),
            "--output", str(self._output), "--side", str(self._folder),
            "--source", chosen.source, "--benchmark", chosen.name,
            *(["--quick"] if plan.quick else []),
            *(word for name, value in options.items() for word in (f"--{name}", str(value))),
        ]  # fmt: skip
        # In a session of its own, so that it ends with all of its processes, and in our order.
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        )  # fmt: skip

    def wait(self) -> None:
        if self._process:
            self.said, _ = self._process.communicate()

    def end(self) -> None:
        """End what still runs."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=_GRACE)
                return

    @property
    def succeeded(self) -> bool:
        return self._process is not None and self._process.returncode == 0

    def reason(self) -> str:
        """Why it failed: what a process left, or the last that was said."""
        error = self._folder / "error.json"
        if error.is_file():
            return str(json.loads(error.read_text()))
        lines = self.said.strip().splitlines()
        return lines[-1] if lines else "it ended without a word"

    def benchmark(self) -> Any:
        return pyperf.Benchmark.load(str(self._output))

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(self._folder.glob("told-*.json"))]


def doubts(said: str) -> list[str]:
    """Why values may be unstable, from what pyperf `said` of them: its lines of warnings.

    Left out is its wish for more values until their mean is within 1 %: the count and the deviation
    beside each result tell that, and almost any run of fewer than 30 values gets it.
    """
    lines = [line[2:] for line in said.splitlines() if line.startswith("* ")]
    return [line for line in lines if not line.startswith("Not enough samples")]


@contextlib.contextmanager
def _ended(copies: list[_Copy]) -> Iterator[None]:
    try:
        yield
    finally:
        for copy in copies:
            copy.end()


def _result(chosen: Chosen, copies: list[_Copy]) -> Result:
    benchmarks = [copy.benchmark() for copy in copies]
    runs = [run for benchmark in benchmarks for run in benchmark.get_runs() if run.values]
    told = [each for copy in copies for each in copy.told()]
    raw = tuple(tuple(map(float, run.values)) for run in runs)
    figures = _agreed([each["figures"] for each in told])
    if real := told[0]["real_seconds"]:
        mean = statistics.fmean(value for values in raw for value in values)
        figures["real_time_factor"] = float(f"{mean / real:.4g}")
    peaks = [found for run in runs if (found := run.get_metadata().get("mem_max_rss"))]
    cpu = [seconds for each in told for seconds in each["cpu"]]
    return Result(
        chosen.suite.name,
        chosen.benchmark.name,
        raw=raw,
        loops=benchmarks[0].get_total_loops(),
        processes=len(runs),
        peak_memory_bytes=max(peaks, default=None),
        cpu_seconds=statistics.median(cpu) if cpu else None,
        figures=figures,
        unstable=tuple(dict.fromkeys(line for copy in copies for line in doubts(copy.said))),
    )


def _agreed(told: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of all processes: what is equal once, of numbers that differ the mean."""
    found: dict[str, Any] = {}
    for name in told[0]:
        values = [figures.get(name) for figures in told]
        if all(value == values[0] for value in values):
            found[name] = values[0]
        elif all(isinstance(value, (int, float)) for value in values):
            found[name] = statistics.fmean(values)  # type: ignore[arg-type]
        else:
            found[name] = values[0]
    return found
