"""What each step of a build needs: as recorded, else as its Dockerfile's form tells; pure."""

import functools
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from recorder import step_names
from recorder.errors import StepNotFoundError
from recorder.explain import aligned, compared, sentences
from recorder.model import Build, Step

Edges = tuple[tuple[int, ...], ...]
"""For each step, in order of position, the positions (from 1) of those that it needs."""

_FROM_STAGE = re.compile(r"--from=(\S+)|,?from=([^,\s]+)")
_BASE = re.compile(r"FROM (?:--platform=\S+ )?(\S+)", re.IGNORECASE)
_TAKES = {"copy", "add"}


def of_build(build: Build) -> tuple[Edges, str]:
    """What each step needs, and where that is known from: `recorded` or `inferred`.

    A build recorded without its graph has each instruction need the one before it in its stage,
    what it copies from, and the context.
    """
    if build.inputs.graph and len(build.inputs.graph) == len(build.steps):
        return build.inputs.graph, "recorded"
    return _inferred(tuple(map(_told, build.steps))), "inferred"


def apart(edges: Edges, first: int, second: int) -> Edges:
    """The graph in which neither of two steps (places from 0) waits for the other.

    The later one then needs what the earlier one needs, and what needed the later one needs both.
    """
    if first + 1 in ancestors(edges, second):
        earlier, later = first, second
    elif second + 1 in ancestors(edges, first):
        earlier, later = second, first
    else:
        return edges
    between = {
        place for place in ancestors(edges, later) if earlier + 1 in ancestors(edges, place - 1)
    } | {earlier + 1}
    needs = list(edges)
    freed = [needed for needed in edges[later] if needed in between]
    kept = [needed for needed in edges[later] if needed not in between]
    needs[later] = tuple(dict.fromkeys([*kept, *edges[earlier]]))
    for place, needed in enumerate(edges):
        if later + 1 in needed and place != later:
            needs[place] = tuple(dict.fromkeys([*needed, *freed]))
    return tuple(needs)


def neighbour(steps: Sequence[Step], edges: Edges, place: int) -> int | None:
    """The one instruction that ran, and that this RUN waits for directly; both must be RUNs."""
    needs = edges[place] if place < len(edges) else ()
    if steps[place].kind != "run" or len(needs) != 1:
        return None
    other = steps[needs[0] - 1]
    return needs[0] - 1 if other.kind == "run" and not other.cached and other.duration else None


def find(steps: Sequence[Step], text: str) -> int:
    """The place of the step that `text` names: its number, its key, or a part of its name.

    Raises StepNotFoundError for none, or for several.
    """
    if not steps:
        raise StepNotFoundError(
            "the steps of the build are not recorded", "name one that has steps with --build"
        )
    wanted = text.strip().lower()
    for test in (
        lambda step: step.step_key == wanted,
        lambda step: wanted.isdecimal() and step.position == int(wanted),
        lambda step: aligned.text_of(step).lower() == wanted,
        lambda step: wanted in f"{step.name}\n{step.instruction or ''}".lower(),
    ):
        found = [place for place, step in enumerate(steps) if test(step)]
        if len(found) == 1:
            return found[0]
        if found:
            named = "; ".join(
                f"{steps[place].position}: {sentences.label(steps[place], 40)}"
                for place in found[:4]
            )
            raise StepNotFoundError(
                f"{len(found)} steps are called {text!r} ({named})", "give the number of one"
            )
    raise StepNotFoundError(
        f"the build has no step {text!r}", "see `buildrec show` for its steps, and give a part"
    )


def ancestors(edges: Edges, place: int) -> set[int]:
    """The positions (from 1) of all that the step at a place (from 0) needs, directly or not."""
    found: set[int] = set()
    left = list(edges[place]) if place < len(edges) else []
    while left:
        at = left.pop()
        if at not in found:
            found.add(at)
            left += edges[at - 1] if at <= len(edges) else ()
    return found


class _Told(NamedTuple):
    """What the order of a Dockerfile's steps is inferred from; `lane` is platform and stage."""

    lane: tuple[str | None, str]
    number: int | None
    kind: str
    text: str
    is_context: bool


def _told(step: Step) -> _Told:
    is_context = compared.area(step) == "context"
    lane = (step.platform, step.stage or "")
    return _Told(lane, step.step, step.kind, aligned.text_of(step), is_context)


@functools.lru_cache(maxsize=256)
def _inferred(steps: tuple[_Told, ...]) -> Edges:
    """The graph by stages: see `of_build`. The builds of an image mostly share it: it is kept."""
    ordered: dict[tuple[str | None, str], list[int]] = {}
    for place, step in enumerate(steps):
        if step.number is not None:
            ordered.setdefault(step.lane, []).append(place)
    last: dict[tuple[str | None, str], int] = {}
    needs: list[list[int]] = [[] for _ in steps]
    for key, places in ordered.items():
        places.sort(key=lambda place: steps[place].number or 0)
        last[key] = places[-1]
        for one, other in pairwise(places):
            needs[other].append(one + 1)
    context = [place for place, step in enumerate(steps, 1) if step.is_context]
    for place, step in enumerate(steps):
        sources = {(step.lane[0], stage) for stage in _stages_of(step)} & set(last)
        needs[place] += [last[key] + 1 for key in sources if last[key] != place]
        if step.kind in _TAKES and not sources:
            needs[place] += context
    return tuple(tuple(dict.fromkeys(needed)) for needed in needs)


def _stages_of(step: _Told) -> set[str]:
    """The names of the stages that a step takes from."""
    if step.kind == step_names.BASE:
        match = _BASE.search(step.text)
        return {match[1]} if match else set()
    return {one or other for one, other in _FROM_STAGE.findall(step.text)}
