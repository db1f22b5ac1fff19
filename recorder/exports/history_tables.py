"""Writes CSV: a file a table, safe to open in a spreadsheet, and to take in again."""

import csv
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import IO

from recorder import flat_tables, harmless
from recorder.flat_tables import FlatTable
from recorder.selection import Selection

NAMES = tuple(f"{table.name}.csv" for table in flat_tables.TABLES)


def write_all(
    connection: sqlite3.Connection,
    folder: Path,
    selection: Selection,
    progress: Callable[[int], None],
) -> None:
    """Write all tables into the folder, each a file."""
    for table in flat_tables.given(selection):
        with (folder / f"{table.name}.csv").open("w", encoding="utf-8", newline="") as file:
            write(connection, file, table, selection, progress)


def write(
    connection: sqlite3.Connection,
    file: IO[str],
    table: FlatTable,
    selection: Selection,
    progress: Callable[[int], None],
) -> None:
    """Write one table, a header first; what is not known is empty.

    A text that a spreadsheet would run as a formula is led by an apostrophe, which the import
    takes off again.
    """
    # Line ends as RFC 4180 has them: then a carriage return inside a text is quoted.
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(table.names)
    texts = [place for place, column in enumerate(table.columns) if column.sql.startswith("TEXT")]
    count = progress if table is flat_tables.BUILDS else None
    for row in table.rows(connection, selection):
        cells = list(row)
        for place in texts:
            if cells[place] is not None:
                cells[place] = harmless.cell(cells[place])
        writer.writerow(cells)
        if count:
            count(1)
