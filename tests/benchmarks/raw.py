"""The floor of writing: the same rows into the same tables by the standard library alone."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from recorder import schema, views

Rows = dict[str, list[tuple[object, ...]]]


def statements() -> list[str]:
    """The statements that make all tables, indexes and views of the present version."""
    versions = range(1, schema.VERSION + 1)
    tables = [line for version in versions for line in schema.statements(version)]
    return [*tables, *views.create_statements()]


def rows_of(path: Path) -> Rows:
    """All rows of the database at `path`."""
    with closing(sqlite3.connect(path)) as connection:
        return {  # what refers to others stands after them
            table.name: connection.execute(
                f"SELECT {', '.join(table.stored)} FROM {table.name}"
            ).fetchall()
            for table in schema.TABLES
        }


def write(path: Path, rows: Rows) -> float:
    """Make a database at `path` and write `rows` in one transaction; gives the seconds of it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in statements():
            connection.execute(statement)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        begun = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        for name, found in rows.items():
            if found:
                marks = ", ".join("?" * len(found[0]))
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", found)
        connection.execute("COMMIT")
        return time.perf_counter() - begun
