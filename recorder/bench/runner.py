"""Runs benchmarks one after another and stores each as it ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recorder import benchmark_results, database
from recorder.bench import environment, harness
from recorder.bench.discovery import Chosen
from recorder.bench.harness import Plan
from recorder.bench.registry import Requirement
from recorder.benchmark_results import Result

Begun = Callable[[int, int, str], None]
Ended = Callable[[Result], None]


@dataclass
class Ran:
    """A run that ended: its id in the file, how it ended, what it measured, what was skipped."""

    id: int
    status: str = "running"
    results: list[Result] = field(default_factory=list)

    @property
    def failed(self) -> list[Result]:
        """Those that failed."""
        return [result for result in self.results if result.status == "failed"]


def run(
    path: Path,
    chosen: Sequence[Chosen],
    plan: Plan,
    where: Mapping[str, Any],
    begun: Begun,
    ended: Ended,
) -> Ran:
    """Run the `chosen` benchmarks, and store each in the database at `path` when it ends.

    `where` are values of `benchmark_runs` about the checkout. `begun` is told the number of a
    benchmark, of how many, and its name; `ended` what came of it. What lacks a library is stored
    as skipped. KeyboardInterrupt ends the run, which keeps what is done.
    """
    facts = {
        **environment.facts(_modules(chosen)),
        **where,
        "mode": "contention" if plan.copies > 1 else "solo",
        "copies": plan.copies,
        "quick": int(plan.quick),
    }
    with database.connect(path) as connection:
        ran = Ran(benchmark_results.begin(connection, facts))
    try:
        for number, one in enumerate(chosen, 1):
            missing = one.suite.missing()
            if missing:
                result = _skipped(one, missing)
            else:
                begun(number, len(chosen), one.name)
                result = harness.measure(one, plan)
            with database.connect(path) as connection:
                benchmark_results.add(connection, ran.id, result)
            ran.results.append(result)
            ended(result)
        ran.status = "failed" if ran.failed else "completed"
    except KeyboardInterrupt:
        ran.status = "interrupted"
    except BaseException:
        ran.status = "failed"
        raise
    finally:
        with database.connect(path) as connection:
            benchmark_results.end(connection, ran.id, ran.status, environment.load())
    return ran


def _modules(chosen: Sequence[Chosen]) -> set[str]:
    needed = {wanted for one in chosen for wanted in one.suite.requires}
    return {wanted.module if isinstance(wanted, Requirement) else wanted for wanted in needed}


def _skipped(one: Chosen, missing: Requirement) -> Result:
    reason = f"{missing.module} is not installed: {missing.cure}"
    return Result(one.suite.name, one.benchmark.name, "skipped", reason)
