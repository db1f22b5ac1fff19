"""Reads CSV as `buildrec export` writes it: a folder of tables, or the builds alone."""

import csv
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from recorder import flat_tables, harmless, plain, stored_builds
from recorder.errors import BadValueError, ImportFailedError
from recorder.flat_tables import FlatTable
from recorder.imports import scratch
from recorder.imports.reading import Progress, Reading
from recorder.model import Build, Layer, Lint
from recorder.tables import Column

_NEEDED = frozenset({"image_name", "build_duration", "completed_at"})
_DEFAULTS = {"source": "import", "status": "completed", "timezone": "UTC"}
_LONGEST_CELL = 2**31 - 1
_TYPES: dict[str, Any] = {"INTEGER": int, "REAL": float, "TEXT": harmless.original_cell}
_HANGING = {
    "steps": "build_id",
    "warnings": "build_id",
    "layers": "image_digest",
}
"""Tables of what hangs on builds, and by what."""


def are_at(path: Path) -> bool:
    """Whether this is a folder with our tables, or a CSV file of builds."""
    builds = path / "builds.csv" if path.is_dir() else path
    try:
        with builds.open(encoding="utf-8-sig", newline="") as file:
            return frozenset(next(csv.reader(file), ())) >= _NEEDED
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def files(path: Path) -> list[Path]:
    """The files that are read: of a folder, those of our tables that are there."""
    if path.is_file():
        return [path]
    names = ("builds", *_HANGING)
    return [file for name in names if (file := path / f"{name}.csv").is_file()]


@contextmanager
def read(path: Path, progress: Progress) -> Iterator[Reading]:
    """The builds in the CSV at `path`, as long as this is open.

    The rows are put in order in a file aside, for a spreadsheet may have sorted them anew.
    """
    csv.field_size_limit(_LONGEST_CELL)
    with (
        scratch.folder() as folder,
        closing(sqlite3.connect(folder / "rows.db", isolation_level=None)) as staging,
    ):
        reading = Reading("CSV, tables of builds" if path.is_dir() else "CSV, builds alone")
        staging.execute("PRAGMA synchronous = OFF")  # a scratch file
        staging.execute("BEGIN")
        for file in files(path):
            name = "builds" if path.is_file() else file.stem
            table = next(table for table in flat_tables.TABLES if table.name == name)
            _stage(staging, table, file, reading)
        for name, key in _HANGING.items():
            if name in _staged(staging):
                staging.execute(f"CREATE INDEX {name}_by_build ON {name} ({key}, position)")
        reading.stream = _builds(staging, reading, progress)
        yield reading


def _stage(staging: sqlite3.Connection, table: FlatTable, file: Path, reading: Reading) -> None:
    """Put the rows of a file into a table of the same name, each value of its column's type."""
    staging.execute(f"CREATE TABLE {table.name} (row, {', '.join(table.names)})")
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text)
            head = next(reader, [])
            there = [column for column in table.columns if column.name in head]
            kinds = [
                (head.index(c.name), _TYPES[c.sql.split()[0]], _empty(table, c)) for c in there
            ]
            if not there:
                return
            where = "" if table is flat_tables.BUILDS else f"{file.name}: "
            staging.executemany(
                f"INSERT INTO {table.name} (row, {', '.join(c.name for c in there)}) "
                f"VALUES ({', '.join('?' * (1 + len(there)))})",
                _values(reader, len(head), kinds, where, reading),
            )
    except (csv.Error, UnicodeDecodeError) as error:
        raise ImportFailedError(
            f"{file.name} is no CSV ({error})", "export it again as UTF-8"
        ) from error


def _empty(table: FlatTable, column: Column) -> str | None:
    """What an empty cell stands for: a text that each part has is empty, anything else is none."""
    return "" if table is not flat_tables.BUILDS and "TEXT NOT NULL" in column.sql else None


def _values(
    rows: Iterable[list[str]],
    width: int,
    kinds: list[tuple[int, Any, str | None]],
    where: str,
    reading: Reading,
) -> Iterator[list[Any]]:
    """Each row's number and values, empty cells as told; one of another type rejects its row."""
    for number, cells in enumerate(rows, 1):
        row = cells if len(cells) >= width else cells + [""] * (width - len(cells))
        try:
            values = [
                empty if (cell := row[place]) == "" else kind(cell) for place, kind, empty in kinds
            ]
        except (ValueError, OverflowError) as error:
            reading.rejected.append((number, f"{where}{error}"))
        else:
            yield [number, *values]


def _builds(
    staging: sqlite3.Connection, reading: Reading, progress: Progress
) -> Iterator[tuple[int, Build]]:
    (total,) = staging.execute("SELECT count(*) FROM builds").fetchone()
    cursor = staging.execute("SELECT * FROM builds ORDER BY completed_at, row")
    names = [column[0] for column in cursor.description]
    hanging = _Hanging(staging)
    for done, values in enumerate(cursor, 1):
        if done % 100 == 0:
            progress(done, total)
        row = dict(zip(names, values, strict=True))
        row = {name: row[name] if row[name] is not None else _DEFAULTS.get(name) for name in row}
        try:
            yield row["row"], plain.checked(hanging.build(row))
        except BadValueError as error:
            reading.rejected.append((row["row"], error.problem))


def _staged(staging: sqlite3.Connection) -> set[str]:
    return {row[0] for row in staging.execute("SELECT name FROM sqlite_master")}


class _Hanging:
    """Finds what hangs on a build, by the number that it has in these files."""

    def __init__(self, staging: sqlite3.Connection) -> None:
        self._staging = staging
        self._there = _staged(staging)

    def build(self, row: dict[str, Any]) -> Build:
        try:
            return stored_builds.of_row(
                row,
                tuple(map(stored_builds.step_of, self._of("steps", stored_builds.STEP, row["id"]))),
                tuple(
                    Layer(*v) for v in self._of("layers", stored_builds.LAYER, row["image_digest"])
                ),
                tuple(Lint(*v) for v in self._of("warnings", stored_builds.LINT, row["id"])),
            )
        except TypeError as error:
            raise BadValueError(f"it is no build ({error})", "see the file") from error

    def _of(self, table: str, columns: str, key: Any) -> list[tuple[Any, ...]]:
        if key is None or table not in self._there:
            return []
        return self._staging.execute(
            f"SELECT {columns} FROM {table} WHERE {_HANGING[table]} = ? ORDER BY position", (key,)
        ).fetchall()
