"""Saves what can be read of a damaged history in a new and sound one."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from recorder import database, rebuilt_tables, schema
from recorder.errors import CannotWriteError, DamagedDatabaseError, DatabaseMissingError
from recorder.tables import Table
from recorder.upkeep import aside, copying, doctor, indexed
from recorder.upkeep.reading import Damaged

_DERIVED = {"build_statistics", "build_totals", "build_days", "live_builds"}


@dataclass(frozen=True)
class Salvaged:
    """How many builds were saved whole, and of how many only what the indexes tell."""

    builds: int
    partly: int = 0


def salvage(path: Path, target: Path) -> Salvaged:
    """Copy every row that can be read from the history at `path` into the new file `target`.

    Rows keep their ids. Of a build whose row is lost the indexes tell the ref, the image, when it
    ended, how long it took and whether it succeeded. A step whose name is lost keeps its times.
    Statistics are derived again.
    The damaged file is only read. Raises CannotWriteError or a DatabaseError.
    """
    if not path.is_file():
        raise DatabaseMissingError(f"there is no database at {path}", "name the damaged file")
    if target.exists():
        raise CannotWriteError(f"{target} is there already", "name a new file")
    with aside.folder(target.absolute().parent) as folder:
        fresh = folder / "saved.db"
        with (
            database.connect(fresh) as saved,
            database.translated(path),
            closing(database.open_to_read(path)) as damaged,
        ):
            damaged.text_factory = lambda content: content.decode("utf-8", "replace")
            damaged.execute("PRAGMA cell_size_check = ON")
            _refuse_without_tables(damaged, path)
            version = database.version_of(damaged, path)
            done = _copy_all(damaged, saved, version < rebuilt_tables.SINCE)
            doctor.mend_rows(saved)
            saved.execute("PRAGMA journal_mode = DELETE")
        copying.verify(fresh, target)
        aside.keep(fresh, target, like=path)
    return done


def _refuse_without_tables(damaged: sqlite3.Connection, path: Path) -> None:
    try:
        database.version_of(damaged, path)
    except sqlite3.DatabaseError as error:
        raise DamagedDatabaseError(
            f"{path} is damaged where it lists its tables, and nothing of it can be read",
            "restore a backup",
        ) from error


def _copy_all(damaged: sqlite3.Connection, saved: sqlite3.Connection, older: bool) -> Salvaged:
    saved.execute("PRAGMA foreign_keys = OFF")
    with database.transaction(saved):
        _copy(damaged, saved, schema.DOCKER_BUILDS, older)
        builds = _count(saved)
        indexed.complete(damaged, saved)
        for table in schema.TABLES:
            if table is not schema.DOCKER_BUILDS and table.name not in _DERIVED:
                _copy(damaged, saved, table, older)
        return Salvaged(builds, _count(saved) - builds)


def _copy(
    damaged: sqlite3.Connection, saved: sqlite3.Connection, table: Table, older: bool
) -> None:
    source = table
    if older and table is schema.STEP_ERRORS:
        source = rebuilt_tables.before(schema.BUILD_STEPS)
    there = {row[1] for row in damaged.execute(f"PRAGMA table_info({source.name})")}
    made = rebuilt_tables.TAKEN_OVER.get(table.name, {}) if older else {}
    columns = {n: made.get(n, n) for n in table.stored if n in there or n in made}
    if not columns:
        return
    insert = (
        f"INSERT OR IGNORE INTO {table.name} ({', '.join(columns)}) "
        f"VALUES ({', '.join('?' * len(columns))})"
    )
    images = saved.execute("SELECT DISTINCT image_name FROM docker_builds").fetchall()
    rows = Damaged(damaged, source, list(columns.values())).rows(row[0] for row in images)
    # What was made of a damaged page may break a rule of the table, and is ignored.
    saved.executemany(insert, rows)


def _count(saved: sqlite3.Connection) -> int:
    return int(saved.execute("SELECT count(*) FROM docker_builds").fetchone()[0])
