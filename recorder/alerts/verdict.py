"""What stands against a history: alerts, and budgets that the latest builds break."""

import sqlite3
from typing import Any, NamedTuple

from recorder import figures, harmless
from recorder.alert_tables import STANDING
from recorder.alerts.settings import Rules, Settings
from recorder.errors import BuildNotFoundError
from recorder.judging.sentences import seconds

_ALERTS = (
    "SELECT id, image_name, metric, state, first_build_id, before_value, after_value, sentence "
    f"FROM alerts AS a WHERE {STANDING} AND direction = 'worse' "
    "AND (?1 IS NULL OR image_name = ?1) "
    "AND EXISTS (SELECT 1 FROM build_statistics AS s WHERE s.image_name = a.image_name) "
    "ORDER BY state = 'warning', image_name, first_at, id"
)
_LATEST = (
    "SELECT id, build_duration, image_size_mb, cache_ratio FROM docker_builds "
    "WHERE image_name = ? AND success = 1 ORDER BY completed_at DESC, id DESC LIMIT 1"
)


class Standing(NamedTuple):
    """One thing that stands: an alert, or a budget that the build `build_id` breaks.

    `kind` is `regression`, `warning` or `budget`; `fails` is whether it fails a check; `alert` is
    the alert's number, none for a budget.
    """

    kind: str
    fails: bool
    image_name: str
    metric: str
    alert: int | None
    build_id: int | None
    sentence: str

    def row(self) -> dict[str, Any]:
        """As a row to print."""
        return self._asdict()


def standing(
    connection: sqlite3.Connection, settings: Settings, image_name: str | None = None
) -> list[Standing]:
    """What stands of an image, or of all, that which fails a check first.

    Raises BuildNotFoundError for an image without builds.
    """
    names = _images(connection, image_name)
    found = [_of_alert(row, settings) for row in connection.execute(_ALERTS, (image_name,))]
    for name in names:
        if not settings.ignores(name):
            found += _budgets(connection, name, settings.of(name))
    return sorted(found, key=lambda one: not one.fails)


def unheld(
    connection: sqlite3.Connection, settings: Settings, image_name: str | None = None
) -> list[str]:
    """What is asked of images, but cannot be held against them: a sentence for each kind."""
    names = _images(connection, image_name)
    found = []
    if image_name is None and (unknown := sorted({*(settings.images or {})} - {*names})):
        found.append(f"there is no build of {_some(unknown)}, for which rules are set")
    for column, budget, what in (
        ("image_size_mb", "max_size", "size"),
        ("cache_ratio", "min_cache", "cache ratio"),
    ):
        asked = [
            name
            for name in names
            if getattr(settings.of(name), budget) is not None and not settings.ignores(name)
        ]
        query = f"SELECT {column} FROM ({_LATEST})"
        values = {name: connection.execute(query, (name,)).fetchone() for name in asked}
        lacking = [
            name
            for name, row in values.items()
            if row and (row[0] is None or (budget == "max_size" and not row[0]))
        ]
        if lacking:
            found.append(f"the latest build of {_some(lacking)} has no known {what} to judge")
    return found


def _some(names: list[str]) -> str:
    shown = ", ".join(harmless.line(name) for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def acknowledged(connection: sqlite3.Connection, image_name: str | None = None) -> int:
    """How many changes for the worse of an image, or of all, a person took for usual."""
    row = connection.execute(
        "SELECT count(*) FROM alerts WHERE state = 'acknowledged' AND direction = 'worse' "
        "AND (?1 IS NULL OR image_name = ?1)",
        (image_name,),
    ).fetchone()
    return int(row[0])


def _images(connection: sqlite3.Connection, image_name: str | None) -> list[str]:
    rows = connection.execute(
        "SELECT image_name FROM build_statistics WHERE ?1 IS NULL OR image_name = ?1 "
        "ORDER BY image_name",
        (image_name,),
    ).fetchall()
    if image_name and not rows:
        raise BuildNotFoundError(
            f"there is no build of {image_name!r}", "see `buildrec stats` for the images there are"
        )
    return [row[0] for row in rows]


def _of_alert(row: tuple[Any, ...], settings: Settings) -> Standing:
    number, image, metric, state, build, before, after, sentence = row
    rules = settings.of(image)
    change = abs(after - before) / abs(before) if before else 1.0
    counts = metric in rules.metrics and (
        metric not in {"duration", "step"} or change >= rules.min_change
    )
    enough = state != "warning" or rules.fail_on == "warning"
    kind = "warning" if state == "warning" else "regression"
    fails = counts and enough and not settings.ignores(image)
    return Standing(kind, fails, image, metric, number, build, sentence)


def _budgets(connection: sqlite3.Connection, name: str, rules: Rules) -> list[Standing]:
    """The budgets that the image's latest completed build breaks."""
    row = connection.execute(_LATEST, (name,)).fetchone()
    if row is None:
        return []
    number, duration, size, cache = row
    broken = []
    if rules.max_duration is not None and duration > rules.max_duration:
        word = f"build {number} took {seconds(duration)}, of {seconds(rules.max_duration)} allowed"
        broken.append(("duration", word))
    if rules.max_size is not None and size > rules.max_size:
        has, allowed = figures.megabytes(size), figures.megabytes(rules.max_size)
        if has == allowed:
            has, allowed = f"{size:.9g} MB", f"{rules.max_size:.9g} MB"
        broken.append(("size", f"build {number} has {has}, of {allowed} allowed"))
    if rules.min_cache is not None and cache is not None and cache < rules.min_cache:
        word = f"build {number} took {cache:.0%} from the cache, of {rules.min_cache:.0%} asked for"
        broken.append(("cache", word))
    return [
        Standing("budget", True, name, metric, None, number, f"{name}: {word}")
        for metric, word in broken
    ]
