"""Answers whether the file can be read, and how old the newest build is."""

import asyncio
from pathlib import Path
from typing import Any

from datasette import Response

from recorder import database, times
from recorder.errors import BadValueError, DatabaseError
from recorder.publish import broken
from recorder.publish.site import DATABASE

ROUTE = r"/-/healthz$"

_NEWEST = "SELECT id, completed_at FROM docker_builds ORDER BY completed_at DESC, id DESC LIMIT 1"
_OTHERS = (
    "SELECT * FROM build_statistics LIMIT 1",
    "SELECT * FROM steps WHERE build_id = :build",
)
_HEADERS = {"cache-control": "no-store"}


async def health(datasette: Any) -> Response:
    """Whether the file can be read, by rows of real tables through a new connection.

    An open connection could answer from its memory although the file is damaged or gone.
    """
    path = Path(datasette.get_database(DATABASE).path)
    try:
        newest = await asyncio.get_running_loop().run_in_executor(
            datasette.executor, _read_newest, path
        )
    except (DatabaseError, OSError) as error:
        problem = {
            "ok": False,
            "error": getattr(error, "slug", "database"),
            "reason": broken.reason(error),
        }
        return Response.json(problem, status=503, headers=_HEADERS)
    return Response.json(
        {"ok": True, "newest_build": newest, "newest_build_age_seconds": age(newest)},
        headers=_HEADERS,
    )


def age(completed_at: str | None) -> float | None:
    """Seconds since the stored instant, 0.0 for one to come; None for none, or what is none."""
    try:
        moment = times.parse(completed_at or "")
    except BadValueError:
        return None
    return max(0.0, round((times.now() - moment).total_seconds(), 3))


def _read_newest(path: Path) -> str | None:
    """When the newest build finished, UTC; None without a build."""
    with database.connect_to_read(path) as connection:
        build = connection.execute(_NEWEST).fetchone()
        for query in _OTHERS:
            connection.execute(query, {"build": build["id"] if build else None}).fetchall()
    return build["completed_at"] if build else None
