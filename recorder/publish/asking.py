"""Runs our canned queries for our own pages, so that a page and its JSON have the same figures."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from recorder.publish import site

Row = Mapping[str, Any]


class Asker:
    """The canned queries of a publication, over one connection."""

    def __init__(self, datasette: Any, connection: sqlite3.Connection) -> None:
        self._queries = site.queries(datasette)
        self._connection = connection

    def query(self, name: str, **values: object) -> list[Row]:
        """The rows of a canned query; a parameter that is not given is empty, as in a link."""
        query = self._queries[name]
        given = {key: str(values.get(key, "")) for key in query.get("params", ())}
        return self.rows(query["sql"], given)

    def rows(self, sql: str, values: object = ()) -> list[Row]:
        """The rows of a query of ours."""
        cursor = self._connection.execute(sql, values)  # type: ignore[arg-type]
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def title(datasette: Any, name: str) -> str:
    """The title of a canned query."""
    queries = site.queries(datasette)
    return str((queries.get(name) or {}).get("title") or name)
