"""Judges the whole history: confirms, dates anew or withdraws what was found build by build."""

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import timedelta

from recorder import times
from recorder.database import transaction
from recorder.judging import acknowledged, changes, ending, slow_builder
from recorder.judging.book import STANDS, Alert, Book
from recorder.judging.finding import Finding, of_change
from recorder.judging.judge import Excuse, unless_excused
from recorder.judging.limits import ENOUGH, LIMITS
from recorder.judging.series import BuildRow, Point, Series, Steps, builds, gather, steps
from recorder.judging.slow_builder import SlowBuilder

_BUILDS = 1200
"""How many of an image's latest builds are read."""
_WITH_STEPS = 300
"""How many of them with their steps."""
_STEP_RUNS = 100
"""The latest runs of a step that are judged: there are many steps, and the time is square."""
_UNBUILT = timedelta(days=90)
"""An image that is built for so long without a build of a series has done with its alerts."""
_LATEST = (
    "SELECT completed_at FROM docker_builds WHERE image_name = ? "
    "ORDER BY completed_at DESC, id DESC LIMIT 1"
)
_DEPENDS = (
    "SELECT 1 FROM alerts WHERE image_name = ? AND (state = 'warning' "
    "OR state IN ('open', 'confirmed') AND first_at >= ?) LIMIT 1"
)
_RULES = 6
"""Goes up when the rules change, so that every history is judged by them."""


def judge_all(connection: sqlite3.Connection, image_names: Iterable[str] | None = None) -> int:
    """Judge the history of these images, by default of all; gives how many alerts changed.

    What comes of it depends on the builds and on what people have said alone: it is the same
    whether they were judged one by one before or came in at once, and twice changes nothing.
    Each image is one transaction, so that recorders wait for a moment at most.
    """
    if image_names is None:
        rows = connection.execute("SELECT image_name FROM build_statistics ORDER BY image_name")
        image_names = [row[0] for row in rows]
    return sum(_judge_image(connection, name) for name in image_names)


def _judge_image(connection: sqlite3.Connection, image_name: str) -> int:
    if _is_judged(connection, image_name):
        return 0
    with transaction(connection):
        seen = _seen(connection, image_name)
        if seen is None:
            return 0
        rows = builds(connection, image_name, _BUILDS)
        ran = steps(connection, [row.id for row in rows[-_WITH_STEPS:]])
        book = Book(connection, image_name)
        excused = SlowBuilder(connection, rows, ran).explains
        latest = {row.kind: row.completed_at for row in rows}
        present = {kind: ending.steps_now(connection, rows, kind) for kind in latest}
        built = _built_of_late(gather(image_name, rows, ran), rows)
        for series, points in built.items():
            known = present[series.kind]
            if series.step_key is None or known is None or series.step_key in known:
                _judge_series(book, series, points, ran, excused)
        for kind, known in present.items():
            if known is not None:
                ending.end_gone_steps(book, kind, known, latest[kind])
        if rows:
            ending.end_unbuilt(book, built, rows[-1].completed_at)
        connection.execute("INSERT OR REPLACE INTO judged_images VALUES (?, ?)", (image_name, seen))
        return book.changed


def _built_of_late(
    found: dict[Series, list[Point]], rows: Sequence[BuildRow]
) -> dict[Series, list[Point]]:
    """The series that are still built; others tell nothing of how the image is now.

    What counts is how long the image was built without them, and not how long it was not built.
    """
    if not rows:
        return {}
    ended = [row.completed_at for row in rows]
    since = times.utc_text(times.parse(ended[-1]) - _UNBUILT)

    def is_built(points: list[Point]) -> bool:
        following = bisect_right(ended, points[-1].build.completed_at)
        return following == len(ended) or ended[following] >= since

    return {series: points for series, points in found.items() if is_built(points)}


def _is_judged(connection: sqlite3.Connection, image_name: str) -> bool:
    """Whether nothing has changed since the last pass.

    What other images tell of their builder counts for the first days of a regression, and may be
    why there is but a warning.
    """
    row = connection.execute(
        "SELECT judged FROM judged_images WHERE image_name = ?", (image_name,)
    ).fetchone()
    if row is None or row[0] != _seen(connection, image_name):
        return False
    latest = connection.execute(_LATEST, (image_name,)).fetchone()
    since = times.utc_text(times.parse(latest[0]) - slow_builder.LASTS) if latest else ""
    depends = connection.execute(_DEPENDS, (image_name, since)).fetchone()
    return depends is None


def _seen(connection: sqlite3.Connection, image_name: str) -> str | None:
    """What the statistics say of an image's builds, and the rules that judge them.

    None for an image without builds.
    """
    row = connection.execute(
        "SELECT total_builds, total_duration, updated_at FROM build_statistics "
        "WHERE image_name = ?",
        (image_name,),
    ).fetchone()
    return f"{_RULES} {row}" if row else None


def _judge_series(
    book: Book, series: Series, points: list[Point], ran: Steps, excused: Excuse
) -> None:
    most = _STEP_RUNS if series.metric == "step" else changes.LONGEST
    levels = _levels(book, series, points[-most:])
    sound = _without_known(points, book.of(series))[-most:]
    values = [point.judged for point in sound]
    found = [
        unless_excused(series, sound, change, excused)
        for change in changes.find(values, LIMITS[series.metric])
    ]
    known = [acknowledged.level(alert, book.of(series), sound) for alert in levels]
    told = [acknowledged.news(change, found, known, values) for change in found]
    told += _beyond(levels, book.of(series), sound, told)
    findings = [
        of_change(series, sound, change, ran)
        for change in told
        # A warning warns of what is worse.
        if change and (change.worse or change.state != "warning")
    ]
    _reconcile(book, series, sound, findings)
    if any(book.current(alert).state != "acknowledged" for alert in levels):
        # A level that turned out to be over: without its builds the rest may read otherwise.
        _judge_series(book, series, points, ran, excused)


def _levels(book: Book, series: Series, points: Sequence[Point]) -> list[Alert]:
    """The alerts whose levels people took for usual; those that values left again end here."""
    levels = []
    for alert in book.of(series):
        if alert.state != "acknowledged":
            continue
        ended_at = ending.back_at(alert, points)
        if ended_at:
            book.move(alert, "resolved", "segments", ended_at=ended_at)
        else:
            levels.append(alert)
    return levels


def _beyond(
    levels: Sequence[Alert],
    alerts: Sequence[Alert],
    points: Sequence[Point],
    told: Sequence[changes.Change | None],
) -> list[changes.Change]:
    """What the latest builds tell beyond the latest acknowledged level, where nothing else does.

    One build may be enough to tell it, and the builds since may be too few to judge by alone.
    """
    if not levels:
        return []
    latest = max(levels, key=lambda alert: alert.first_at)
    first = sum(1 for point in points if point.build.completed_at < latest.first_at)
    if any(change and change.first >= first for change in told):
        return []
    thought = acknowledged.thought(latest, alerts, points)
    values = [*thought, *(point.judged for point in points[first:])]
    shift = first - len(thought)
    return [
        change._replace(first=change.first + shift)
        for change in changes.latest(
            values, 0, LIMITS[latest.series.metric], after=len(thought) + 1
        )
        if change.worse == (latest.direction == "worse")
    ]


def _without_known(points: list[Point], alerts: Sequence[Alert]) -> list[Point]:
    """Without the builds of a change that a person spoke of and that is over.

    It is not found again, and the next one is judged by what was usual before it.
    """
    spans = [
        (alert.first_at, alert.ended_at)
        for alert in alerts
        if alert.state == "resolved" and alert.spoken and alert.ended_at
    ]
    return [
        point
        for point in points
        if not any(first <= point.build.completed_at < end for first, end in spans)
    ]


def _reconcile(
    book: Book, series: Series, points: Sequence[Point], findings: Sequence[Finding]
) -> None:
    """Make the rows of a series say what was found: first what ends, then what stands."""
    pairs, left = _matched(book.of(series), points, _without_overtaken(findings))
    for alert in left:
        if alert.state in {"acknowledged", "withdrawn"}:
            continue
        if _is_covered(alert, points):
            if alert.state != "resolved" or not ending.went_back(alert, points):
                book.move(alert, "withdrawn", "segments", "the history does not bear it out")
        elif alert.state in STANDS and ending.is_back(alert, book.of(series), points):
            ended_at = points[-LIMITS[series.metric].back].build.completed_at
            book.move(alert, "resolved", "segments", ended_at=ended_at)
    for standing in (False, True):
        for finding, known in pairs:
            if (finding.state in STANDS) is standing:
                _write(book, finding, known)


def _without_overtaken(findings: Sequence[Finding]) -> list[Finding]:
    """One finding that stands for each direction: what lasts says more than a warning.

    Of several warnings the first one says most.
    """
    standing = {f.direction for f in findings if f.state in STANDS and f.state != "warning"}
    kept = []
    for finding in findings:
        if finding.state == "warning":
            if finding.direction in standing:
                continue
            standing.add(finding.direction)
        kept.append(finding)
    return kept


def _write(book: Book, finding: Finding, alert: Alert | None) -> None:
    if alert is None:
        taken = finding.state == "warning" and any(
            other.direction == finding.direction and other.state in {"open", "confirmed"}
            for other in book.of(finding.series)
        )
        if not taken:
            book.add(finding)
        return
    if finding.state in STANDS:
        book.make_way(finding, but=alert)
    book.update(alert, finding)


def _matched(
    alerts: Sequence[Alert], points: Sequence[Point], findings: Sequence[Finding]
) -> tuple[list[tuple[Finding, Alert | None]], list[Alert]]:
    """Each finding with the alert that is about the same change, and the alerts without any.

    Alerts that a person spoke of and that are over are left out. So are those acknowledged, but
    for a change that has ended.
    """
    left = [alert for alert in alerts if alert.state != "resolved" or not alert.spoken]
    moments = [point.build.completed_at for point in points]
    pairs: list[tuple[Finding, Alert | None]] = []
    for finding in findings:
        place = bisect_left(moments, finding.first.completed_at)
        near = [
            (alert.state == "withdrawn", apart, alert.id, alert)
            for alert in left
            if alert.direction == finding.direction
            and (alert.state != "acknowledged" or (finding.ended_at and not finding.replaced))
            and (apart := abs(bisect_left(moments, alert.first_at) - place)) <= acknowledged.MARGIN
        ]
        match = min(near)[-1] if near else None
        if match:
            left.remove(match)
        pairs.append((finding, match))
    return pairs, left


def _is_covered(alert: Alert, points: Sequence[Point]) -> bool:
    """Whether enough builds from before the alert are here to judge it again.

    Where they were pruned, or too many came since, the alert stays until values are usual again.
    """
    return sum(1 for point in points if point.build.completed_at < alert.first_at) >= ENOUGH
