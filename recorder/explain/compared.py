"""Gives the difference between two builds to named steps until nothing is left over: pure.

Each instant of a build is given to one step (`attribution`), in one order of precedence for both
builds: steps that took about as long in both come first, the longest of them before the others,
since the build would have taken that time anyway; then those that differ, the most different
first. So a step that ran beside others counts only for the time that it made the build longer, and
the differences of all steps, with that of the time in which nothing ran, sum to the difference of
the builds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from recorder import step_names
from recorder.explain import aligned, attribution
from recorder.explain.aligned import Pair
from recorder.model import MICRO, Step

Kind = Literal[
    "not cached", "cached", "slower", "quicker", "new", "gone", "changed", "shared", "alone",
    "beside", "pulling", "exporting", "context", "loading", "importing", "waiting", "unaccounted",
]  # fmt: skip

KINDS: dict[Kind, str] = {
    "not cached": "It ran, and came from the cache before.",
    "cached": "It came from the cache, and ran before.",
    "slower": "It ran in both, longer.",
    "quicker": "It ran in both, shorter.",
    "new": "The other build has no such step.",
    "gone": "This build has no such step.",
    "changed": "Its instruction is another, or an argument in it has another value.",
    "shared": "A concurrent build did the work, and this one waited for it.",
    "alone": "It took about as long, but ran beside other steps before.",
    "beside": "It took about as long, but ran beside other steps.",
    "pulling": "Finding and pulling base images.",
    "exporting": "Writing layers and the image.",
    "context": "Sending the build context.",
    "loading": "Loading the Dockerfile and the like.",
    "importing": "Importing a cache.",
    "waiting": "No step ran.",
    "unaccounted": "No steps are recorded that would tell.",
}
"""What the kinds of part mean."""

_AS_LONG, _OF_BUILD = 0.1, 0.01
"""A step took as long if it differs by less than a tenth of itself, or a hundredth of the build."""
_BY_PLACE = 4
"""How many times its own change a step must add for where it ran to say more of it."""


class Side(NamedTuple):
    """A build as it is compared: its duration in microseconds, steps, and Dockerfile's stages."""

    duration: int
    steps: Sequence[Step]
    stages: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Part:
    """What one step, or the waiting, has in the difference of two builds.

    `difference` is what it adds to the build, in microseconds. `before` and `now` are how long it
    ran itself, None where it did not; `pair` is None for what is no step.
    """

    kind: Kind
    difference: int
    before: int | None
    now: int | None
    pair: Pair[Step] | None

    @property
    def seconds(self) -> float:
        """What it adds to the build, in seconds."""
        return self.difference / MICRO

    @property
    def hidden(self) -> int:
        """The microseconds of its own change that other steps hid, as it ran beside them."""
        return (self.now or 0) - (self.before or 0) - self.difference

    @property
    def step(self) -> Step | None:
        """The step, as it is, or as it was if it is gone."""
        return (self.pair.now or self.pair.before) if self.pair else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All parts of the difference, largest first; they sum to it. `pairs` are all steps.

    A step of the critical path that took longer or shorter is one, though others hide all of it.
    """

    difference: int
    parts: tuple[Part, ...]
    pairs: tuple[Pair[Step], ...]


def compare(before: Side, now: Side) -> Comparison:
    """What makes the difference between two builds; the parts sum to it to the microsecond."""
    difference = now.duration - before.duration
    pairs = aligned.steps(before.steps, now.steps, before.stages & now.stages)
    if not before.steps or not now.steps:
        parts = [Part("unaccounted", difference, None, None, None)] if difference else []
        return Comparison(difference, tuple(parts), tuple(pairs))
    spans_before = [attribution.running(pair.before, before.duration) for pair in pairs]
    spans_now = [attribution.running(pair.now, now.duration) for pair in pairs]
    took = [(_length(a), _length(b)) for a, b in zip(spans_before, spans_now, strict=True)]
    least = _OF_BUILD * max(before.duration, now.duration)
    order = sorted(range(len(pairs)), key=lambda i: (*_precedence(*took[i], least), i))
    was = attribution.give([spans_before[i] for i in order], before.duration)
    given = attribution.give([spans_now[i] for i in order], now.duration)
    parts = []
    for rank, i in enumerate(order):
        gained = given.to_each[rank] - was.to_each[rank]
        first, second = took[i]
        if gained or (_is_on_path(pairs[i].now) and not _took_as_long(first, second, least)):
            kind = _kind(pairs[i], gained, second - first, least)
            parts.append(Part(kind, gained, first if spans_before[i] else None,
                              second if spans_now[i] else None, pairs[i]))  # fmt: skip
    if given.waiting != was.waiting:
        gained = given.waiting - was.waiting
        parts.append(Part("waiting", gained, was.waiting, given.waiting, None))
    parts.sort(key=lambda part: -abs(part.difference))
    return Comparison(difference, tuple(parts), tuple(pairs))


def _length(span: tuple[int, int] | None) -> int:
    return span[1] - span[0] if span else 0


def _took_as_long(before: int, now: int, least: float) -> bool:
    return abs(now - before) <= max(_AS_LONG * before, least)


def _is_on_path(step: Step | None) -> bool:
    return step is not None and step.critical


def _precedence(before: int, now: int, least: float) -> tuple[bool, int]:
    if _took_as_long(before, now, least):
        return (False, -max(before, now))
    return (True, -abs(now - before))


def area(step: Step) -> Kind | None:
    """The kind of what is no instruction: pulling, exporting, the context ...; else None."""
    if step.kind == step_names.EXPORT:
        return "exporting"
    if step.kind in (step_names.BASE, "resolve") or _is_of_image(step.name):
        return "pulling"
    if "load build context" in step.name:
        return "context"
    if step.kind == "import":
        return "importing"
    return "loading" if step.kind in (step_names.INTERNAL, "auth") else None


def _is_of_image(name: str) -> bool:
    return "load metadata" in name or name.startswith("FROM ")


def _never_ran(step: Step) -> bool:
    return step.started is None and not step.cached


def _kind(pair: Pair[Step], gained: int, own: int, least: float) -> Kind:  # noqa: PLR0911
    before, now = pair
    some = now or before
    special = area(some) if some else None
    if special:
        return special
    if now is None or _never_ran(now):
        return "gone"
    was_shared = before is not None and before.shared
    if now.shared != was_shared and (now.shared or (before and before.cached == now.cached)):
        return "shared"
    if before is None or _never_ran(before):
        return "new"
    if before.cached != now.cached:
        return "cached" if now.cached else "not cached"
    if not aligned.is_same_text(before, now):
        return "changed"
    if abs(gained) > (2 if abs(own) <= least else _BY_PLACE) * abs(own):
        return "alone" if gained > 0 else "beside"
    if (own > 0) == (gained > 0) and own:
        return "slower" if gained > 0 else "quicker"
    return "alone" if gained > 0 else "beside"
