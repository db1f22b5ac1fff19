"""What a build would take were a step cached or two in parallel, and what would help most."""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, NamedTuple

from recorder import critical_path, figures, queries, step_names
from recorder.critical_path import Chain
from recorder.errors import BuildNotFoundError
from recorder.explain import aligned, graph, reference, sentences, still_there
from recorder.model import Build, Step

WEEKS = 4
"""How far back from an image's latest build its builds count."""

_BUILDS = 50
_LEAST = 0.01  # seconds
_LATEST = """
SELECT * FROM docker_builds
WHERE image_name = ? AND success = 1 ORDER BY completed_at DESC, id DESC LIMIT ?
"""

How = Literal["cached", "parallel"]


@dataclass(frozen=True, slots=True)
class Saving:
    """What one change would save: `how`, in how many builds the step ran, and what it then took.

    `took` and `saves` are the means over these builds, in seconds; of a step that was edited, over
    those that ran its present text. A step that ran beside longer ones saves less than it took, or
    nothing. `beside` is the other step of a change to `parallel`.
    """

    step: Step
    how: How
    beside: Step | None
    ran: int
    took: float
    saves: float
    minutes_a_week: float


@dataclass(frozen=True, slots=True)
class Savings:
    """The most valuable changes to an image, over its builds of the latest weeks.

    `builds` are those of which steps are recorded; `builds_a_week` counts all.
    """

    image_name: str
    builds: int
    weeks: float
    builds_a_week: float
    savings: tuple[Saving, ...]
    sentence: str

    @property
    def span(self) -> str:
        """How long a time its builds span, in words."""
        return span(self.weeks)


@dataclass(frozen=True, slots=True)
class Imagined:
    """What a build would have taken, in seconds; `graph` says where its order is known from."""

    build: int
    image_name: str
    was: float
    would_take: float
    graph: str
    sentence: str


def savings(connection: sqlite3.Connection, image_name: str | None) -> Savings:
    """What would help an image most, in minutes a week; without a name the one built last.

    Over the builds that completed in the four weeks up to its latest, 50 at most: each step that
    ran and is still there is thought cached, and each pair of neighbours that take turns thought
    side by side; the longest chain of the rest tells what that would have saved. Raises
    BuildNotFoundError.
    """
    name = image_name or queries.find_build(connection)["image_name"]
    builds, weeks, number = _recent(connection, name)
    a_week = number / weeks if number else 0.0
    told = [build for build in builds if build.steps]
    found: dict[tuple[str, How], list[_Run]] = defaultdict(list)
    for build, steps in zip(told, still_there.counterparts(told), strict=True):
        for run in _runs(build, steps):
            found[run.step.step_key, run.how].append(run)
    listed = [_saving(runs, len(told), a_week) for runs in found.values()]
    kept = sorted((s for s in listed if s.minutes_a_week * 60 >= _LEAST), key=_most)
    said = _sentence(name, kept, len(told), a_week)
    if builds and not told:
        shown = sentences.image(name)
        said = f"{shown}: nothing can be said, as no steps of its builds are recorded."
    return Savings(name, len(told), weeks, a_week, tuple(kept), said)


def imagine(
    connection: sqlite3.Connection,
    build: str | None,
    cached: Iterable[str],
    parallel: Iterable[tuple[str, str]],
) -> Imagined:
    """What the build would have taken were the steps `cached`, and the pairs `parallel`.

    Steps are given as `graph.find` takes them. Raises BuildNotFoundError or StepNotFoundError.
    """
    row = queries.find_build(connection, build)
    whole = reference.of_row(connection, row)
    thought = _Thought(whole)
    edges, steps = thought.edges, whole.steps
    hit = [graph.find(steps, text) for text in cached]
    said = [f"were {sentences.code(sentences.label(steps[place]))} cached" for place in hit]
    for one, other in parallel:
        places = graph.find(steps, one), graph.find(steps, other)
        edges = graph.apart(edges, *places)
        names = [sentences.code(sentences.label(steps[place])) for place in places]
        said.append(f"did {names[0]} and {names[1]} run in parallel")
    would = thought.would_take(hit, edges)
    was = whole.build_duration
    saved = figures.duration(was - would)
    end = f"{saved} less" if was - would >= _LEAST else "no less: other steps take as long"
    told = (
        f"{sentences.image(whole.image_name)} would take "
        f"{figures.duration(would)} instead of {figures.duration(was)} "
        f"{sentences.listed(said)}: {end}."
    )
    return Imagined(row["id"], whole.image_name, was, would, thought.told, told)


def _recent(connection: sqlite3.Connection, name: str) -> tuple[list[Build], float, int]:
    """The image's builds of the latest weeks, the weeks that they fill, and how many there were."""
    cursor = connection.execute(_LATEST, (name, _BUILDS))
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    if not rows:
        if queries.recent_builds(connection, name, 1):
            return [], float(WEEKS), 0
        raise BuildNotFoundError(
            f"there is no build of {name!r}", "see `buildrec stats` for the images there are"
        )
    builds = [reference.of_row(connection, row, whole=False) for row in rows]
    latest = builds[0].completed_at
    recent = [b for b in builds if latest - b.completed_at <= timedelta(weeks=WEEKS)]
    span = (latest - recent[-1].completed_at) / timedelta(weeks=1)
    # A history shorter than four weeks counts as long as it is, as does one that the limit cut.
    least = 1 / 7 if len(recent) == _BUILDS else 1.0
    return recent, round(min(max(span, least), float(WEEKS)), 3), len(recent)


class _Thought:
    """A build that can be thought otherwise: with steps from the cache, or another graph."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.edges, self.told = graph.of_build(build)
        self._started = [step.started for step in build.steps]
        self._durations = [step.duration or 0.0 for step in build.steps]
        self._kinds = tuple(step.kind for step in build.steps)
        self._shape = self._shape_of(self.edges)
        self._chain = self._longest(self._shape, self._durations)

    def would_take(self, cached: Collection[int] = (), edges: graph.Edges | None = None) -> float:
        """The seconds of the longest chain, and of the build's own waiting.

        `cached` has the places of the steps that are thought cached, `edges` another graph.
        """
        durations = list(self._durations)
        for place in cached:
            durations[place] = 0.0
        shape = self._shape if edges is None else self._shape_of(edges)
        longest = self._longest(shape, durations).seconds
        return max(round(self.build.build_duration - self._chain.seconds + longest, 6), 0.0)

    def is_on_chain(self, place: int) -> bool:
        """Whether the step at this place is on the longest chain; no other's change saves time."""
        return place in self._chain.members

    def _shape_of(self, edges: graph.Edges) -> critical_path.Shape:
        return critical_path.shape_of(self._kinds, edges)

    def _longest(self, shape: critical_path.Shape, durations: Sequence[float]) -> Chain:
        return critical_path.within(
            shape.chain(self._started, durations), self.build.build_duration
        )


class _Run(NamedTuple):
    """A step that ran in one build, as it is now, and what the build would save by a change.

    `is_present` is False where what ran was another text than the present one.
    """

    step: Step
    how: How
    beside: Step | None
    took: float
    saved: float
    is_present: bool


def _runs(build: Build, now: still_there.Counterparts) -> Iterable[_Run]:
    """Every change to think of in one build, of its steps that are still there."""
    thought, was = _Thought(build), build.build_duration
    for place, (run, step) in enumerate(zip(build.steps, now, strict=True)):
        if step is None or run.cached or run.started is None or not run.duration:
            continue
        if not step_names.is_instruction(run.kind):
            continue
        is_present = aligned.is_same_text(run, step)
        if not thought.is_on_chain(place):
            yield _Run(step, "cached", None, run.duration, 0.0, is_present)
            continue
        saved = was - thought.would_take(cached=[place])
        yield _Run(step, "cached", None, run.duration, saved, is_present)
        neighbour = graph.neighbour(build.steps, thought.edges, place)
        beside = None if neighbour is None else now[neighbour]
        if neighbour is not None and beside is not None:
            edges = graph.apart(thought.edges, neighbour, place)
            saved = was - thought.would_take(edges=edges)
            is_present &= aligned.is_same_text(build.steps[neighbour], beside)
            yield _Run(step, "parallel", beside, run.duration, saved, is_present)


def _saving(runs: Sequence[_Run], builds: int, a_week: float) -> Saving:
    step, how, beside, *_ = runs[0]
    told = [run for run in runs if run.is_present] or runs
    took = sum(run.took for run in told) / len(told)
    saves = sum(max(run.saved, 0.0) for run in told) / len(told)
    return Saving(
        step, how, beside, len(runs), took, saves, saves * len(runs) / builds * a_week / 60
    )


def _most(saving: Saving) -> tuple[float, str]:
    return (-saving.minutes_a_week, saving.step.step_key)


def _sentence(name: str, kept: Sequence[Saving], builds: int, a_week: float) -> str:
    if not kept:
        shown = sentences.image(name)
        return f"{shown}: nothing that ran in the latest {WEEKS} weeks would save time if cached."
    best = kept[0]
    return sentence(
        name,
        sentences.label(best.step),
        sentences.label(best.beside) if best.beside else None,
        ran=best.ran,
        builds=builds,
        saves=best.saves,
        minutes_a_week=best.minutes_a_week,
        builds_a_week=a_week,
    )


def sentence(
    image_name: str,
    name: str,
    beside: str | None,
    *,
    ran: int,
    builds: int,
    saves: float,
    minutes_a_week: float,
    builds_a_week: float,
) -> str:
    """What would help most, in a sentence: the values are those of a row of `what_if`.

    `name` is the step's label, and `beside` that of the step that it would run beside; None where
    it would be cached.
    """
    step = sentences.code(name)
    way = f"running {step} beside {sentences.code(beside)}" if beside else f"caching {step}"
    often = f"{builds_a_week:,.0f}" if builds_a_week >= 10 else f"{builds_a_week:.2g}"
    return (
        f"{sentences.image(image_name)}: {way} would save "
        f"{figures.duration(minutes_a_week * 60)} a week "
        f"({figures.duration(saves)} in each build that runs it, {ran} of {builds}; "
        f"{often} {'build' if often == '1' else 'builds'} a week)."
    )


def span(weeks: float) -> str:
    """A number of weeks in words."""
    return "one week" if weeks == 1 else f"{weeks:.3g} weeks"
