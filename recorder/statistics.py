"""Keeps `build_statistics` equal to what a query over `docker_builds` gives, at a constant cost."""

import math
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from recorder.contribution import CONTRIBUTION_COLUMNS, Contribution
from recorder.days import DayTotals
from recorder.days import rebuild as rebuild_days
from recorder.judging.ranks import median
from recorder.model import MICRO

WINDOW = 100
"""Median and 95th percentile are over this many latest successful builds."""


@dataclass
class _Delta:
    """Sums that a transaction adds to (or takes from) one image."""

    builds: int = 0
    completed: int = 0
    failed: int = 0
    all_us: int = 0
    completed_us: int = 0
    sized: int = 0
    size_bytes: int = 0
    ratios: int = 0
    ratio_ppm: int = 0


class Ledger:
    """Collects what one transaction changes, then writes it at its end.

    The sums are whole numbers, so that they are the same in any order, and taking a build out
    leaves nothing behind. Extremes are recomputed only when the build that set one goes.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._deltas: dict[str, _Delta] = {}
        self._added: dict[str, list[Contribution]] = {}
        self._removed: dict[str, list[Contribution]] = {}
        self._changed: set[str] = set()
        self._days = DayTotals(connection)

    def add(self, build: Contribution) -> None:
        """Count a build that was written."""
        self._count(build, 1)
        self._days.add(build)
        self._added.setdefault(build.image_name, []).append(build)

    def remove(self, build: Contribution) -> None:
        """Take back a build that was deleted."""
        self._count(build, -1)
        self._days.remove(build)
        self._removed.setdefault(build.image_name, []).append(build)
        self._changed.add(build.image_name)

    def change(self, before: Contribution, after: Contribution) -> None:
        """Count anew a build whose row changed, perhaps to another image."""
        self.remove(before)
        self.add(after)
        self._changed.add(after.image_name)

    def close(self, now: str) -> None:
        """Write the totals and the statistics of all images that changed; `now` is UTC."""
        for image, delta in self._deltas.items():
            self._write_totals(image, delta)
            if self._touches_extremes(image):
                _recompute_extremes(self._connection, image)
            else:
                self._raise_extremes(image)
            refresh(self._connection, image, now)
        self._days.close()

    def _count(self, build: Contribution, sign: int) -> None:
        delta = self._deltas.setdefault(build.image_name, _Delta())
        micros = sign * round(build.build_duration * MICRO)
        delta.builds += sign
        delta.all_us += micros
        delta.failed += sign * (build.status == "failed")
        if build.image_size_mb > 0:
            delta.sized += sign
            delta.size_bytes += sign * round(build.image_size_mb * MICRO)
        if build.status == "completed":
            delta.completed += sign
            delta.completed_us += micros
            if build.cache_ratio is not None:
                delta.ratios += sign
                delta.ratio_ppm += sign * round(build.cache_ratio * MICRO)

    def _write_totals(self, image: str, delta: _Delta) -> None:
        names = tuple(vars(delta))
        marks = ", ".join("?" * len(names))
        sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in names)
        self._connection.execute(
            f"INSERT INTO build_totals (image_name, {', '.join(names)}) VALUES (?, {marks}) "
            f"ON CONFLICT (image_name) DO UPDATE SET {sums}",
            (image, *vars(delta).values()),
        )

    def _touches_extremes(self, image: str) -> bool:
        if image not in self._changed:
            return False
        added, removed = self._added.get(image, ()), self._removed.get(image, ())
        if not set(removed).isdisjoint(added):
            return True  # came and went in this transaction, so that the totals never knew it
        least, most, sized_at = self._connection.execute(
            "SELECT min_us, max_us, last_sized_at FROM build_totals WHERE image_name = ?", (image,)
        ).fetchone()
        return any(
            build.status == "completed" and round(build.build_duration * MICRO) in (least, most)
            for build in removed
        ) or any(
            # One that got its size later may have a lower id than those added before it.
            build.image_size_mb > 0 and build.completed_at >= (sized_at or "")
            for build in (*removed, *added)
        )

    def _raise_extremes(self, image: str) -> None:
        added = self._added.get(image, ())
        micros = [round(b.build_duration * MICRO) for b in added if b.status == "completed"]
        if micros:
            self._connection.execute(
                "UPDATE build_totals SET min_us = min(ifnull(min_us, ?1), ?1), "
                "max_us = max(ifnull(max_us, ?2), ?2) WHERE image_name = ?3",
                (min(micros), max(micros), image),
            )
        # Of builds that finished at one instant the one with the highest id is the latest, and
        # that is the last one added.
        sized = max(
            (
                (b.completed_at, i, b.image_size_mb)
                for i, b in enumerate(added)
                if b.image_size_mb > 0
            ),
            default=None,
        )
        if sized:
            self._connection.execute(
                "UPDATE build_totals SET last_sized_at = ?1, last_size_mb = ?2 "
                "WHERE image_name = ?3 AND ifnull(last_sized_at, '') <= ?1",
                (sized[0], sized[2], image),
            )


def refresh(connection: sqlite3.Connection, image: str, now: str) -> None:
    """Rewrite the statistics of one image from its totals and its latest builds."""
    totals = connection.execute(
        "SELECT builds, completed, failed, all_us, completed_us, sized, size_bytes, ratios, "
        "ratio_ppm, min_us, max_us, last_size_mb FROM build_totals WHERE image_name = ?",
        (image,),
    ).fetchone()
    if not totals or not totals[0]:
        connection.execute("DELETE FROM build_totals WHERE image_name = ?", (image,))
        connection.execute("DELETE FROM build_statistics WHERE image_name = ?", (image,))
        return
    builds, completed, failed, all_us, completed_us, sized, size_bytes, ratios, ppm = totals[:9]
    least, most, last_size_mb = totals[9:]
    stamp, zone = connection.execute(
        "SELECT build_timestamp, timezone FROM docker_builds WHERE image_name = ? "
        "ORDER BY completed_at DESC, id DESC LIMIT 1",
        (image,),
    ).fetchone()
    recent = [
        row[0]
        for row in connection.execute(
            "SELECT build_duration FROM docker_builds WHERE image_name = ? AND success = 1 "
            "ORDER BY completed_at DESC, id DESC LIMIT ?",
            (image, WINDOW),
        )
    ]
    row = {
        "image_name": image,
        "avg_duration": completed_us / MICRO / completed if completed else None,
        "avg_size_mb": size_bytes / MICRO / sized if sized else None,
        "total_builds": builds,
        "last_build_timestamp": stamp,
        "timezone": zone,
        "updated_at": now,
        "successful_builds": completed,
        "failed_builds": failed,
        "min_duration": None if least is None else least / MICRO,
        "max_duration": None if most is None else most / MICRO,
        "median_duration": median(recent) if recent else None,
        "p95_duration": nearest_rank(recent, 0.95),
        "last_duration": recent[0] if recent else None,
        "last_size_mb": last_size_mb,
        "avg_cache_ratio": ppm / MICRO / ratios if ratios else None,
        "total_duration": all_us / MICRO,
    }
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    update = ", ".join(f"{name} = excluded.{name}" for name in row)
    connection.execute(
        f"INSERT INTO build_statistics ({names}) VALUES ({marks}) "
        f"ON CONFLICT (image_name) DO UPDATE SET {update}",
        row,
    )


def rebuild(connection: sqlite3.Connection, images: Iterable[str], now: str) -> None:
    """Derive totals, days and statistics of `images` again from their builds; for doubtful ones."""
    for image in images:
        connection.execute("DELETE FROM build_totals WHERE image_name = ?", (image,))
        ledger = Ledger(connection)
        rows = connection.execute(
            f"SELECT {CONTRIBUTION_COLUMNS} FROM docker_builds WHERE image_name = ? ORDER BY id",
            (image,),
        )
        for row in rows:
            ledger.add(Contribution(*row))
        ledger.close(now)
        rebuild_days(connection, image)
        refresh(connection, image, now)  # clears what an image without builds has left


def nearest_rank(values: list[float], share: float) -> float | None:
    """The smallest of `values` that at least `share` of them do not exceed; None of none."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else None


def _recompute_extremes(connection: sqlite3.Connection, image: str) -> None:
    least, most = connection.execute(
        "SELECT min(build_duration), max(build_duration) FROM docker_builds "
        "WHERE image_name = ? AND success = 1",
        (image,),
    ).fetchone()
    sized = connection.execute(
        "SELECT completed_at, image_size_mb FROM docker_builds "
        "WHERE image_name = ? AND image_size_mb > 0 ORDER BY completed_at DESC, id DESC LIMIT 1",
        (image,),
    ).fetchone()
    connection.execute(
        "UPDATE build_totals SET min_us = ?, max_us = ?, last_sized_at = ?, last_size_mb = ? "
        "WHERE image_name = ?",
        (
            None if least is None else round(least * MICRO),
            None if most is None else round(most * MICRO),
            *(sized or (None, None)),
            image,
        ),
    )


DEFINITION = """
SELECT
  image_name,
  avg(CASE WHEN success THEN build_duration END) AS avg_duration,
  avg(CASE WHEN image_size_mb > 0 THEN image_size_mb END) AS avg_size_mb,
  count(*) AS total_builds,
  max(CASE WHEN latest = 1 THEN build_timestamp END) AS last_build_timestamp,
  max(CASE WHEN latest = 1 THEN timezone END) AS timezone,
  sum(success) AS successful_builds,
  sum(status = 'failed') AS failed_builds,
  min(CASE WHEN success THEN build_duration END) AS min_duration,
  max(CASE WHEN success THEN build_duration END) AS max_duration,
  max(CASE WHEN success AND latest_good = 1 THEN build_duration END) AS last_duration,
  max(CASE WHEN image_size_mb > 0 AND latest_sized = 1 THEN image_size_mb END) AS last_size_mb,
  avg(CASE WHEN success THEN cache_ratio END) AS avg_cache_ratio,
  sum(build_duration) AS total_duration
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY image_name ORDER BY completed_at DESC, id DESC) AS latest,
    row_number() OVER (
      PARTITION BY image_name, success ORDER BY completed_at DESC, id DESC) AS latest_good,
    row_number() OVER (
      PARTITION BY image_name, image_size_mb > 0 ORDER BY completed_at DESC, id DESC
    ) AS latest_sized
  FROM docker_builds
)
GROUP BY image_name
"""
"""What the statistics mean, as one query over all builds; median and p95 aside, which are over the
durations that WINDOW names. `doctor` and the tests compare the table with it."""
