"""Judges a build that was just written, at a cost that does not grow with the history."""

import logging
import sqlite3
from collections.abc import Callable, Sequence

from recorder.judging import recent
from recorder.judging.book import LASTS, Alert, Book
from recorder.judging.changes import Change, back
from recorder.judging.finding import of_change
from recorder.judging.limits import ENOUGH, LIMITS
from recorder.judging.ranks import median
from recorder.judging.series import (
    BuildRow,
    Point,
    Series,
    Steps,
    builder_class,
    builds,
    gather,
    steps,
)
from recorder.judging.slow_builder import SlowBuilder

Excuse = Callable[[Series, Sequence[BuildRow], float], bool]
"""Whether the builder explains what a series did: in which builds, and times as long."""

_LOG = logging.getLogger("recorder.judging")
_EPISODE = 12
"""The most builds of a regression that went away by itself for it to be one of a kind."""
_LOOKED_BACK = 120
"""How many of an image's latest builds are looked at for comparable ones."""
_WITH_STEPS = 28
"""How many of those with their steps."""
_BUILD = (
    "SELECT success, image_name, completed_at, platform, target, builder FROM docker_builds "
    "WHERE id = ?"
)
_LATER = (
    "SELECT platform, target, builder FROM docker_builds WHERE image_name = ? AND success = 1 "
    "AND completed_at >= ? AND (completed_at > ? OR id > ?) LIMIT 100"
)


def judge_unharmed(connection: sqlite3.Connection, build_id: int) -> None:
    """Judge a build that was just written; whatever goes wrong with that, the build is recorded."""
    connection.execute("SAVEPOINT judging")
    try:
        judge(connection, build_id)
    except Exception:  # a bug, or rows that another tool wrote
        if not connection.in_transaction:  # the disk is full: then nothing was recorded, either
            raise
        _LOG.debug("build %d was not judged", build_id, exc_info=True)
        connection.execute("ROLLBACK TO judging")
    connection.execute("RELEASE judging")


def judge(connection: sqlite3.Connection, build_id: int) -> int:
    """Judge a build against the comparable ones before it; gives how many alerts changed.

    Nothing is said of a build that failed, of one that is not the latest of its kind, or where
    there are too few to compare with. The caller has a transaction open.
    """
    row = connection.execute(_BUILD, (build_id,)).fetchone()
    if not row or not row[0]:
        return 0
    image_name, completed_at, *_ = row[1:]
    alike = (*row[3:5], builder_class(row[5]))
    for *kind, builder in connection.execute(
        _LATER, (image_name, completed_at, completed_at, build_id)
    ):
        if (*kind, builder_class(builder)) == alike:
            return 0
    rows = [
        found
        for found in builds(connection, image_name, _LOOKED_BACK, completed_at)
        if (found.platform, found.target, found.builder) == alike
    ]
    if len(rows) <= ENOUGH or rows[-1].id != build_id:
        return 0
    latest = [found.id for found in rows[-_WITH_STEPS:]]
    ran = steps(connection, latest)
    book = Book(connection, image_name, since=rows[0].completed_at)
    excused = SlowBuilder(connection, rows, ran).explains
    for series, points in gather(image_name, rows, ran).items():
        if points[-1].build.id == build_id and len(points) > ENOUGH:
            judge_series(book, series, points, ran, excused)
    return book.changed


def judge_series(
    book: Book,
    series: Series,
    points: list[Point],
    ran: Steps,
    excused: Excuse = lambda *_: False,
) -> None:
    """Judge the latest point of a series, and write what changes by it."""
    alerts = book.of(series)
    lasting = [alert.first_at for alert in alerts if alert.state in LASTS]
    sound = _without_regressions(points, alerts)
    present = [p for p in sound if p.build.completed_at >= max(lasting, default="")]
    for sign, direction in ((1, "worse"), (-1, "better")):
        standing = [a for a in alerts if a.direction == direction and a.state in LASTS]
        if standing and _is_back(sign, standing[-1], sound, series):
            ended = sound[-recent.PENDING].build.completed_at
            book.move(standing[-1], "resolved", "recent", ended_at=ended)
            return
        _look(book, series, present, sign, ran, excused)


def _without_regressions(points: list[Point], alerts: Sequence[Alert]) -> list[Point]:
    """The points outside of regressions that were mended.

    Short ones that went away by themselves stay, so that the next of their kind is nothing new.
    """
    kept = points
    for alert in alerts:
        if alert.state == "resolved" and alert.ended_at:
            rest = [p for p in kept if not alert.first_at <= p.build.completed_at < alert.ended_at]
            if not alert.untouched or len(kept) - len(rest) > _EPISODE:
                kept = rest
    return kept


def _is_back(sign: int, alert: Alert, points: Sequence[Point], series: Series) -> bool:
    """Whether the latest builds are within what was usual before the alert."""
    limits = LIMITS[series.metric]
    before = [sign * p.judged for p in points if p.build.completed_at < alert.first_at]
    since = [sign * p.judged for p in points if p.build.completed_at >= alert.first_at]
    if len(before) < ENOUGH:
        return False
    return back(since, recent.baseline(before[-recent.WINDOW :], limits), limits)


def unless_excused(
    series: Series, points: Sequence[Point], change: Change, excused: Excuse
) -> Change:
    """The change, as no more than a warning while the builder is slow, or quick, for everybody."""
    timed = series.metric in {"duration", "step"}
    if not timed or change.ended is not None or min(change.before, change.after) <= 0:
        return change
    since = [point.build for point in points[change.first :]]
    if change.state != "warning" and excused(series, since, change.after / change.before):
        return change._replace(state="warning")
    return change


def _look(
    book: Book, series: Series, points: list[Point], sign: int, ran: Steps, excused: Excuse
) -> None:
    """Open an alert, raise or withdraw a warning, as the latest builds tell."""
    verdict = recent.judge([sign * p.judged for p in points], LIMITS[series.metric])
    direction = "worse" if sign > 0 else "better"
    known = [a for a in book.of(series) if a.direction == direction]
    warning = next((a for a in known if a.state == "warning"), None)
    if verdict is None or verdict.state == "usual":
        pending = points[-recent.PENDING].build.completed_at if verdict else ""
        if warning and warning.first_at < pending:
            book.move(warning, "withdrawn", "recent", "the builds after it were as usual")
        return
    usual = verdict.baseline
    since = usual.comparable([sign * p.judged for p in points[verdict.first :]])
    change = Change(
        verdict.first,
        sign * usual.median,
        sign * median(since),
        usual.builds,
        len(since),
        usual.spread,
        "recent",
        verdict.state,
        levels=usual.levels,
    )
    change = unless_excused(series, points, change, excused)
    if change.state == "warning" and (
        sign < 0 or warning or any(a.state in {"open", "confirmed"} for a in known)
    ):
        return
    finding = of_change(series, points, change, ran)
    if warning:
        book.update(warning, finding)
    else:
        book.add(finding)
