"""What was found of a series, with all that its alert tells; made from a change and its builds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from recorder.judging.changes import Change
from recorder.judging.ranks import median
from recorder.judging.series import BuildRow, Point, Series, Steps

_COMPARED = 20
"""Builds on each side of a change whose steps are compared."""
_MOST = 0.3
"""The share of a change that a step must explain to be called guilty."""


class Guilt(NamedTuple):
    """The step that explains most of a change of duration, and by how many seconds."""

    step_key: str
    seconds: float


class Finding(NamedTuple):
    """One change of a series: values are in the metric's own unit, as they were measured.

    `replaced` is whether it ended as a later change of its direction has its place.
    """

    series: Series
    direction: str
    state: str
    first: BuildRow
    last_good: BuildRow | None
    before: float
    after: float
    before_count: int
    after_count: int
    spread: float
    rule: str
    guilt: Guilt | None = None
    ended_at: str | None = None
    replaced: bool = False


def of_change(series: Series, points: Sequence[Point], change: Change, ran: Steps) -> Finding:
    """The finding that a change of these points is."""
    since = points[change.first : change.ended] or points[change.first :]
    if change.ended is None:
        since = points[-change.after_count :]
    earlier = points[max(0, change.first - change.before_count) : change.first]
    before, after = measured(series, since, change)
    ended = None if change.ended is None else points[change.ended].build.completed_at
    return Finding(
        series,
        "worse" if change.worse else "better",
        change.state if ended is None else "resolved",
        points[change.first].build,
        earlier[-1].build if earlier else None,
        before,
        after,
        change.before_count,
        change.after_count,
        change.spread,
        change.rule,
        guilty(series, earlier, since, ran, after - before),
        ended,
        change.replaced,
    )


def measured(series: Series, since: Sequence[Point], change: Change) -> tuple[float, float]:
    """The medians before and after a change as they were measured, not as they were judged."""
    if series.metric == "cache":
        return 1 - change.before, 1 - change.after
    if series.cache_class != "partial" or not change.after:
        return change.before, change.after
    after = median([point.value for point in since[:_COMPARED]])
    return after * change.before / change.after, after


def guilty(
    series: Series, earlier: Sequence[Point], since: Sequence[Point], ran: Steps, whole: float
) -> Guilt | None:
    """The step whose time changed most, if it explains a good part of the change `whole`.

    Times are those of the builds that ran it. A step that is new mostly has the place of one that
    is gone, as an edited instruction is another step: what is gone counts against it.
    """
    if series.metric != "duration":
        return None
    one = [ran[p.build.id] for p in earlier[-_COMPARED:] if p.build.id in ran]
    other = [ran[p.build.id] for p in since[:_COMPARED] if p.build.id in ran]
    if not one or not other:
        return None
    before, now = _usual(one), _usual(other)
    gone = {
        key: seconds
        for key, seconds in before.items()
        if key not in now and sum(key in build for build in one) > len(one) / 2
    }
    replaced = sum(gone.values())
    changes = {key: seconds - before.get(key, replaced) for key, seconds in now.items()}
    if now.keys() <= before.keys():
        changes |= {key: -seconds for key, seconds in gone.items()}
    sign = 1 if whole > 0 else -1
    most, key = max(((sign * change, key) for key, change in changes.items()), default=(0.0, ""))
    if most < _MOST * abs(whole):
        return None
    return Guilt(key, sign * most)


def _usual(builds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """How long each step takes in those of these builds that ran it."""
    times: dict[str, list[float]] = defaultdict(list)
    for build in builds:
        for key, seconds in build.items():
            times[key].append(seconds)
    return {key: median(values) for key, values in times.items()}
