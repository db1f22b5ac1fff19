"""SQL functions that explain builds, so that our pages and their JSON say the same.

A canned query takes their rows with `json_each`; what they say is worked out by `recorder.explain`.
"""

import functools
import json
import sqlite3
from collections.abc import Callable
from typing import Any

from recorder import queries
from recorder.errors import BadValueError, BuildNotFoundError
from recorder.explain import difference, explanation, page_rows, savings

_MOST = 1000
"""Rows, as of any answer of the publication."""

_KEPT = 16
"""Answers of each function for each connection."""


def prepare(connection: sqlite3.Connection) -> None:
    """Give the connection `why_rows(build)`, `diff_rows(a, b)` and `what_if_rows(image_name)`.

    Each gives a JSON array of objects, an empty one where there is no such build, or a row that
    another program wrote and that is none. An empty argument means what it does for the command of
    that name.
    """
    functions: dict[str, tuple[int, Callable[..., list[dict[str, Any]]]]] = {
        "why_rows": (1, why_rows),
        "diff_rows": (2, diff_rows),
        "what_if_rows": (1, what_if_rows),
    }
    for name, (arguments, function) in functions.items():
        answer = _kept(functools.partial(_answer, function, connection), connection)
        connection.create_function(name, arguments, answer, deterministic=True)


def _kept(answer: Callable[..., str], connection: sqlite3.Connection) -> Callable[..., str]:
    """`answer`, which is worked out again only when another connection has changed the file.

    Pages are looked at more often than builds are recorded. Ours only read, so that SQLite's
    `data_version` tells every change.
    """

    @functools.lru_cache(maxsize=_KEPT)
    def of_version(_: int, *values: object) -> str:
        return answer(*values)

    def kept(*values: object) -> str:
        return of_version(connection.execute("PRAGMA data_version").fetchone()[0], *values)

    return kept


def why_rows(connection: sqlite3.Connection, build: str | None) -> list[dict[str, Any]]:
    """The rows of the page of `why`."""
    number = queries.find_build(connection, build)["id"]
    return page_rows.of_why(explanation.why(connection, number))


def diff_rows(connection: sqlite3.Connection, a: str | None, b: str | None) -> list[dict[str, Any]]:
    """The rows of the page of `diff`."""
    return page_rows.of_difference(difference.difference(connection, a, b))


def what_if_rows(connection: sqlite3.Connection, image_name: str | None) -> list[dict[str, Any]]:
    """The rows of the page of `what-if`."""
    return page_rows.of_savings(savings.savings(connection, image_name))


def _answer(
    function: Callable[..., list[dict[str, Any]]],
    connection: sqlite3.Connection,
    *values: object,
) -> str:
    given = [str(value).strip() if value is not None else "" for value in values]
    try:
        rows = function(connection, *(value or None for value in given))
    except (BadValueError, BuildNotFoundError):
        rows = []
    return json.dumps(rows[:_MOST], ensure_ascii=False)
