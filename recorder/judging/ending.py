"""Whether what an alert tells of is over: values are usual again, or its step is gone."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence

from recorder.judging import recent
from recorder.judging.book import STANDS, Alert, Book
from recorder.judging.changes import back
from recorder.judging.limits import ENOUGH, LIMITS
from recorder.judging.ranks import median
from recorder.judging.recent import Baseline
from recorder.judging.series import BuildRow, Kind, Point, Series

_LOOKED_AT = 50
"""How many of the latest builds are looked at for three whose steps are known."""


def is_back(alert: Alert, alerts: Sequence[Alert], points: Sequence[Point]) -> bool:
    """Whether the latest builds of the series are within what was usual before the alert.

    Where too few builds of before are left, its row tells that.
    """
    limits, level = LIMITS[alert.series.metric], level_before(alert, alerts, points)
    since = [p for p in points if p.build.completed_at >= alert.first_at]
    change = alert.after - alert.before
    if len(level) < ENOUGH:
        return back(_measured(alert, since), _stored(alert), limits, change)
    sign = _sign(alert)
    usual = recent.baseline([sign * p.judged for p in level[-recent.WINDOW :]], limits)
    if alert.series.cache_class == "partial" and alert.before:
        # What is stored was measured, where partial builds are judged by the steps that ran.
        change *= usual.median / alert.before
    return back([sign * p.judged for p in since], usual, limits, change)


def went_back(alert: Alert, points: Sequence[Point]) -> bool:
    """Whether the builds with which an alert ended were within what its row tells of before it."""
    limits = LIMITS[alert.series.metric]
    ended = [p for p in points if alert.ended_at and p.build.completed_at >= alert.ended_at]
    change = alert.after - alert.before
    return back(_measured(alert, ended[: limits.back]), _stored(alert), limits, change)


def back_at(alert: Alert, points: Sequence[Point]) -> str | None:
    """When builds were as its row tells of before it again, if most since the alert are.

    Where only the latest are, it is with the first of these.
    """
    limits, usual = LIMITS[alert.series.metric], _stored(alert)
    since = [p for p in points if p.build.completed_at >= alert.first_at]
    values, change = _measured(alert, since), alert.after - alert.before
    if len(values) < limits.back:
        return None
    last = len(values) - limits.back
    most = back([median(values)] * limits.back, usual, limits, change)
    for start in range(0 if most else last, last + 1):
        if back(values[start : start + limits.back], usual, limits, change):
            return since[start].build.completed_at
    return None


def level_before(alert: Alert, alerts: Sequence[Alert], points: Sequence[Point]) -> Sequence[Point]:
    """The builds on the level that an alert left: those since the change before it."""
    changed = max(
        (
            moment
            for other in alerts
            if other.id != alert.id and other.state not in {"warning", "withdrawn"}
            for moment in (other.first_at, other.ended_at)
            if moment and moment < alert.first_at
        ),
        default="",
    )
    return [p for p in points if changed <= p.build.completed_at < alert.first_at]


def as_judged(series: Series, value: float) -> float:
    """A value as it is stored as the rules take it, of which more is worse."""
    return 1 - value if series.metric == "cache" else value


def steps_now(
    connection: sqlite3.Connection, rows: Iterable[BuildRow], kind: Kind
) -> frozenset[str] | None:
    """The steps that the latest builds of a kind have, cached or not; None where too few tell."""
    latest: list[int] = []
    alike = [row for row in rows if row.kind == kind]
    for row in reversed(alike[-_LOOKED_AT:]):
        known = "SELECT 1 FROM build_steps WHERE build_id = ? LIMIT 1"
        if connection.execute(known, (row.id,)).fetchone():
            latest.append(row.id)
        if len(latest) == recent.PENDING:
            break
    else:
        return None
    keys = connection.execute(
        "SELECT DISTINCT n.step_key FROM build_steps AS s JOIN step_names AS n ON n.id = s.name_id "
        f"WHERE s.build_id IN ({', '.join('?' * len(latest))})",
        latest,
    )
    return frozenset(key for (key,) in keys)


def end_gone_steps(book: Book, kind: Kind, present: frozenset[str], ended_at: str) -> None:
    """End the alerts of steps that are not among those `present` in the latest builds of a kind.

    Who mends a slow step mostly edits it, and then it is another step.
    """
    for alert in list(book.alerts):
        series = alert.series
        if (
            alert.state in STANDS
            and series.kind == kind
            and series.step_key is not None
            and series.step_key not in present
        ):
            state = "withdrawn" if alert.state == "warning" else "resolved"
            book.move(alert, state, "recent", "the builds have this step no more", ended_at)


def end_unbuilt(book: Book, built: Collection[Series], ended_at: str) -> None:
    """End the alerts of series that are not among those `built` of late.

    Nobody can mend what is not built any more: on a builder of another name, for a target that is
    gone, or cold since there is a cache. A step counts as built with the builds of its kind.
    """
    kinds = {series.kind for series in built}
    for alert in list(book.alerts):
        series = alert.series
        is_built = series in built if series.step_key is None else series.kind in kinds
        if alert.state in STANDS and not is_built:
            state = "withdrawn" if alert.state == "warning" else "resolved"
            book.move(alert, state, "segments", "no such build came since", ended_at)


def _stored(alert: Alert) -> Baseline:
    before = as_judged(alert.series, alert.before)
    return Baseline(_sign(alert) * before, alert.spread, 0.0, 0)


def _measured(alert: Alert, points: Sequence[Point]) -> list[float]:
    return [_sign(alert) * as_judged(alert.series, point.value) for point in points]


def _sign(alert: Alert) -> int:
    return 1 if alert.direction == "worse" else -1
