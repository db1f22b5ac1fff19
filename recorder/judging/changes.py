"""Finds every change in a series: what the segments tell, and at its end what the latest builds do.

Pure: takes values in the order of their builds, of which more is worse.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from recorder.judging import recent, segments
from recorder.judging.levels import Levels
from recorder.judging.limits import ENOUGH, Limits
from recorder.judging.ranks import deviation, mann_whitney, median

LONGEST = 300
"""The latest values that are looked at."""
GROWTH, _GROWTH_CHANCE, _GROWTH_BUILDS = 0.15, 0.001, 8
"""How far the latest piece may grow over the best, unnoticed step by step."""
_REPLAYED = 5
"""How many of the latest builds are judged one by one, as they were when they came."""


class Change(NamedTuple):
    """One change: the index of the first value after it, medians, counts, and how sure it is.

    `ended` is the index from which on values are back, or from which on a later change of the same
    direction has its place (`replaced`); None while it lasts. `state` is `open` or `warning` for
    what only the latest values tell, else `confirmed`. `levels` are those of the values before, of
    which more is worse.
    """

    first: int
    before: float
    after: float
    before_count: int
    after_count: int
    spread: float
    rule: str
    state: str
    ended: int | None = None
    replaced: bool = False
    levels: Levels | None = None

    @property
    def worse(self) -> bool:
        """Whether it is for the worse."""
        return self.after > self.before


def find(values: Sequence[float], limits: Limits) -> list[Change]:
    """All changes of a series, oldest first."""
    pieces = segments.cut(values) if _may_change(values, limits) else []
    cuts = _kept(values, pieces, limits)
    bounds = [0, *cuts, len(values)]
    found = [
        _change(values, bounds[i - 1], bounds[i], bounds[i + 1], limits, "segments", "confirmed")
        for i in range(1, len(bounds) - 1)
    ]
    if not any(change.worse for change in found) and pieces:
        found += _growth(values, [0, *pieces, len(values)], limits)
    found += latest(values, bounds[-2], limits)
    found = [_until(change, found, values, limits) for change in found]
    return [_unless_episode(change, found, len(values)) for change in found]


def _may_change(values: Sequence[float], limits: Limits) -> bool:
    """Whether any two stretches differ enough to matter: most series are settled by this look."""
    size = segments.SHORTEST
    middles = [median(values[i : i + size]) for i in range(len(values) - size + 1)]
    return bool(middles) and max(middles) - min(middles) >= limits.matters(min(middles)) / 2


def _kept(values: Sequence[float], cuts: list[int], limits: Limits) -> list[int]:
    """The cuts that matter: the least of those that do not goes, until all do."""
    cuts = list(cuts)
    while cuts:
        bounds = [0, *cuts, len(values)]
        weak = []
        for i, cut in enumerate(cuts):
            one, other = values[bounds[i] : cut], values[cut : bounds[i + 2]]
            before, after = median(one), median(other)
            share = abs(after - before) / limits.matters(min(before, after))
            if (
                share < 1
                or cut - bounds[i] < ENOUGH
                or abs(after - before) < deviation(one, before) * limits.caution
                or (limits.back == 1 and abs(after - before) < 2 * deviation(other, after))
                or mann_whitney(one, other) >= limits.chance
            ):
                weak.append((share, cut))
        if not weak:
            break
        cuts.remove(min(weak)[1])
    return cuts


def _change(
    values: Sequence[float],
    start: int,
    first: int,
    end: int,
    limits: Limits,
    rule: str,
    state: str,
) -> Change:
    before, after = median(values[start:first]), median(values[first:end])
    sign = 1 if after > before else -1
    earlier = [sign * value for value in values[start:first]]
    usual = recent.baseline(earlier[-recent.WINDOW :], limits)
    return Change(
        first,
        before,
        after,
        len(earlier),
        end - first,
        usual.spread,
        rule,
        state,
        levels=usual.levels,
    )


def _growth(values: Sequence[float], bounds: list[int], limits: Limits) -> list[Change]:
    """The latest piece against the best: growth that was too slow for any cut to matter."""
    pieces = [(median(values[a:b]), a, b) for a, b in pairwise(bounds) if b - a >= _GROWTH_BUILDS]
    if len(pieces) < 2 or pieces[-1][2] != len(values):
        return []
    best, start, first = min(pieces[:-1])
    last, begin, end = pieces[-1]
    needed = max(GROWTH * abs(best), limits.least)
    if last - best < needed or (
        mann_whitney(values[start:first], values[begin:end]) >= _GROWTH_CHANCE
    ):
        return []
    found = _change(values, start, first, end, limits, "growth", "confirmed")
    return [found._replace(after=last, after_count=end - begin)]


def latest(values: Sequence[float], start: int, limits: Limits, after: int = 0) -> list[Change]:
    """What the latest values tell of both directions, judged as they came, if it holds still.

    They are judged by those from `start` on, and what begins before the index `after` is left out.
    """
    found = []
    for sign in (1, -1):
        signed = [sign * value for value in values[start:]]
        size = len(signed)
        for end in range(max(ENOUGH + 1, size - _REPLAYED), size + 1):
            verdict = recent.judge(signed[:end], limits)
            if verdict is None or verdict.state == "usual" or start + verdict.first < after:
                continue
            if verdict.state == "warning" and (end < size or sign < 0):
                continue
            since = signed[verdict.first :]
            if verdict.state == "open" and not _holds(since, verdict, limits):
                continue
            found.append(
                Change(
                    start + verdict.first,
                    sign * verdict.baseline.median,
                    sign * median(verdict.baseline.comparable(since)),
                    verdict.baseline.builds,
                    len(since),
                    verdict.baseline.spread,
                    "recent",
                    verdict.state,
                    levels=verdict.baseline.levels,
                )
            )
            break
    return found


def _holds(after: Sequence[float], verdict: recent.Verdict, limits: Limits) -> bool:
    """Whether the values since a change are still off; all of them, where one tells."""
    usual = verdict.baseline
    far = median(usual.comparable(after)) - usual.median
    if limits.back == 1 and any(back([value], usual, limits, far) for value in after):
        return False
    enough = limits.matters(usual.median, soon=True)
    return far >= enough and not back(after, usual, limits, far)


def back(after: Sequence[float], usual: recent.Baseline, limits: Limits, change: float) -> bool:
    """Whether the latest values are usual again: three, or one where one tells; more is worse.

    They are not while they are off by more than half of the `change`, or a small one in a noisy
    series would be over as soon as it was found. Nor are values that stay on the level that was
    the rarer one.
    """
    latest = after[-limits.back :]
    if len(latest) < limits.back or not usual.mostly_on_level(latest):
        return False
    most = min(limits.matters(usual.median) / 2 + usual.spread, abs(change) / 2)
    return max(usual.comparable(latest)) <= usual.median + most


def _until(
    change: Change, found: Sequence[Change], values: Sequence[float], limits: Limits
) -> Change:
    """The change with the index from which on it is undone, or a later one has its place.

    What a later one has undone in part is told by what is left of it.
    """
    sign, lasting = 1 if change.worse else -1, change
    for later in found:
        if later.first <= change.first or later.state == "warning":
            continue
        left = sign * (later.after - change.before)
        undone = left < max(limits.matters(change.before), change.spread)
        if undone or later.worse == change.worse:
            return change._replace(ended=later.first, replaced=not undone)
        lasting = change._replace(after=later.after, after_count=later.after_count)
    since = [sign * value for value in values[change.first :]]
    usual = recent.Baseline(
        sign * change.before, change.spread, 0.0, change.before_count, change.levels
    )
    left = lasting.after - lasting.before
    if change.state != "warning" and back(since, usual, limits, left):
        return change._replace(ended=len(values) - limits.back)
    return lasting


def _unless_episode(change: Change, found: Sequence[Change], size: int) -> Change:
    """The change, as a warning while an earlier one was nearly as bad, lasted longer, and went.

    A builder that has slow days is slow again; only what lasts longer is a regression.
    """
    if not change.worse or change.ended is not None or change.state == "warning":
        return change
    episodes = (
        earlier.ended - earlier.first
        for earlier in found
        if earlier.worse
        and earlier.ended is not None
        and earlier.ended <= change.first
        and recent.EPISODE * (earlier.after - change.before) > change.after - change.before
    )
    if size - change.first <= max(episodes, default=0):
        return change._replace(state="warning")
    return change
