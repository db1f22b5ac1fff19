"""Finds suites: our own, those of other packages (entry points), of files, of this program."""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from recorder.bench.registry import Benchmark, Suite
from recorder.errors import BadValueError

GROUP = "buildrec.benchmarks"
"""The entry points by which a package gives suites: each names a Suite, or a module of some."""

_OWN = "recorder.bench.suites"
_registered: dict[str, Suite] = {}


@dataclass
class Found:
    """Suites by name, where another process finds each, and why some could not be loaded."""

    suites: dict[str, Suite] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, suites: Iterable[Suite], source: str) -> None:
        """Add suites of a module or file; the first of a name stays."""
        for suite in suites:
            if suite.name in self.suites:
                self.problems.append(f"{source}: there is another suite {suite.name!r}")
            else:
                self.suites[suite.name] = suite
                self.sources[suite.name] = source


@dataclass(frozen=True)
class Chosen:
    """A benchmark that is to run, with its suite and where another process finds that."""

    suite: Suite
    benchmark: Benchmark
    source: str

    @property
    def name(self) -> str:
        """`SUITE/NAME`."""
        return f"{self.suite.name}/{self.benchmark.name}"


def register(suite: Suite) -> Suite:
    """Let `run` and `find` know a suite of this program; its module must be importable or a file.

    Raises BadValueError for a name that is taken, or where the suite has no benchmark.
    """
    if not suite.benchmarks:
        raise BadValueError(f"the suite {suite.name!r} is empty", "give it a benchmark first")
    if _registered.get(suite.name, suite) is not suite:
        raise BadValueError(f"a suite {suite.name!r} is registered", "give it another name")
    _registered[suite.name] = suite
    return suite


def find(files: Sequence[Path] = ()) -> Found:
    """All suites there are; those in Python `files` come before any other.

    A module that cannot be loaded is told as a problem and hinders no other.
    """
    found = Found()
    for path in files:
        _load(found, str(path.resolve()))
    for suite in _registered.values():
        found.add([suite], _source_of(suite))
    for name in _own_modules():
        _load(found, name)
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        _load(found, entry.value)
    return found


def suites_of(source: str) -> list[Suite]:
    """The suites of a module (`package.module`, `package.module:suite`) or of a file."""
    if source.endswith(".py"):
        return _suites_in(_load_file(Path(source)))
    name, _, attribute = source.partition(":")
    module = importlib.import_module(name)
    if attribute:
        suite = getattr(module, attribute)
        if not isinstance(suite, Suite):
            raise TypeError(f"{source} is no Suite")
        return [suite]
    return _suites_in(module)


def choose(found: Found, wanted: Sequence[str]) -> list[Chosen]:
    """The benchmarks that are `wanted`: suites, `SUITE/NAME`s, or all. Raises BadValueError."""
    chosen: dict[str, Chosen] = {}
    for word in wanted or found.suites:
        name, slash, benchmark = word.partition("/")
        suite = found.suites.get(name)
        if suite is None or (slash and benchmark not in suite.benchmarks):
            raise BadValueError(
                f"there is no benchmark {word!r}", "see `buildrec bench list` for those there are"
            )
        for each in suite.benchmarks.values():
            if not slash or each.name == benchmark:
                one = Chosen(suite, each, found.sources[name])
                chosen[one.name] = one
    return list(chosen.values())


def _own_modules() -> list[str]:
    try:
        package = importlib.import_module(_OWN)
    except ModuleNotFoundError:
        return []
    return [f"{_OWN}.{module.name}" for module in pkgutil.iter_modules(package.__path__)]


def _load(found: Found, source: str) -> None:
    try:
        suites = suites_of(source)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - somebody else's module may do anything
        found.problems.append(f"{source}: {type(error).__name__}: {error}")
    else:
        if not suites and not source.startswith(f"{_OWN}."):
            found.problems.append(f"{source}: there is no Suite in it")
        found.add(suites, source)


def _suites_in(module: ModuleType) -> list[Suite]:
    seen: dict[str, Suite] = {}
    values: list[Any] = list(vars(module).values())
    for value in values:
        if isinstance(value, Suite) and value.benchmarks:
            seen.setdefault(value.name, value)
    return list(seen.values())


def _load_file(path: Path) -> ModuleType:
    """Import a file as Python would run it, but under a name that is not `__main__`."""
    name = f"buildrec_benchmarks_{path.stem}"
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path):
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    spec.loader.exec_module(module)
    return module


def _source_of(suite: Suite) -> str:
    """The module of a registered suite's first benchmark, or the file of this program."""
    first = next(iter(suite.benchmarks.values()))
    module = sys.modules.get(first.prepare.__module__)
    file = getattr(module, "__file__", None)
    if first.prepare.__module__ == "__main__" and file:
        return str(Path(file).resolve())
    return first.prepare.__module__
