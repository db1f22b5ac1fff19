"""Which build another is compared with: the usual one of its image, or the one before."""

import sqlite3
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from recorder import input_store, queries, stored_builds
from recorder.model import Build, Layer, Lint

Row = dict[str, Any]

LATEST = 20
"""How many builds say what is usual."""

_LOOKED_AT = 100
_FEW = 3
_BEFORE = """
SELECT
  id, build_duration, completed_at, platform, target, builder, cache_class,
  EXISTS (SELECT 1 FROM build_steps AS s WHERE s.build_id = b.id) AS has_steps
FROM docker_builds AS b
WHERE image_name = ? AND (completed_at, id) < (?, ?) AND success = 1
ORDER BY completed_at DESC, id DESC LIMIT ?
"""
_LEVEL = """
SELECT max(first_at) FROM alerts WHERE image_name = ? AND platform IS ? AND target IS ?
  AND metric = 'duration' AND state = 'acknowledged' AND first_at < ?
"""
_SERIES = ("platform", "target", "builder")

Alike = Literal["series", "target"]


@dataclass(frozen=True, slots=True)
class Usual:
    """The usual build: its id, its duration in seconds, and of how many builds it is the middle.

    `alike` is what these share with the build: `series` (image, platform, target and builder) or
    `target` (all but the builder, and the platform where that is not known of one side).
    """

    build: int
    duration: float
    builds: int
    alike: Alike


@dataclass(frozen=True, slots=True)
class Before:
    """What came before a build: the usual one, and the latest; ids, or None.

    Where there is no usual one, the latest is of another platform or target. `as_cached` is the
    median duration in seconds of the latest builds like it with as much of the cache.
    """

    usual: Usual | None
    latest: int | None
    as_cached: float | None = None


def before(connection: sqlite3.Connection, build: Mapping[str, Any]) -> Before:
    """The usual build before `build`, a row of `docker_builds`, and the latest one.

    The usual one is a real build, whose steps fit together: the one in the middle by duration of
    the latest 20 successes before it, of two in the middle the quicker. How much came from the
    cache does not matter here, since a cache miss is one of the answers. They share image,
    platform, target and builder; where fewer than three do, the builder may be another, as that
    of each CI run is. Builds of another platform or target do other work and say nothing of what is
    usual. Those with steps go before those without, and of what a person took for usual only those
    since then count.
    """
    values = (build["image_name"], build["completed_at"], build["id"], _LOOKED_AT)
    cursor = connection.execute(_BEFORE, values)
    cursor.row_factory = stored_builds.as_dict
    rows: list[Row] = cursor.fetchall()
    alike, chosen = _comparable(build, rows)
    chosen = _on_level(connection, build, chosen)
    as_cached = [
        row["build_duration"] for row in chosen if row["cache_class"] == build["cache_class"]
    ]
    latest = _with_steps(chosen)[:LATEST]
    if not latest:
        return Before(None, next((row["id"] for row in _with_steps(rows)), None))
    # Equal durations: the newer, which comes first.
    ordered = sorted(latest, key=lambda row: float(row["build_duration"]))
    middle = ordered[(len(ordered) - 1) // 2]
    usual = Usual(middle["id"], middle["build_duration"], len(ordered), alike)
    median = statistics.median(as_cached[:LATEST]) if as_cached else None
    return Before(usual, latest[0]["id"], median)


def _on_level(
    connection: sqlite3.Connection, build: Mapping[str, Any], rows: Sequence[Row]
) -> Sequence[Row]:
    """The builds since the duration that was acknowledged last; all where none of them is here."""
    names = ("image_name", "platform", "target", "completed_at")
    (level,) = connection.execute(_LEVEL, [build[name] for name in names]).fetchone()
    return [row for row in rows if level and row["completed_at"] >= level] or rows


def _with_steps(rows: Sequence[Row]) -> Sequence[Row]:
    return [row for row in rows if row["has_steps"]] or rows


def _comparable(build: Mapping[str, Any], rows: Sequence[Row]) -> tuple[Alike, Sequence[Row]]:
    # A build that failed has no image, which alone tells the platform of most.
    known = [name for name in _SERIES if build["success"] or build[name] is not None]

    def same(columns: Sequence[str]) -> list[Row]:
        told = [name for name in columns if name in known]
        return [row for row in rows if all(row[name] == build[name] for name in told)]

    series, target = same(_SERIES), same(_SERIES[:-1])
    if len(series) >= _FEW or (series and len(series) == len(target)):
        return "series", series
    return "target", target or [row for row in rows if _may_be_alike(row, build)]


def _may_be_alike(row: Row, build: Mapping[str, Any]) -> bool:
    """Whether two builds have one target, and no platform that is known to be another."""
    return row["target"] == build["target"] and None in (row["platform"], build["platform"])


def read(connection: sqlite3.Connection, number: int) -> Build:
    """A build with all that hangs on it, by its id; raises BuildNotFoundError."""
    return of_row(connection, queries.find_build(connection, str(number)))


def of_row(connection: sqlite3.Connection, row: Mapping[str, Any], *, whole: bool = True) -> Build:
    """The build of a row of `docker_builds` with all that hangs on it.

    Without `whole` its layers and warnings are left out.
    """
    number = int(row["id"])
    found = connection.execute(
        f"SELECT {stored_builds.STEP} FROM steps WHERE build_id = ? ORDER BY position", (number,)
    )
    steps = tuple(stored_builds.step_of(tuple(values)) for values in found)
    layers = queries.layers(connection, number) if whole else []
    lints = queries.lints(connection, number) if whole else []
    return stored_builds.of_row(
        row,
        steps,
        tuple(Layer(layer["position"], layer["instruction"], layer["bytes"]) for layer in layers),
        tuple(Lint(lint["rule"], lint["message"], lint["line"]) for lint in lints),
        input_store.read(connection, number, steps),
    )
