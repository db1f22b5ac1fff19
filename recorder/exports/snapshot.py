"""Copies the history into one file of its own, such as a Docker context takes."""

import sqlite3
from contextlib import closing
from pathlib import Path

from recorder import database, store, stored_builds, written_whole
from recorder.errors import CannotWriteError
from recorder.selection import ALL, Selection

_BESIDE = ("-wal", "-shm", "-journal")
_WRITE_VERSION, _WAL_MODE = 18, 2  # SQLite, "Database File Format"


def snapshot(source: Path, target: Path, selection: Selection = ALL) -> Path:
    """Copy the history in the database `source` to `target`, consistent whoever writes meanwhile.

    `target` is a file, or a folder, where it gets its usual name: there a Dockerfile's
    `COPY docker_build_history.db* ./` finds it. The copy is one file without a write-ahead log,
    and as small as can be. A file that is there is replaced, unless it is a history that somebody
    records into. Gives the path. Raises CannotWriteError or a DatabaseError.
    """
    if target.is_dir():
        target = target / database.FILE_NAME
    _refuse_live(source, target)
    with written_whole.file(target) as fresh:
        if selection.is_all:
            with database.connect_to_copy(source) as connection:
                connection.execute("PRAGMA query_only = OFF")  # which forbids this copy, too
                connection.execute("VACUUM INTO ?", (str(fresh),))
        else:
            _copy_part(source, fresh, selection)
        for suffix in _BESIDE:  # of the file that is replaced: SQLite would apply it to the new one
            Path(f"{target}{suffix}").unlink(missing_ok=True)
    return target


def _copy_part(source: Path, fresh: Path, selection: Selection) -> None:
    with (
        database.connect_to_read(source) as connection,
        database.snapshot(connection),
        database.connect(fresh) as copy,
    ):
        store.record_all(copy, stored_builds.read(connection, selection))
    with closing(sqlite3.connect(fresh)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")


def _refuse_live(source: Path, target: Path) -> None:
    if not target.is_file():
        return
    if source.is_file() and target.samefile(source):
        raise CannotWriteError(f"{target} is the history itself", "name another file")
    with target.open("rb") as file:
        head = file.read(_WRITE_VERSION + 1)
    if head.startswith(b"SQLite format 3") and head[_WRITE_VERSION:] == bytes([_WAL_MODE]):
        raise CannotWriteError(
            f"{target} is no copy, but a history that is recorded into",
            f"take it in with `buildrec import {target}`, then move it away",
        )
