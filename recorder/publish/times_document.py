"""docker_build_times.json and its ETag, both of one moment."""

import hashlib
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from recorder import __version__, older_tools


class Pieces(NamedTuple):
    """A document's ETag and its JSON in pieces; no pieces when the client holds it already."""

    etag: str
    pieces: Iterator[str] | None


def stream(connection: sqlite3.Connection, layout: str, known: str) -> Pieces:
    """The document in `layout`; without its text when `known` (an If-None-Match) names it.

    Call it, and take the pieces, inside one `database.snapshot`. Memory does not grow with the
    history.
    """
    etag = _etag(connection, layout)
    if _matches(etag, known):
        return Pieces(etag, None)
    return Pieces(etag, older_tools.chunks(connection, layout))


def _etag(connection: sqlite3.Connection, layout: str) -> str:
    """Changes with every build, as each leaves a trace in the statistics; costs a row an image."""
    digest = hashlib.sha256(f"{__version__} {layout}".encode())
    for query in (
        "SELECT max(id) FROM docker_builds",
        "SELECT file FROM pragma_database_list WHERE name = 'main'",
        "SELECT * FROM build_statistics ORDER BY id",
    ):
        for row in connection.execute(query):
            digest.update(repr(tuple(row)).encode())
    return f'"{digest.hexdigest()[:32]}"'


def _matches(etag: str, known: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
    return etag in tags or "*" in tags
