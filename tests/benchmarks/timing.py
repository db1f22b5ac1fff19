"""Times things side by side: in turns, so that whatever else the machine does hits all of them."""

import math
import os
import random
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

from tests.benchmarks.places import environment

Arm = Callable[[], object]


def side_by_side(arms: Mapping[str, Arm], rounds: int, warm_up: int = 2) -> dict[str, list[float]]:
    """Milliseconds of each arm in each round; every round has all of them, in a random order."""
    found: dict[str, list[float]] = {name: [] for name in arms}
    order = random.Random(1)
    for turn in range(-warm_up, rounds):
        for name in order.sample(list(arms), k=len(arms)):
            begun = time.perf_counter()
            arms[name]()
            spent = (time.perf_counter() - begun) * 1000
            if turn >= 0:
                found[name].append(spent)
    return found


def beyond(ours: Sequence[float], floor: Sequence[float]) -> float:
    """The median of the differences, round by round."""
    return statistics.median(mine - theirs for mine, theirs in zip(ours, floor, strict=True))


def spread(values: Sequence[float]) -> str:
    """The median with the quartiles, in ms."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.1f} ms ({low:.1f} to {high:.1f})"


def p95(values: Sequence[float]) -> float:
    """The 95th percentile: the smallest value that 95 % of them do not exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def middle_and_p95(values: Sequence[float]) -> str:
    """The median and the 95th percentile, in ms."""
    return f"{statistics.median(values):.1f} ms, p95 {p95(values):.1f} ms"


def command(*words: object, folder: object = None) -> Arm:
    """An arm that runs a command to its end, in an environment without surprises."""
    arguments, environ = [str(word) for word in words], environment()

    def run() -> None:
        subprocess.run(
            arguments,
            env=environ,
            cwd=None if folder is None else str(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )

    return run


def load() -> str:
    """How busy the machine is, as the figures depend on it."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
