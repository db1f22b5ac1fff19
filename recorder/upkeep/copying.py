"""Copies a history as it is at one moment, and vouches for the copy."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from recorder import database, schema
from recorder.errors import DamagedDatabaseError

Progress = Callable[[int, int], None]
"""Is told how many pages are done, and of how many."""
_STEPS = 100


def snapshot(path: Path, target: Path, progress: Progress | None = None) -> dict[str, int]:
    """Copy the history at `path` into the new file `target`; gives the rows of each table.

    One read transaction, so that the copy is of one moment whoever writes meanwhile; nobody waits
    for it. The copy is one file without a WAL, checked page by page and counted.
    Raises DamagedDatabaseError when it is not sound, or another DatabaseError.
    """
    with database.connect_to_copy(path) as source:
        source.execute("BEGIN")
        expected = counts(source)
        with database.translated(target), closing(_blank(target)) as copy:
            copy_pages(source, copy, progress)
            copy.execute("PRAGMA journal_mode = DELETE")
    found = verify(target, path)
    if found != expected:
        raise DamagedDatabaseError(
            f"the copy of {path} has {found} rows instead of {expected}", "try again"
        )
    return found


def copy_pages(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    progress: Progress | None = None,
    waiting: Callable[[], None] | None = None,
) -> None:
    """Copy all pages from one connection to another, in one transaction of the target.

    From the first call of `progress` to the last nobody else writes the target; `waiting` is
    called while another does. Either may raise an error to end it; then the target is as it was.
    """
    pages = source.execute("PRAGMA page_count").fetchone()[0]

    def told(status: int, remaining: int, total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            if waiting:
                waiting()
        elif progress:
            progress(total - remaining, total)

    source.backup(target, pages=max(1, pages // _STEPS), progress=told, sleep=0.05)


def verify(path: Path, named: Path | None = None) -> dict[str, int]:
    """Check that the file at `path`, which nobody writes, is a sound history; gives its counts.

    `named` is what errors call it. Raises NotADatabaseError, NewerDatabaseError or
    DamagedDatabaseError.
    """
    named = named or path
    with database.translated(named), closing(_quiet(path)) as connection:
        database.version_of(connection, named)
        problem = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if problem != "ok":
            raise damaged(named, problem)
        return counts(connection)


def damaged(path: Path, problem: str) -> DamagedDatabaseError:
    """The error that says what SQLite's check has found in the file."""
    return DamagedDatabaseError(
        f"{path} is damaged ({' '.join(problem.split())})",
        f"save what can be read with `buildrec --db {path} doctor --salvage saved.db`",
    )


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """How many rows each table of ours holds; a file of an earlier version lacks some."""
    there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    return {
        table.name: connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]
        for table in schema.TABLES
        if table.name in there
    }


def _blank(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    # It gets its name only when it is whole and on the disk: until then nothing need be kept.
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = OFF")
    return connection


def _quiet(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(database.uri(path, immutable="1"), uri=True, isolation_level=None)
