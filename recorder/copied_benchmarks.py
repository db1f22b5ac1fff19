"""Copies runs of benchmarks from another history: each run once, masked again."""

import math
import sqlite3
from typing import Any

from recorder import redact
from recorder.benchmark_tables import BENCHMARK_IMAGES, BENCHMARK_MEASUREMENTS, BENCHMARK_RUNS
from recorder.tables import Column, Table

_SCHEMA = "incoming"
_ENDED = ("status", "completed_at", "load_after")


def copy_benchmarks(connection: sqlite3.Connection, redactor: redact.Redactor) -> None:
    """Copy the runs of the attached file that are not here, and what known ones have got since.

    A row whose values are of the wrong kind where one is needed is left out. Call inside a
    transaction.
    """
    runs = _columns(BENCHMARK_RUNS, "id")
    for source, *values in _read(connection, BENCHMARK_RUNS, ("id", *_names(runs))):
        row = _clean(runs, values, redactor)
        if row is None:
            continue
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        connection.execute(
            f"INSERT INTO benchmark_runs ({names}) VALUES ({marks}) ON CONFLICT (ref) DO NOTHING",
            tuple(row.values()),
        )
        connection.execute(
            f"UPDATE benchmark_runs SET {', '.join(f'{name} = ?' for name in _ENDED)} "
            "WHERE ref = ? AND status = 'running'",
            (*(row[name] for name in _ENDED), row["ref"]),
        )
        (target,) = connection.execute(
            "SELECT id FROM benchmark_runs WHERE ref = ?", (row["ref"],)
        ).fetchone()
        for table in (BENCHMARK_MEASUREMENTS, BENCHMARK_IMAGES):
            _copy_rows(connection, table, (source, target), redactor)


def _copy_rows(
    connection: sqlite3.Connection,
    table: Table,
    run: tuple[int, int],
    redactor: redact.Redactor,
) -> None:
    columns = _columns(table, "run_id")
    names = _names(columns)
    rows = [
        (run[1], *row.values())
        for values in _read(connection, table, names, "WHERE run_id = ?", (run[0],))
        if (row := _clean(columns, values, redactor)) is not None
    ]
    marks = ", ".join("?" * (len(names) + 1))
    connection.executemany(
        f"INSERT OR IGNORE INTO {table.name} (run_id, {', '.join(names)}) VALUES ({marks})", rows
    )


def _read(
    connection: sqlite3.Connection,
    table: Table,
    names: tuple[str, ...],
    where: str = "",
    values: tuple[Any, ...] = (),
) -> list[Any]:
    return connection.execute(
        f"SELECT {', '.join(names)} FROM {_SCHEMA}.{table.name} {where}", values
    ).fetchall()


def _columns(table: Table, but: str) -> tuple[Column, ...]:
    return tuple(column for column in table.columns if column.name != but)


def _names(columns: tuple[Column, ...]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


def _clean(
    columns: tuple[Column, ...], values: list[Any], redactor: redact.Redactor
) -> dict[str, Any] | None:
    """The row with its texts masked; None where a value that must be there is of another kind."""
    row: dict[str, Any] = {}
    for column, value in zip(columns, values, strict=True):
        if column.sql.startswith("TEXT"):
            found: Any = redactor.text(value) if isinstance(value, str) else None
        elif column.sql.startswith("INTEGER"):
            found = value if isinstance(value, int) else None
        else:
            found = value if isinstance(value, (int, float)) and math.isfinite(value) else None
        if found is None and "NOT NULL" in column.sql:
            return None
        row[column.name] = found
    return row
