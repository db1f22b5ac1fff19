"""Tells where a file is damaged: which tables, and what SQLite says of them."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from recorder.upkeep.findings import FIX, Finding

_INDEX = re.compile(r"missing from index|wrong # of entries in index")
_MOST = 3
"""How many lines SQLite may say of one table."""


def examine(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    """Every table and index that SQLite's own check finds fault with."""
    if not _lines(connection, ""):
        return
    named = False
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
        for line in _lines(connection, f"'{table}'"):
            named = True
            mended = FIX if _INDEX.search(line) else cure(path)
            yield Finding("integrity", f"{table} is damaged: {line}", mended)
    if not named:
        for line in _lines(connection, ""):
            yield Finding("integrity", f"the file is damaged: {line}", cure(path))


def only_indexes(connection: sqlite3.Connection) -> bool:
    """Whether something is wrong, and with nothing but indexes, which can be made anew."""
    lines = _lines(connection, "")
    return bool(lines) and all(_INDEX.search(line) for line in lines)


def cure(path: Path) -> str:
    """What to do with a damaged file."""
    return (
        f"restore a backup, or save what can be read with `buildrec --db {path} doctor --salvage "
        f"saved.db` and then `buildrec --db {path} restore saved.db`"
    )


def _lines(connection: sqlite3.Connection, what: str) -> list[str]:
    """What SQLite's check says of a table with its indexes, or of the whole file; none when well.

    The check itself fails at some pages.
    """
    argument = what or _MOST
    lines: list[str] = []
    try:
        for (text,) in connection.execute(f"PRAGMA integrity_check({argument})"):
            lines += (line for line in text.splitlines() if line != "ok" and "***" not in line)
            if len(lines) >= _MOST:
                break
    except sqlite3.DatabaseError as error:
        lines.append(str(error))
    return lines[:_MOST]
