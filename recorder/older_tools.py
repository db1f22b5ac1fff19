"""The document that older tools read: all builds and their averages, in one of three layouts."""

import sqlite3
from pathlib import Path
from typing import Any, Literal, get_args

from recorder.errors import BadValueError
from recorder.model import MICRO

FILE_NAME = "docker_build_times.json"
Layout = Literal["averages", "objects", "list"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

_NEWEST_FIRST = "FROM docker_builds ORDER BY completed_at DESC, id DESC"


def document(
    connection: sqlite3.Connection, layout: str = "averages"
) -> dict[str, Any] | list[dict[str, Any]]:
    """The whole history in the shape that `layout` names, as plain values for JSON.

    `averages` is what older readers take: a `history`, newest first, and by image plain numbers,
    so that an image without a number to give (no build that succeeded, or none with a size) is
    left out of those. `objects` has one object an image in `averages`, `list` is bare rows, the
    latest build last, since that is where its reader looks. Every build is in the history, failed
    ones too; averages are over the successful ones. Durations are seconds, sizes MB of 10^6 bytes.

    Raises BadValueError for another layout.
    """
    if layout not in LAYOUTS:
        raise BadValueError(f"{layout!r} is no layout", f"say one of {', '.join(LAYOUTS)}")
    if layout == "list":
        rows = connection.execute(
            "SELECT completed_at, image_name, build_duration FROM docker_builds "
            "ORDER BY completed_at, id"
        )
        return [{"timestamp": row[0], "image": row[1], "duration": row[2]} for row in rows]
    history = _history(connection)
    ending = {
        "last_build_time": history[0]["timestamp"] if history else None,
        "database_path": _file_name(connection),
    }
    averages = _objects(connection) if layout == "objects" else _plain(connection)
    return {"history": history, **averages, **ending}


def _history(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    rows = connection.execute(
        "SELECT build_timestamp, image_name, build_duration, image_size_mb, timezone "
        + _NEWEST_FIRST
    )
    return [
        {
            "timestamp": row[0],
            "image": row[1],
            "duration": row[2],
            "size_mb": row[3],
            "timezone": row[4],
        }
        for row in rows
    ]


def _plain(connection: sqlite3.Connection) -> dict[str, Any]:
    rows = _statistics(connection)
    return {
        "averages": {image: seconds for image, seconds, _, _ in rows if seconds is not None},
        "sizes_mb": {image: size for image, _, size, _ in rows if size is not None},
        "total_builds": {image: builds for image, _, _, builds in rows},
        "avg_duration": _mean_of_all(connection),
    }


def _objects(connection: sqlite3.Connection) -> dict[str, Any]:
    return {
        "averages": {
            image: {"duration": seconds, "size_mb": size or 0.0, "total_builds": builds}
            for image, seconds, size, builds in _statistics(connection)
            if seconds is not None
        }
    }


def _statistics(
    connection: sqlite3.Connection,
) -> list[tuple[str, float | None, float | None, int]]:
    rows = connection.execute(
        "SELECT image_name, avg_duration, avg_size_mb, total_builds FROM build_statistics "
        "ORDER BY image_name"
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def _mean_of_all(connection: sqlite3.Connection) -> float | None:
    """Mean duration of all successful builds of all images, from exact sums."""
    micros, builds = connection.execute(
        "SELECT sum(completed_us), sum(completed) FROM build_totals"
    ).fetchone()
    return micros / MICRO / builds if builds else None


def _file_name(connection: sqlite3.Connection) -> str:
    """The name of the database file without its folder: nothing about the machine is told."""
    return Path(connection.execute("PRAGMA database_list").fetchone()[2]).name
