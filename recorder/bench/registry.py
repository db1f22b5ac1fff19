"""What a benchmark suite is; a module makes one and decorates a function for each benchmark."""

import importlib.util
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from recorder.errors import BadValueError

Figure = int | float | str | bool
Prepare = Callable[[Path, bool], "Work | Iterator[Work]"]


@dataclass(frozen=True)
class Work:
    """What is timed: `run`, a function or a coroutine function without arguments.

    `check` gets what the last call returned, outside of the timing, and gives figures to keep
    beside the time (hits, accuracy, an error rate); it raises an AssertionError where the work was
    not done right, and then the benchmark failed. `operations` is how many operations one call
    does: the time that is kept is that of one operation. `real_seconds` is how long what one
    operation works on lasts in the world, such as a recording: its `real_time_factor` is kept too.
    """

    run: Callable[[], Any] | Callable[[], Awaitable[Any]]
    check: Callable[[Any], Mapping[str, Figure]] | None = None
    operations: int = 1
    real_seconds: float | None = None


@dataclass(frozen=True)
class Benchmark:
    """One benchmark of a suite. `slow` is one whose call takes seconds: it gets fewer of them."""

    name: str
    about: str
    prepare: Prepare
    slow: bool = False


class Requirement(NamedTuple):
    """A module that a suite imports, and what installs it; without a cure it is of our extra."""

    module: str
    cure: str = "pip install 'buildrec[bench]'"


@dataclass
class Suite:
    """Benchmarks that belong together and need the same libraries.

    `requires` names modules, not distributions (`argon2`), as text or as a Requirement whose cure
    is not `pip install 'buildrec[bench]'`. A suite that lacks one is skipped, and nothing else.
    """

    name: str
    about: str = ""
    requires: tuple[str | Requirement, ...] = ()
    benchmarks: dict[str, Benchmark] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_name(self.name)

    def benchmark(
        self, name: str, *, about: str = "", slow: bool = False
    ) -> Callable[[Prepare], Prepare]:
        """Add a benchmark: the decorated function gets a scratch folder and whether to be quick.

        It makes the inputs and returns the Work, or is a generator that yields it once and cleans
        up afterwards. It runs once in each process, and its time does not count.
        """
        _check_name(name)
        if name in self.benchmarks:
            raise BadValueError(f"{self.name} has a benchmark {name!r}", "give it another name")

        def add(prepare: Prepare) -> Prepare:
            self.benchmarks[name] = Benchmark(name, about or _first_line(prepare), prepare, slow)
            return prepare

        return add

    def missing(self) -> Requirement | None:
        """The first requirement that is not installed; it is looked for, and not imported."""
        for wanted in self.requires:
            requirement = wanted if isinstance(wanted, Requirement) else Requirement(wanted)
            try:
                found = importlib.util.find_spec(requirement.module) is not None
            except (ImportError, ValueError):
                found = False
            if not found:
                return requirement
        return None


def _check_name(name: str) -> None:
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        raise BadValueError(f"{name!r} is no name of a benchmark", "take letters, digits, - and _")


def _first_line(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0]
