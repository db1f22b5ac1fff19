"""The bytes and the ETag of docker_build_times.json, read in one transaction."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from recorder import __version__, older_tools


class Answer(NamedTuple):
    """A document's ETag and its JSON; no JSON when the client holds it already."""

    etag: str
    body: str | None


def read(connection: sqlite3.Connection, layout: str, known: str) -> Answer:
    """The document in `layout`; without its body when `known` (an If-None-Match) names it."""
    with _snapshot(connection):
        etag = _etag(connection, layout)
        if _matches(etag, known):
            return Answer(etag, None)
        document = older_tools.document(connection, layout)
    return Answer(etag, json.dumps(document, ensure_ascii=False))


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


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
