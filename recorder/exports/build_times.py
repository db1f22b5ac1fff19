"""Writes `docker_build_times.json` for older tools."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import IO

from recorder import database, older_tools, stored_builds, written_whole
from recorder.selection import ALL, Selection


def export(source: Path, target: Path, layout: str = "averages") -> int:
    """Write the history in the database `source` to the file `target`; gives how many builds.

    The file is written aside and renamed into place, so that no reader finds half of it. Raises
    CannotWriteError.
    """
    with (
        database.connect_to_read(source) as connection,
        database.snapshot(connection),
        written_whole.file(target) as fresh,
        fresh.open("w", encoding="utf-8") as file,
    ):
        write(connection, file, layout, ALL, _nobody)
        return stored_builds.count(connection)


def write(
    connection: sqlite3.Connection,
    file: IO[str],
    layout: str,
    selection: Selection,
    progress: Callable[[int], None],
) -> None:
    """Write the document in `layout` to a file that is open; `progress` is told of builds done."""
    for piece in older_tools.chunks(connection, layout, selection):
        file.write(piece)
        progress(piece.count("\n"))


def _nobody(done: int) -> None:
    """Tells nobody."""
