"""Reads from the indexes of a damaged history what they tell of builds whose rows are lost."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from recorder import times
from recorder.errors import BadValueError

_REFS = "SELECT id, ref FROM docker_builds INDEXED BY sqlite_autoindex_docker_builds_1"
_TIMES = (
    "SELECT id, image_name, completed_at, success, build_duration FROM docker_builds "
    "INDEXED BY builds_by_image"
)
_ADD = (
    "INSERT OR IGNORE INTO docker_builds (id, ref, image_name, build_duration, image_size_mb, "
    "build_timestamp, timezone, success, created_at, source) "
    "VALUES (?, ?, ?, ?, 0.0, ?, 'UTC', ?, ?, 'salvage')"
)


def complete(damaged: sqlite3.Connection, saved: sqlite3.Connection) -> None:
    """Write into `saved` a row of every build that it lacks and that an index knows.

    An index tells success and no more, so that a canceled build comes back as failed.
    """
    refs: dict[int, str] = dict(_rows(damaged, _REFS))
    saved.executemany(_ADD, _builds(damaged, refs))


def _builds(damaged: sqlite3.Connection, refs: dict[int, str]) -> Iterator[tuple[object, ...]]:
    now = f"{times.utc_text(times.now())[:19]}Z"
    for number, image, completed, success, duration in _rows(damaged, _TIMES):
        try:
            moment = times.parse(completed)
            times.before(moment, duration)
        except (BadValueError, TypeError):
            continue
        stamp = times.local_text(moment, "UTC")
        yield number, refs.get(number), image, duration, stamp, success, now


def _rows(damaged: sqlite3.Connection, query: str) -> Iterator[Any]:
    """The rows up to the damage, and those from the end down to it."""
    for way in ("ASC", "DESC"):
        order = f" ORDER BY {'ref' if query is _REFS else 'image_name'} {way}"
        try:
            yield from damaged.execute(query + order)
        except sqlite3.DatabaseError:
            continue
        return
