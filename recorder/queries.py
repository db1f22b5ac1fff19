"""Reads the history: lists, one build, its steps, the figures by image."""

import sqlite3
import statistics
from collections.abc import Mapping
from typing import Any

from recorder import schema
from recorder.errors import BuildNotFoundError

Row = dict[str, Any]

_LIST = ", ".join(column.name for column in schema.TOLD)


def recent_builds(
    connection: sqlite3.Connection, image_name: str | None = None, limit: int = 50
) -> list[Row]:
    """The latest builds of all images, or of one, newest first: rows of `docker_builds`."""
    where = "WHERE image_name = :image" if image_name else ""
    return _rows(
        connection,
        f"SELECT {_LIST} FROM docker_builds {where} "
        "ORDER BY completed_at DESC, id DESC LIMIT :limit",
        {"image": image_name, "limit": limit},
    )


def image_statistics(connection: sqlite3.Connection) -> list[Row]:
    """The statistics of all images: rows of `build_statistics`, the most built first."""
    return _rows(
        connection, "SELECT * FROM build_statistics ORDER BY total_builds DESC, image_name", {}
    )


def find_build(connection: sqlite3.Connection, wanted: str | None = None) -> Row:
    """One build by its id or the beginning of its ref; the latest one of an image by its name.

    Without `wanted`, the latest of all. Raises BuildNotFoundError.
    """
    latest = f"SELECT {_LIST} FROM docker_builds {{}} ORDER BY completed_at DESC, id DESC LIMIT 1"
    tries: list[tuple[str, Any]] = []
    if not wanted:
        tries = [(latest.format(""), None)]
    else:
        if wanted.isdecimal() and len(wanted) < 19:
            tries.append((f"SELECT {_LIST} FROM docker_builds WHERE id = ?1", int(wanted)))
        tries.append((latest.format("WHERE image_name = ?1"), wanted))
        ref = wanted.rsplit("/", 1)[-1]
        if len(ref) >= 4:
            tries.append((latest.format("WHERE ref >= ?1 AND ref < ?1 || '{'"), ref))
    for query, value in tries:
        rows = _rows(connection, query, () if value is None else (value,))
        if rows:
            return rows[0]
    raise BuildNotFoundError(
        f"there is no build {wanted!r}" if wanted else "there is no build yet",
        "see `buildrec history` for those there are" if wanted else "record one first",
    )


def waiting_seconds(build: Mapping[str, Any]) -> float | None:
    """What is left of a build's duration beside its critical path: nothing of it worked then."""
    if build["critical_path_seconds"] is None:
        return None
    return max(round(float(build["build_duration"] - build["critical_path_seconds"]), 6), 0.0)


def steps(connection: sqlite3.Connection, build_id: int) -> list[Row]:
    """The steps of a build in the order in which they began: rows of the view `steps`."""
    query = "SELECT * FROM steps WHERE build_id = ? ORDER BY position"
    return _rows(connection, query, (build_id,))


def layers(connection: sqlite3.Connection, build_id: int) -> list[Row]:
    """The history of a build's image, from the base up: rows of the view `build_layers`."""
    query = "SELECT * FROM build_layers WHERE build_id = ? ORDER BY position"
    return _rows(connection, query, (build_id,))


def lints(connection: sqlite3.Connection, build_id: int) -> list[Row]:
    """The warnings that the builder gave: rows of `build_warnings`."""
    query = "SELECT * FROM build_warnings WHERE build_id = ? ORDER BY line, position"
    return _rows(connection, query, (build_id,))


def usual_duration(
    connection: sqlite3.Connection,
    image_name: str,
    cache_class: str | None,
    before_ref: str | None = None,
    before: str = "~",
) -> float | None:
    """Median duration in seconds of the image's latest 20 successes with as much of the cache.

    Of its latest 100, that is; the canned query `recent_builds` says the same of each build.
    A cold build is compared with cold ones, or else it would always look slow. `before_ref` leaves
    one build out, `before` (a UTC instant) all that did not finish earlier. None where there is no
    such build.
    """
    rows = connection.execute(
        "SELECT build_duration FROM ("
        "  SELECT build_duration, cache_class, ref FROM docker_builds"
        "  WHERE image_name = ? AND success = 1 AND completed_at < ?"
        "  ORDER BY completed_at DESC LIMIT 100"
        ") WHERE cache_class IS ? AND ifnull(ref, '') != ? LIMIT 20",
        (image_name, before, cache_class, before_ref or "-"),
    ).fetchall()
    return statistics.median(row[0] for row in rows) if rows else None


def typical_duration(connection: sqlite3.Connection, image_name: str) -> float | None:
    """Median duration in seconds of the image's latest 100 successes, whatever their cache."""
    row = connection.execute(
        "SELECT median_duration FROM build_statistics WHERE image_name = ?", (image_name,)
    ).fetchone()
    return row[0] if row else None


def known_size(
    connection: sqlite3.Connection, image_name: str, digest: str
) -> tuple[int, str] | None:
    """Size in bytes and its kind of the image with `digest`, from the image's latest 50 builds."""
    row = connection.execute(
        "SELECT image_size_bytes, size_kind FROM ("
        "  SELECT image_digest, image_size_bytes, size_kind FROM docker_builds"
        "  WHERE image_name = ? ORDER BY completed_at DESC LIMIT 50"
        ") WHERE image_digest = ? AND image_size_bytes IS NOT NULL LIMIT 1",
        (image_name, digest),
    ).fetchone()
    return (int(row[0]), str(row[1])) if row else None


def _rows(connection: sqlite3.Connection, query: str, values: Any) -> list[Row]:
    cursor = connection.execute(query, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
