"""Whether it is the builder that is slow: when unrelated images on it slowed alike, it is."""

import sqlite3
from collections import defaultdict
from datetime import timedelta

from recorder import times
from recorder.judging.limits import ENOUGH
from recorder.judging.ranks import median
from recorder.judging.series import BuildRow, Series, builder_class, builds

_OTHERS, _MOST = 2, 8
"""How many other images must tell, and how many are asked."""
_AGREE = 2 / 3
_LOOKED_AT = 2000
"""How many of the latest builds of all images are looked at for other ones."""
_BUILDS = 60
_LASTS = timedelta(days=2)
"""A builder that has been slow for longer is no matter of a slow day."""


def explains(
    connection: sqlite3.Connection, series: Series, first_at: str, last_at: str, share: float
) -> bool:
    """Whether other images on the builder, too, are slower since `first_at`, by half of `share`.

    Only builds up to `last_at` count. Nothing is known of a builder without a name.
    """
    if series.builder is None or times.parse(last_at) - times.parse(first_at) > _LASTS:
        return False
    latest = connection.execute(
        "SELECT image_name, builder FROM docker_builds WHERE completed_at BETWEEN ? AND ? "
        "ORDER BY completed_at DESC LIMIT ?",
        (first_at, last_at, _LOOKED_AT),
    ).fetchall()
    names = dict.fromkeys(
        name
        for name, builder in latest
        if builder_class(builder) == series.builder and name != series.image_name
    )
    ratios = [
        ratio
        for name in [*names][:_MOST]
        if (ratio := _ratio(builds(connection, name, _BUILDS, last_at), series.builder, first_at))
    ]
    slower = sum(ratio >= 1 + share / 2 for ratio in ratios)
    return len(ratios) >= _OTHERS and slower >= _AGREE * len(ratios)


def _ratio(rows: list[BuildRow], builder: str, first_at: str) -> float | None:
    """How many times as long an image's builds take since then; None where too few can tell."""
    kinds: dict[tuple[str | None, ...], list[BuildRow]] = defaultdict(list)
    for row in rows:
        if row.builder == builder and row.cache_class != "partial":
            kinds[row.platform, row.target, row.cache_class].append(row)
    ratios = []
    for alike in kinds.values():
        before = [row.duration for row in alike if row.completed_at < first_at]
        since = [row.duration for row in alike if row.completed_at >= first_at]
        if since and len(before) >= ENOUGH and (usual := median(before)) > 0:
            ratios.append(median(since) / usual)
    return median(ratios) if ratios else None
