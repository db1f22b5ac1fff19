"""Reads the SQLite files of older tools (G and H), without touching them."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from recorder.errors import ImportFailedError
from recorder.imports.reading import Reading, build
from recorder.model import Build

_GIGABYTE = 1024.0  # the predecessor's, in MB; Docker prints 1 GB for 1000


def read(connection: sqlite3.Connection, zone: str) -> Reading:
    """The builds in an older database; `zone` is that of times that name none.

    Raises ImportFailedError when it has no such table.
    """
    connection.row_factory = sqlite3.Row
    columns = {row["name"] for row in connection.execute("PRAGMA table_info(docker_builds)")}
    if {"image_name", "build_time", "built_at_utc"} <= columns:
        rows = connection.execute(
            "SELECT image_name AS image, build_time AS duration, built_at_utc AS timestamp "
            "FROM docker_builds ORDER BY id"
        )
        return Reading("G, docker_build_times.sqlite3").take(build(dict(r), zone) for r in rows)
    if {"image_name", "build_duration", "build_timestamp"} <= columns:
        rows = connection.execute(
            "SELECT *, image_name AS image, build_duration AS duration, "
            "build_timestamp AS timestamp FROM docker_builds ORDER BY id"
        )
        return Reading("H, the predecessor's database").take(_row(dict(r), zone) for r in rows)
    raise ImportFailedError(
        "it has no table of builds", "name the database of an older docker build tracker"
    )


def _row(row: dict[str, Any], zone: str) -> Iterator[Build]:
    size = row.get("image_size_mb")
    # Docker printed GB from 1000 MB on, which the predecessor took for 1024 MB each.
    if isinstance(size, int | float) and size >= _GIGABYTE:
        size = size / _GIGABYTE * 1000
    yield from build({**row, "size_mb": size, "build_args": _arguments(row)}, zone)


def _arguments(row: dict[str, Any]) -> dict[str, str]:
    try:
        found = json.loads(row.get("build_args") or "{}")
    except (TypeError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
