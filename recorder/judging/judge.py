"""Judges a build that was just written, at a cost that does not grow with the history."""

import logging
import sqlite3
from collections.abc import Callable, Sequence

from recorder.judging import acknowledged, ending, recent
from recorder.judging.book import LASTS, STANDS, Alert, Book
from recorder.judging.changes import Change
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
    "SELECT builder FROM docker_builds WHERE image_name = ?1 AND success = 1 "
    "AND completed_at >= ?2 AND (completed_at > ?2 OR id > ?3) "
    "AND platform IS ?4 AND target IS ?5 LIMIT 100"
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
    kind = (*row[3:5], builder_class(row[5]))
    later = connection.execute(_LATER, (image_name, completed_at, build_id, *row[3:5]))
    if any(builder_class(builder) == kind[-1] for (builder,) in later):
        return 0
    rows = [
        found
        for found in builds(connection, image_name, _LOOKED_BACK, completed_at)
        if found.kind == kind
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
    if any(alert.series.step_key and alert.state in STANDS for alert in book.alerts):
        present = ending.steps_now(connection, rows, kind)
        if present is not None:
            ending.end_gone_steps(book, kind, present, completed_at)
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
    lasting = max((a for a in alerts if a.state in LASTS), key=lambda a: a.first_at, default=None)
    sound = _without_ended(points, alerts)
    present = [p for p in sound if not lasting or p.build.completed_at >= lasting.first_at]
    for sign, direction in ((1, "worse"), (-1, "better")):
        alike = [alert for alert in alerts if alert.direction == direction]
        standing = [alert for alert in alike if alert.state in LASTS]
        if standing and ending.is_back(standing[-1], alerts, _without_ended(points, alike)):
            ended = points[-LIMITS[series.metric].back].build.completed_at
            book.move(standing[-1], "resolved", "recent", ended_at=ended)
            return
        thought: list[float] = []
        if lasting and lasting.state == "acknowledged" and lasting.direction == direction:
            # Its few builds are enough to judge by, with the noise of those before.
            thought = acknowledged.thought(lasting, alerts, sound)
        few = len(present) <= ENOUGH + recent.PENDING
        _look(book, series, present, sign, ran, excused, thought if few else [])


def _without_ended(points: list[Point], alerts: Sequence[Alert]) -> list[Point]:
    """The points outside of changes that have ended.

    Short ones that went away by themselves stay, so that the next of their kind is nothing new.
    """
    kept = points
    for alert in alerts:
        if alert.state == "resolved" and alert.ended_at:
            rest = [p for p in kept if not alert.first_at <= p.build.completed_at < alert.ended_at]
            if alert.spoken or len(kept) - len(rest) > _EPISODE:
                kept = rest
    return kept


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
    book: Book,
    series: Series,
    points: list[Point],
    sign: int,
    ran: Steps,
    excused: Excuse,
    thought: Sequence[float],
) -> None:
    """Open an alert, raise or withdraw a warning, as the latest builds tell.

    `thought` are values that are judged as if they came before the points.
    """
    values = [sign * value for value in (*thought, *(p.judged for p in points))]
    verdict = recent.judge(values, LIMITS[series.metric])
    direction = "worse" if sign > 0 else "better"
    known = [a for a in book.of(series) if a.direction == direction]
    warning = next((a for a in known if a.state == "warning"), None)
    if verdict is None or verdict.state == "usual":
        pending = points[-recent.PENDING :][0].build.completed_at if verdict else ""
        if warning and warning.first_at < pending:
            book.move(warning, "withdrawn", "recent", "the builds after it were as usual")
        return
    usual, first = verdict.baseline, verdict.first - len(thought)
    if first < 0:
        return
    since = usual.comparable(values[verdict.first :])
    change = Change(
        first,
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
