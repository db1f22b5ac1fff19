"""Keeps `pruned_days`: what each day was, of builds that are no longer in the file."""

import json
import sqlite3
from collections.abc import Iterable

from recorder import days, summary_tables

_KEY = ("image_name", "day")


def _merged(name: str) -> str:
    old, new = f"pruned_days.{name}", f"excluded.{name}"
    if name in {"min_us", "max_us"}:
        return f"{name} = {name[:3]}(ifnull({old}, {new}), ifnull({new}, {old}))"
    if name == "last_size_mb":  # builds are pruned oldest first
        return f"{name} = ifnull({new}, {old})"
    return f"{name} = {old} + {new}"


_COLUMNS = [column.name for column in summary_tables.PRUNED_DAYS.columns]
# Every query that DEFINITION makes ends in GROUP BY, without which SQLite could not tell the
# ON of a join from that of a conflict.
_ADD = (
    f"INSERT INTO pruned_days ({', '.join(_COLUMNS)}) "
    + days.DEFINITION.format(where="WHERE id IN (SELECT value FROM json_each(?))")
    + f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET "
    + ", ".join(_merged(name) for name in _COLUMNS if name not in _KEY)
)


def add(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Count the builds with these ids as pruned; they are still in the file, and go next."""
    connection.execute(_ADD, (json.dumps(list(ids)),))
