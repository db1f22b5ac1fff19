"""The benchmarks that come with buildrec do real work, and one whose work is wrong fails."""

import asyncio
import inspect
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cases import slow

from recorder.bench import discovery, registry
from recorder.bench.registry import Figure, Suite, Work
from recorder.bench.suites import speech

PACKAGE = "recorder.bench.suites"
SUITES = {
    name: suite for name, suite in discovery.find().suites.items()
    if discovery.find().sources[name].startswith(PACKAGE)
}  # fmt: skip
NAMES = [f"{name}/{each}" for name, suite in SUITES.items() for each in suite.benchmarks]
CASES = [slow(name) if name == "transcription/long" else name for name in NAMES]
RATES = [
    f"{kind}-window-{who}" for kind in ("fixed", "moving") for who in ("one-user", "many-users")
]


@contextmanager
def prepared(name: str, scratch: Path, *, quick: bool = True) -> Iterator[Work]:
    suite, _, benchmark = name.partition("/")
    made = SUITES[suite].benchmarks[benchmark].prepare(scratch, quick)
    if isinstance(made, Work):
        yield made
    else:
        with contextmanager(lambda: made)() as work:
            yield work


def result_of(work: Work) -> Any:
    if inspect.iscoroutinefunction(work.run):
        return asyncio.run(work.run())
    return work.run()


def figures_of(work: Work, result: Any) -> dict[str, Figure]:
    assert work.check
    return dict(work.check(result))


_misdeeds: list[str] = []
_allowed: list[Path] = []
_others: set[int] = set()  # threads that other tests have left behind


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what is written outside of the scratch folder, and any address but the loopback's."""
    if not _allowed or threading.get_ident() in _others:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = any(sign in (mode or "") for sign in "wax+") or (flags or 0) & 3
        if writes and isinstance(path, (str, bytes)) and "__pycache__" not in str(path):
            _note_if_outside(str(path))
    elif event == "sqlite3.connect":
        _note_if_outside(str(arguments[0]))
    elif event == "socket.connect" and arguments[1][0] != "127.0.0.1":
        _misdeeds.append(f"connects to {arguments[1]}")
    elif event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", "localhost"):
        _misdeeds.append(f"looks up {arguments[0]}")


def _note_if_outside(path: str) -> None:
    if path != "/dev/null" and not Path(path).absolute().is_relative_to(_allowed[0]):
        _misdeeds.append(f"writes {path}")


sys.addaudithook(_watch)


@pytest.fixture
def stays_inside(tmp_path: Path) -> Iterator[Path]:
    """A scratch folder; a benchmark that writes elsewhere, or talks to another host, fails."""
    _misdeeds.clear()
    _others.update(thread.ident or 0 for thread in threading.enumerate())
    _others.discard(threading.get_ident())
    _allowed.append(tmp_path)
    try:
        yield tmp_path
    finally:
        _allowed.clear()
        _others.clear()
    assert not _misdeeds


@pytest.mark.parametrize("name", CASES)
def test_a_benchmark_does_its_work_twice_alike_in_its_scratch_folder(
    name: str, stays_inside: Path
) -> None:
    with prepared(name, stays_inside) as work:
        first = figures_of(work, result_of(work))
        second = figures_of(work, result_of(work))
    for figures in (first, second):
        figures.pop("overhead_ms", None)
    assert first == second
    assert first
    assert all(isinstance(figure, (int, float, str)) for figure in first.values())


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("classification/text", {"files": 12, "accuracy": 0.9}, {"files": 12, "accuracy": 1}),
        ("classification/snippets", {"accuracy": 0.6}, {"bytes": 12 * 250, "accuracy": 1}),
        ("classification/pdf", {"files": 6, "accuracy": 1}, {"files": 6}),
        ("classification/office", {"files": 6, "accuracy": 1}, {"files": 6}),
        ("transcription/short", {"audio_seconds": 3.29}, {"word_error_rate": 0.5}),
        ("transcription/long", {"audio_seconds": 11}, {"word_error_rate": 0.5}),
        ("search/simple", {"queries": 40, "hits": 1500}, {"documents": 1500}),
        ("search/complex", {"queries": 40, "hits": 1500}, {"documents": 1500}),
        ("search/fuzzy", {"queries": 30, "hits": 1500, "accuracy": 0.8}, {"accuracy": 1}),
        ("security/password-hash", {"memory_kib": 65536, "time_cost": 3}, {"parallelism": 4}),
        ("security/password-verify", {"memory_kib": 65536, "time_cost": 3}, {"parallelism": 4}),
        ("system/latency", {"delay_ms": 5, "overhead_ms": 0}, {"delay_ms": 5}),
    ],
)
def test_figures_are_what_the_inputs_lead_to(
    name: str, least: dict[str, float], most: dict[str, float], tmp_path: Path
) -> None:
    with prepared(name, tmp_path) as work:
        figures = figures_of(work, result_of(work))
    assert {key: figures[key] for key, limit in least.items() if figures[key] < limit} == {}
    assert {key: figures[key] for key, limit in most.items() if figures[key] > limit} == {}


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("quick", [True, False])
def test_each_user_is_allowed_its_hundred_requests_and_refused_the_rest(
    name: str, quick: bool, tmp_path: Path
) -> None:
    users = 1 if name.endswith("one-user") else 20 if quick else 100
    with prepared(f"security/{name}", tmp_path, quick=quick) as work:
        figures = figures_of(work, result_of(work))
    assert figures == {"users": users, "allowed": 100 * users, "refused": 50 * users}
    assert work.operations == 150 * users


def test_audio_says_how_long_it_lasts_so_that_its_real_time_factor_is_told(tmp_path: Path) -> None:
    with prepared("transcription/long", tmp_path) as work:
        seconds = sum(speech.utterance(name).seconds for name in ("0930", "0920"))
    assert work.real_seconds == pytest.approx(seconds + 2)


def _without_first(answers: list[list[int]]) -> list[list[int]]:
    place = next(place for place, answer in enumerate(answers) if answer)
    return [answer[place == number :] for number, answer in enumerate(answers)]


def _other_document(answers: list[list[int]]) -> list[list[int]]:
    place = next(place for place, answer in enumerate(answers) if answer)
    return [[*answer[1:], -1] if place == at else answer for at, answer in enumerate(answers)]


def _cheaply_hashed(_: str) -> str:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("anything")


WRONG: dict[str, Callable[[Any], Any]] = {
    "classification/text": lambda labels: ["unknown"] * len(labels),
    "classification/snippets": lambda labels: ["unknown"] * len(labels),
    "classification/pdf": lambda labels: ["zip"] * len(labels),
    "classification/office": lambda labels: ["zip"] * len(labels),
    "transcription/short": lambda text: "",
    "transcription/long": lambda text: "words that nobody has said",
    "search/simple": _without_first,
    "search/complex": _other_document,
    "search/fuzzy": lambda result: (result[0][::-1], result[1][::-1]),
    "security/password-hash": _cheaply_hashed,
    "security/password-verify": lambda verified: False,
    **{f"security/{name}": lambda allowed: [count + 1 for count in allowed] for name in RATES},
    "system/memory": lambda result: (result[0], result[1] - 1),
    "system/threads": lambda digests: digests[1:] + digests[:1],
    "system/async": lambda totals: [*totals[1:], totals[0] - 1],
    "system/database": lambda result: (result[0], result[1], result[2] + 1),
    "system/latency": lambda answers: [(0.001, answer) for _, answer in answers],
}


@pytest.mark.parametrize("name", CASES)
def test_work_that_is_done_wrong_fails_however_fast_it_was(name: str, tmp_path: Path) -> None:
    with prepared(name, tmp_path) as work:
        wrong = WRONG[name](result_of(work))
        with pytest.raises((AssertionError, ValueError)):
            figures_of(work, wrong)


def test_suites_are_listed_without_any_of_their_libraries() -> None:
    libraries = {str(name) for suite in SUITES.values() for name in suite.requires}
    program = (
        f"import sys; from recorder.bench import discovery; found = discovery.find().suites\n"
        f"assert found.keys() >= {set(SUITES)!r}\n"
        f"print(*sorted(set(sys.modules) & {libraries!r}))"
    )
    answer = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True)
    assert (answer.stdout.strip(), answer.returncode) == ("", 0), answer.stderr


def test_the_extra_brings_every_library_that_a_suite_needs() -> None:
    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())
    extra = project["project"]["optional-dependencies"]["bench"]
    brought = {re.split(r"[<>=;]", requirement)[0].lower() for requirement in extra}
    distributions = metadata.packages_distributions()
    for suite in SUITES.values():
        for module in suite.requires:
            assert {name.lower() for name in distributions[str(module)]} & brought, module


def test_a_suite_without_its_library_tells_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    missing = SUITES["search"].missing()
    assert missing == registry.Requirement("rapidfuzz", "pip install 'buildrec[bench]'")
    others: list[Suite] = [suite for name, suite in SUITES.items() if name != "search"]
    assert [suite.missing() for suite in others] == [None] * len(others)


def test_every_benchmark_is_described_in_the_docs() -> None:
    page = Path(__file__).parents[1].joinpath("docs/benchmark_suites.md").read_text()
    parts = {part.partition("\n")[0]: part for part in page.split("\n## ")}
    for name, suite in SUITES.items():
        for benchmark in suite.benchmarks:
            assert f"`{benchmark}`" in parts[name]
        for module in suite.requires:
            library = {"argon2": "argon2-cffi", "docx": "python-docx"}.get(str(module), str(module))
            assert library in parts["Licences"]
