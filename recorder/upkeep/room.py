"""How much room a history takes, and how it is given back to the disk."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

_LOG = logging.getLogger("recorder.upkeep")
_PAGES = 250
_INCREMENTAL = 2  # the number of SQLite's PRAGMA auto_vacuum
_LONGEST_REST = 0.2


def used(connection: sqlite3.Connection) -> int:
    """Bytes of the pages that hold something."""
    pages, free, size = _pages(connection)
    return (pages - free) * size


def whole(connection: sqlite3.Connection) -> int:
    """Bytes of all pages."""
    pages, _, size = _pages(connection)
    return pages * size


@contextmanager
def polite() -> Iterator[None]:
    """Rest after a piece of work as long as it took: who waits for the lock polls for it."""
    begun = monotonic()
    yield
    sleep(min(monotonic() - begun, _LONGEST_REST))


def give_back(connection: sqlite3.Connection) -> None:
    """Give free pages back to the disk, some at a time, so that nobody waits for long.

    A file that was made before it could do so is rewritten whole, once. Not to have been able to is
    no error: the pages are filled by the next builds.
    """
    try:
        if connection.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL:
            _shorten(connection)
        elif _pages(connection)[1]:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        _LOG.warning("the file keeps its free pages for the next builds: %s", error)


def _shorten(connection: sqlite3.Connection) -> None:
    free = _pages(connection)[1]
    while free:
        with polite():
            connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
        before, free = free, _pages(connection)[1]
        if free >= before:  # somebody else frees pages faster than we can
            return


def _pages(connection: sqlite3.Connection) -> tuple[int, int, int]:
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return pages, free, size
