"""Reads the database of somebody else without leaving a trace of it, whatever state it is in."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from recorder import database
from recorder.errors import ImportFailedError
from recorder.imports import scratch

_WAL_MODE = b"\2"  # SQLite, "Database File Format", the file's write version
_WRITE_VERSION = 18


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads the database at `path`, its write-ahead log included.

    Nothing is written beside it. Raises ImportFailedError where it was written to meanwhile and
    nothing could tell us, sqlite3.Error for what cannot be read.
    """
    log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
    with path.open("rb") as file:
        head = file.read(_WRITE_VERSION + 1)
    is_log = log.exists() and log.stat().st_size > 0
    left_over = (is_log and not index.exists()) or Path(f"{path}-journal").exists()
    if left_over:
        # Its writer has crashed, or it was copied from elsewhere: SQLite must mend it to read it.
        with scratch.folder() as folder:
            yield from _connected(_copied(path, folder), mode="rw")
    elif is_log or head[_WRITE_VERSION:] != _WAL_MODE:
        yield from _connected(path, mode="ro")
    else:
        # Nobody has it open; SQLite would make two files beside it to read it.
        before = _state(path)
        yield from _connected(path, immutable="1")
        if _state(path) != before:
            raise ImportFailedError("it was written to meanwhile", "import it again")


def _connected(path: Path, **how: str) -> Iterator[sqlite3.Connection]:
    uri = database.uri(path.absolute(), **how)
    with closing(sqlite3.connect(uri, uri=True, timeout=database.TIMEOUT)) as connection:
        yield connection


def _copied(path: Path, folder: Path) -> Path:
    for suffix in ("", "-wal", "-journal"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            shutil.copyfile(part, folder / part.name)
    return folder / path.name


def _state(path: Path) -> tuple[int, int, bool]:
    found = path.stat()
    log = Path(f"{path}-wal")
    return found.st_size, found.st_mtime_ns, log.exists() and log.stat().st_size > 0
