"""What a person took for usual: a change to that level is no news, one beyond it begins there."""

from collections.abc import Sequence
from typing import NamedTuple

from recorder.judging import ending
from recorder.judging.book import Alert
from recorder.judging.changes import Change
from recorder.judging.limits import ENOUGH, LIMITS
from recorder.judging.ranks import median
from recorder.judging.recent import PENDING
from recorder.judging.series import Point

MARGIN = 5
"""How many builds apart two rules may date one change."""


class Level(NamedTuple):
    """A level that was acknowledged, as the rules judge: more is worse.

    `first` is the index of its first value; values up to `tolerance` beyond it are still of it.
    """

    first: int
    value: float
    tolerance: float
    spread: float
    worse: bool


def level(alert: Alert, alerts: Sequence[Alert], points: Sequence[Point]) -> Level:
    """The level of an acknowledged alert among the points of its series."""
    value = ending.as_judged(alert.series, alert.after)
    before = ending.level_before(alert, alerts, points)
    if alert.series.cache_class == "partial" and len(before) >= ENOUGH and alert.before:
        # What is stored was measured, where partial builds are judged by the steps that ran.
        value = median([point.judged for point in before]) * alert.after / alert.before
    first = sum(1 for point in points if point.build.completed_at < alert.first_at)
    tolerance = max(LIMITS[alert.series.metric].matters(value), alert.spread)
    return Level(first, value, tolerance, alert.spread, alert.direction == "worse")


def news(
    change: Change, changes: Sequence[Change], levels: Sequence[Level], values: Sequence[float]
) -> Change | None:
    """A change without what was acknowledged of it; None where nothing is left.

    `changes` are all that were found in `values`: what lies on the other side of a change back is
    not covered by a level.
    """
    if change.ended is not None and not change.replaced:
        return change
    sign = 1 if change.worse else -1
    alike = [
        known
        for known in levels
        if known.worse == change.worse and not _is_left(known, change, changes)
    ]
    if any(sign * (change.after - known.value) <= known.tolerance for known in alike):
        return None
    near = [known for known in alike if abs(known.first - change.first) <= MARGIN]
    if not near:
        return change
    return _beyond(max(near, key=lambda known: sign * known.value), change, values)


def thought(alert: Alert, alerts: Sequence[Alert], points: Sequence[Point]) -> list[float]:
    """The values before an acknowledged alert as they would be on its level: its usual noise."""
    before = ending.as_judged(alert.series, alert.before)
    after = ending.as_judged(alert.series, alert.after)
    judged = [point.judged for point in ending.level_before(alert, alerts, points)]
    if alert.series.metric == "cache" or before <= 0:
        return [value + after - before for value in judged]
    return [value * after / before for value in judged]


def _is_left(known: Level, change: Change, changes: Sequence[Change]) -> bool:
    """Whether values went back between the beginning of a level and that of a change."""
    low, high = sorted((known.first, change.first))
    return any(
        low < other.first <= high and other.worse != change.worse and other.state != "warning"
        for other in changes
    )


def _beyond(known: Level, change: Change, values: Sequence[float]) -> Change | None:
    """The part of a change that goes beyond a level, from the build with which it does."""
    sign, end = 1 if change.worse else -1, change.ended or len(values)
    middle = (known.value + change.after) / 2
    beyond = (
        i
        for i in range(known.first, end)
        if all(
            sign * (value - middle) > 0
            for value in (values[i], median(values[i : min(i + PENDING, end)]))
        )
    )
    first = next(beyond, None)
    if first is None:
        return None
    after_count = min(change.after_count, end - first)
    return change._replace(
        first=first,
        before=known.value,
        after=median(values[end - after_count : end]),
        before_count=max(first - known.first, 1),
        after_count=after_count,
        spread=known.spread,
        levels=None,
    )
