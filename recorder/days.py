"""Keeps `build_days` equal to what a query over `docker_builds` gives: one row an image and day."""

import sqlite3
from dataclasses import dataclass, fields

from recorder.contribution import Contribution
from recorder.model import MICRO

DEFINITION = """
SELECT
  image_name,
  substr(completed_at, 1, 10) AS day,
  count(*) AS builds,
  sum(success) AS completed,
  sum(status = 'failed') AS failed,
  sum(us) AS all_us,
  sum(us * success) AS completed_us,
  min(CASE WHEN success THEN us END) AS min_us,
  max(CASE WHEN success THEN us END) AS max_us,
  sum(CAST(round(ifnull(saved_seconds, 0) * 1e6) AS INTEGER)) AS saved_us,
  sum(success AND cache_ratio IS NOT NULL) AS ratios,
  sum(CASE WHEN success THEN CAST(round(ifnull(cache_ratio, 0) * 1e6) AS INTEGER) ELSE 0 END)
    AS ratio_ppm,
  sum(success AND ifnull(cache_ratio, 2) = 0) AS cold,
  sum(success AND ifnull(cache_ratio, 2) = 1) AS warm,
  sum(CASE WHEN success AND cache_ratio = 0 THEN us ELSE 0 END) AS cold_us,
  sum(CASE WHEN success AND cache_ratio = 1 THEN us ELSE 0 END) AS warm_us,
  sum(CASE WHEN success AND cache_ratio IS NOT NULL THEN us ELSE 0 END) AS ratios_us,
  max(CASE WHEN image_size_mb > 0 AND latest_sized = 1 THEN image_size_mb END) AS last_size_mb
FROM (
  SELECT
    *,
    CAST(round(build_duration * 1e6) AS INTEGER) AS us,
    row_number() OVER (
      PARTITION BY image_name, substr(completed_at, 1, 10), image_size_mb > 0
      ORDER BY completed_at DESC, id DESC
    ) AS latest_sized
  FROM docker_builds {where}
)
GROUP BY image_name, day
"""
"""What a day's row means. `{where}` narrows it to the builds in question."""


@dataclass
class _Day:
    """What a transaction adds to the row of one image and day."""

    builds: int = 0
    completed: int = 0
    failed: int = 0
    all_us: int = 0
    completed_us: int = 0
    min_us: int | None = None
    max_us: int | None = None
    saved_us: int = 0
    ratios: int = 0
    ratio_ppm: int = 0
    cold: int = 0
    warm: int = 0
    cold_us: int = 0
    warm_us: int = 0
    ratios_us: int = 0


_NAMES = tuple(field.name for field in fields(_Day))


def _merged(name: str) -> str:
    old, new = f"build_days.{name}", f"excluded.{name}"
    if name in {"min_us", "max_us"}:
        return f"{name} = {name[:3]}(ifnull({old}, {new}), ifnull({new}, {old}))"
    return f"{name} = {old} + {new}"


# `T` follows the day in an instant, and `U` follows `T`.
_ADD = (
    f"INSERT INTO build_days (image_name, day, {', '.join(_NAMES)}, last_size_mb) "
    f"VALUES (?1, ?2, {', '.join('?' * len(_NAMES))}, ("
    "SELECT image_size_mb FROM docker_builds WHERE image_name = ?1 AND completed_at >= ?2 "
    "AND completed_at < ?2 || 'U' AND image_size_mb > 0 ORDER BY completed_at DESC, id DESC LIMIT 1"
    f")) ON CONFLICT (image_name, day) DO UPDATE SET {', '.join(map(_merged, _NAMES))}, "
    "last_size_mb = excluded.last_size_mb"
)
_KEY = {"image_name": "image", "day": "day"}
_Key = tuple[str, str]


class DayTotals:
    """Collects what one transaction changes, then writes it at its end.

    A build that comes in is added to its day's row; a day that lost a build is counted anew from
    the builds that are left, of which there are few.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._added: dict[_Key, _Day] = {}
        self._lessened: set[_Key] = set()

    def add(self, build: Contribution) -> None:
        """Count a build that was written."""
        _count(self._added.setdefault(_key(build), _Day()), build)

    def remove(self, build: Contribution) -> None:
        """Take back a build that was deleted, or whose row changed."""
        self._lessened.add(_key(build))

    def close(self) -> None:
        """Write the rows of all days that changed."""
        added = [
            (*k, *vars(day).values()) for k, day in self._added.items() if k not in self._lessened
        ]
        self._connection.executemany(_ADD, added)
        for image, day in self._lessened:
            rebuild(self._connection, image, day)


def rebuild(
    connection: sqlite3.Connection, image: str | None = None, day: str | None = None
) -> None:
    """Derive the rows again from the builds: all of them, those of one image, or one day's."""
    keys = {"image": image, "day": day}
    at = [f"{column} = :{key}" for column, key in _KEY.items() if keys[key]]
    connection.execute(f"DELETE FROM build_days {_where(at)}", keys)
    if day:
        at[1] = "completed_at >= :day AND completed_at < :day || 'U'"
    query = DEFINITION.format(where=_where(at))
    connection.execute(f"INSERT INTO build_days {query}", keys)


def _where(conditions: list[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _key(build: Contribution) -> _Key:
    return build.image_name, build.completed_at[:10]


def _count(day: _Day, build: Contribution) -> None:
    micros = round(build.build_duration * MICRO)
    day.builds += 1
    day.all_us += micros
    day.failed += build.status == "failed"
    day.saved_us += round((build.saved_seconds or 0) * MICRO)
    if build.status != "completed":
        return
    day.completed += 1
    day.completed_us += micros
    day.min_us = micros if day.min_us is None else min(day.min_us, micros)
    day.max_us = micros if day.max_us is None else max(day.max_us, micros)
    if build.cache_ratio is None:
        return
    day.ratios += 1
    day.ratio_ppm += round(build.cache_ratio * MICRO)
    day.ratios_us += micros
    if build.cache_ratio == 0:
        day.cold += 1
        day.cold_us += micros
    elif build.cache_ratio == 1:
        day.warm += 1
        day.warm_us += micros
