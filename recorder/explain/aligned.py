"""Which step of one build is which of another, and which layer of one image: pure."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Generic, NamedTuple, TypeVar

from recorder import dockerfile_settings
from recorder.model import Build, Layer, Step
from recorder.step_names import BASE

_T = TypeVar("_T")

_ALIKE = 0.6
"""From which share of equal text on an instruction counts as the other one, edited."""

_MOST = 40_000
"""Comparisons of texts beyond which only places are compared; they are quadratic."""

_SHOWN = 400  # letters that are compared: heredocs are long, and the ratio is quadratic
_UNNAMED_STAGE = re.compile(r"stage-\d+")
_HASHES = re.compile(r"@sha256:[0-9a-f]{64}|buildkit\.dockerfile\.v0")


class Pair(NamedTuple, Generic[_T]):
    """What stands on either side; None where the other side has nothing like it."""

    before: _T | None
    now: _T | None


Makers = tuple[Mapping[int, int], Mapping[int, int]]


class _Made(NamedTuple):
    """A layer, and the number of the pair of steps that made it, None where it is not known."""

    layer: Layer
    by: int | None


def steps(
    before: Sequence[Step], now: Sequence[Step], stages: Collection[str] = ()
) -> list[Pair[Step]]:
    """The steps of two builds side by side, in the order of the second.

    First by `step_key`; then what is left by the likeness of its instruction within one kind and
    platform, a base image by its stage alone. `stages` are those that both Dockerfiles have: from
    one of them to another an instruction may have moved, but none is the other one, edited.
    """

    def likeness(one: Step, other: Step, texts: bool) -> float:
        ends = stage_of(one).lower(), stage_of(other).lower()
        is_elsewhere = ends[0] != ends[1] and all(stage in stages for stage in ends)
        if is_elsewhere and not is_same_text(one, other):
            return 0.0
        return _likeness_of_steps(one, other, texts)

    return _side_by_side(before, now, lambda step: step.step_key, likeness)


def of_builds(before: Build, now: Build) -> list[Pair[Step]]:
    """The steps of two builds side by side, as `steps` has them."""
    return steps(before.steps, now.steps, stages_of(before) & stages_of(now))


def stages_of(build: Build) -> frozenset[str]:
    """The stages that its Dockerfile has, as `stage_of` names them; none where it was not seen."""
    lines = dockerfile_settings.read(build.inputs.settings)
    return frozenset(_named(line.stage) for line in lines if line.stage)


def layers(
    before: Sequence[Layer], now: Sequence[Layer], makers: Makers = ({}, {})
) -> list[Pair[Layer]]:
    """The layers of two images side by side, from the base up.

    `makers` says of either by the layer's position which of the pairs of steps made it; where that
    is not known of both, the instruction tells, then likeness.
    """
    first = [_Made(layer, makers[0].get(layer.position)) for layer in before]
    second = [_Made(layer, makers[1].get(layer.position)) for layer in now]
    pairs = _side_by_side(first, second, _key_of_layer, _likeness_of_layers)
    return [Pair(one and one.layer, other and other.layer) for one, other in pairs]


def lines(before: Sequence[str], now: Sequence[str]) -> list[Pair[str]]:
    """The lines of two Dockerfiles side by side: equal ones, then the likest of one keyword."""
    return _side_by_side(before, now, lambda line: line, _likeness_of_lines)


def stage_of(step: Step) -> str:
    """The name of a step's stage; none for one without, since its number moves."""
    return _named(step.stage or "")


def text_of(step: Step) -> str:
    """The instruction with the names of arguments in place of their values."""
    return step.instruction or step.name


def is_same_text(one: Step, other: Step) -> bool:
    """Whether two steps have one instruction, whatever their stages are called."""
    return _without_hashes(text_of(one)) == _without_hashes(text_of(other))


def _named(stage: str) -> str:
    return "" if _UNNAMED_STAGE.fullmatch(stage) else stage


def _side_by_side(
    before: Sequence[_T],
    now: Sequence[_T],
    key: Callable[[_T], Hashable],
    likeness: Callable[[_T, _T, bool], float],
) -> list[Pair[_T]]:
    """All of both sides, in the order of `now`; what is gone comes after what stood before it."""
    places = _equal(before, now, key)
    left = [place for place in range(len(before)) if place not in places]
    taken = set(places.values())
    free = [place for place in range(len(now)) if place not in taken]
    texts = len(left) * len(free) <= _MOST
    scores = [(-likeness(before[i], now[j], texts), i, j) for i in left for j in free]
    for _, i, j in sorted(entry for entry in scores if entry[0] < 0):
        if i not in places and j not in taken:
            places[i] = j
            taken.add(j)
    counterparts = {j: i for i, j in places.items()}
    placed: list[tuple[tuple[int, int], Pair[_T]]] = [
        ((j, 0), Pair(before[counterparts[j]] if j in counterparts else None, other))
        for j, other in enumerate(now)
    ]
    after = -1
    for i, one in enumerate(before):
        after = places.get(i, after)
        if i not in places:
            placed.append(((after, 1 + i), Pair(one, None)))
    return [pair for _, pair in sorted(placed, key=lambda entry: entry[0])]


def _equal(
    before: Sequence[_T], now: Sequence[_T], key: Callable[[_T], Hashable]
) -> dict[int, int]:
    """The places of equal key; of several with one key the first with the first, and so on."""
    known: dict[Hashable, list[int]] = defaultdict(list)
    for place, one in enumerate(before):
        known[key(one)].append(place)
    found = {}
    for place, other in enumerate(now):
        same = known[key(other)]
        if same:
            found[same.pop(0)] = place
    return found


def _likeness_of_steps(one: Step, other: Step, texts: bool) -> float:
    if one.kind != other.kind or one.platform != other.platform:
        return 0.0
    same_stage = stage_of(one) == stage_of(other)
    if one.kind == BASE and same_stage:
        return 3.0
    alike = _ratio(text_of(one), text_of(other)) if texts else 0.0
    place = same_stage and one.step == other.step and one.steps == other.steps
    if alike < _ALIKE and not (place and not texts):
        return 0.0
    return 1.0 + alike + 0.1 * same_stage + 0.1 * place


def _key_of_layer(made: _Made) -> Hashable:
    return made.layer.instruction if made.by is None else made.by


def _likeness_of_layers(one: _Made, other: _Made, texts: bool) -> float:
    if not texts or None not in (one.by, other.by):
        return 0.0
    alike = _ratio(one.layer.instruction, other.layer.instruction)
    return alike if alike >= _ALIKE else 0.0


def _likeness_of_lines(one: str, other: str, texts: bool) -> float:
    if one.split(None, 1)[:1] != other.split(None, 1)[:1]:
        return 0.0
    return 1.0 + (_ratio(one, other) if texts else 0.0)


def _ratio(one: str, other: str) -> float:
    one, other = (_without_hashes(text)[:_SHOWN] for text in (one, other))
    if one == other:
        return 1.0
    if one.split(None, 1)[:1] != other.split(None, 1)[:1]:
        return 0.0
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE else 0.0


def _without_hashes(text: str) -> str:
    return _HASHES.sub("", text)
