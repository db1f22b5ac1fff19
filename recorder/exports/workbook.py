"""Writes an Excel workbook: all builds, the statistics, the steps of the latest builds."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recorder import flat_tables
from recorder.flat_tables import FlatTable
from recorder.selection import Selection
from recorder.workbook import Workbook

LATEST = 1000
"""How many builds the steps are of."""
_TIMES = frozenset(
    "build_timestamp created_at started_at completed_at last_build_timestamp updated_at".split()
)


def write(
    connection: sqlite3.Connection,
    path: Path,
    selection: Selection,
    progress: Callable[[int], None],
) -> None:
    """Write the workbook, newest builds first."""
    with Workbook(path) as book:
        rows = flat_tables.BUILDS.rows(connection, selection, newest_first=True)
        book.add_sheets("Builds", _columns(flat_tables.BUILDS), _told(rows, progress))
        if flat_tables.STATISTICS in flat_tables.given(selection):
            table = flat_tables.STATISTICS
            book.add_sheets("Statistics", _columns(table), table.rows(connection, selection))
        recent = replace(selection, latest=LATEST)
        table = flat_tables.STEPS
        steps = table.rows(connection, recent, newest_first=True)
        book.add_sheets(f"Steps of latest {LATEST}", _columns(table), steps)
        book.add_sheets("Columns", [("table", ""), ("column", ""), ("meaning", "")], _meanings())


def _columns(table: FlatTable) -> list[tuple[str, str]]:
    return [
        (column.name, "time" if column.name in _TIMES else column.unit or _plain(column.sql))
        for column in table.columns
    ]


def _plain(sql: str) -> str:
    return "" if sql.startswith("TEXT") else "number"


def _told(rows: sqlite3.Cursor, progress: Callable[[int], None]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        progress(1)
        yield row


def _meanings() -> Iterator[Sequence[str]]:
    for table in (flat_tables.BUILDS, flat_tables.STATISTICS, flat_tables.STEPS):
        for column in table.columns:
            unit = f" ({column.unit})" if column.unit else ""
            yield table.name, column.name, f"{column.about.removesuffix('.')}{unit}."
