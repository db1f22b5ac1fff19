"""Derives again what is kept beside the builds, and tells which images differ."""

import math
import sqlite3
import statistics as figures
from typing import Any

from recorder import days, statistics

_Row = dict[str, Any]
_IMAGE, _DAY = ("image_name",), ("image_name", "day")

_TOTALS = """
SELECT
  image_name,
  count(*) AS builds,
  sum(success) AS completed,
  sum(status = 'failed') AS failed,
  sum(us) AS all_us,
  sum(us * success) AS completed_us,
  sum(image_size_mb > 0) AS sized,
  sum(CAST(round(max(image_size_mb, 0) * 1e6) AS INTEGER)) AS size_bytes,
  sum(success AND cache_ratio IS NOT NULL) AS ratios,
  sum(CASE WHEN success THEN CAST(round(ifnull(cache_ratio, 0) * 1e6) AS INTEGER) ELSE 0 END)
    AS ratio_ppm,
  min(CASE WHEN success THEN us END) AS min_us,
  max(CASE WHEN success THEN us END) AS max_us
FROM (SELECT *, CAST(round(build_duration * 1e6) AS INTEGER) AS us FROM docker_builds)
GROUP BY image_name
"""


def wrong_statistics(connection: sqlite3.Connection) -> list[str]:
    """The images whose statistics, or the sums behind them, are not what their builds give."""
    defined = _rows(connection, statistics.DEFINITION, _IMAGE)
    for (image,), row in defined.items():
        row.update(_latest(connection, image))
    wrong = _differing(defined, _rows(connection, "SELECT * FROM build_statistics", _IMAGE))
    totals = _rows(connection, "SELECT * FROM build_totals", _IMAGE)
    wrong += _differing(_rows(connection, _TOTALS, _IMAGE), totals)
    return sorted({str(key[0]) for key in wrong})


def wrong_days(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """The images and days whose row in `build_days` is not what their builds give."""
    defined = _rows(connection, days.DEFINITION.format(where=""), _DAY)
    kept = _rows(connection, "SELECT * FROM build_days", _DAY)
    return [(str(image), str(day)) for image, day in sorted(_differing(defined, kept))]


def _rows(
    connection: sqlite3.Connection, query: str, key: tuple[str, ...]
) -> dict[tuple[Any, ...], _Row]:
    """The rows of a query by its image, or by its image and day."""
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    rows = (dict(zip(names, row, strict=True)) for row in cursor)
    return {tuple(row[name] for name in key): row for row in rows}


def _differing(
    defined: dict[tuple[Any, ...], _Row], kept: dict[tuple[Any, ...], _Row]
) -> list[tuple[Any, ...]]:
    """The keys that only one has, or whose rows differ in a column that is defined."""
    wrong = set(defined) ^ set(kept)
    for key in set(defined) & set(kept):
        if not all(_equal(kept[key][name], value) for name, value in defined[key].items()):
            wrong.add(key)
    return list(wrong)


def _latest(connection: sqlite3.Connection, image: str) -> _Row:
    recent = [
        row[0]
        for row in connection.execute(
            "SELECT build_duration FROM docker_builds WHERE image_name = ? AND success = 1 "
            "ORDER BY completed_at DESC, id DESC LIMIT ?",
            (image, statistics.WINDOW),
        )
    ]
    return {
        "median_duration": figures.median(recent) if recent else None,
        "p95_duration": statistics.nearest_rank(recent, 0.95),
    }


def _equal(kept: object, derived: object) -> bool:
    if isinstance(kept, float) and isinstance(derived, int | float):
        return math.isclose(kept, derived, rel_tol=1e-9, abs_tol=1e-6)
    return kept == derived
