"""Writes Parquet: the builds in one file, or all tables in a folder, by month if asked."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from recorder import flat_tables
from recorder.errors import MissingExtraError
from recorder.flat_tables import FlatTable
from recorder.selection import Selection
from recorder.tables import Column

NAMES = tuple(
    name for table in flat_tables.TABLES for name in (f"{table.name}.parquet", table.name)
)
"""What a folder of ours may hold: files, and folders of months."""
_ROWS = 20_000
"""How many rows are held at once: a row group of the file."""
_INSTANTS = frozenset({"started_at", "completed_at", "created_at", "updated_at"})
_SWITCHES = frozenset({"success", "git_dirty", "cached", "shared", "critical"})


def write_all(
    connection: sqlite3.Connection,
    folder: Path,
    selection: Selection,
    progress: Callable[[int], None],
    *,
    by_month: bool = False,
) -> None:
    """Write all tables into the folder: `steps.parquet`, or `steps/month=2025-07/part-0.parquet`.

    What belongs to no build (layers, statistics) is never parted by month. Raises
    MissingExtraError.
    """
    _library()
    for table in flat_tables.given(selection):
        count = progress if table is flat_tables.BUILDS else None
        if not (by_month and table.of_builds):
            write(connection, folder / f"{table.name}.parquet", table, selection, count)
            continue
        rows = table.rows(connection, selection, with_month=True)
        (folder / table.name).mkdir()
        for month, found in groupby(rows, key=itemgetter(0)):
            part = folder / table.name / f"month={month}" / "part-0.parquet"
            part.parent.mkdir()
            _write(part, table, (row[1:] for row in found), count)


def write(
    connection: sqlite3.Connection,
    path: Path,
    table: FlatTable,
    selection: Selection,
    progress: Callable[[int], None] | None,
) -> None:
    """Write one table into one file. Raises MissingExtraError."""
    _write(path, table, table.rows(connection, selection), progress)


def _write(
    path: Path,
    table: FlatTable,
    rows: Iterator[tuple[Any, ...]],
    progress: Callable[[int], None] | None,
) -> None:
    arrow, parquet = _library()
    schema = arrow.schema([_field(arrow, column) for column in table.columns])
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while found := list(islice(rows, _ROWS)):
            columns = [
                arrow.array(_values(field.name, values), type=field.type)
                for field, values in zip(schema, zip(*found, strict=True), strict=True)
            ]
            writer.write_batch(arrow.record_batch(columns, schema=schema))
            if progress:
                progress(len(found))


def _field(arrow: Any, column: Column) -> Any:
    if column.name in _INSTANTS:
        kind = arrow.timestamp("ms", tz="UTC")
    elif column.name in _SWITCHES:
        kind = arrow.bool_()
    else:
        kinds = {"INTEGER": arrow.int64(), "REAL": arrow.float64(), "TEXT": arrow.string()}
        kind = kinds[column.sql.split()[0]]
    unit = f" ({column.unit})" if column.unit else ""
    about = f"{column.about.removesuffix('.')}{unit}."
    return arrow.field(column.name, kind, metadata={"description": about})


def _values(name: str, values: tuple[Any, ...]) -> list[Any]:
    if name in _INSTANTS:
        return [value and datetime.fromisoformat(value) for value in values]
    if name in _SWITCHES:
        return [None if value is None else bool(value) for value in values]
    return list(values)


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError(
            "Parquet needs pyarrow", "run `pip install 'buildrec[parquet]'`"
        ) from None
    return pyarrow, pyarrow.parquet
