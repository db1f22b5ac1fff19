"""Finds what an older tracker has left in a project's folder."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from recorder import database, older_tools, schema
from recorder.imports import untouched

_PLACES = ("src", "data")
_NAMES = frozenset({
    older_tools.FILE_NAME,
    database.FILE_NAME,
    "docker_build_history.sqlite",
    "docker_build_history.sqlite3",
    "docker_build_times.sqlite3",
    "docker_build_times.sqlite",
    "docker_build_times.db",
})  # fmt: skip
_NOT_OURS = frozenset({"node_modules", "__pycache__", "venv"})
_BESIDE = ("", "-wal", "-shm", "-journal")


def find(folder: Path, history: Path) -> list[Path]:
    """The files of older trackers in `folder` and below its `src` and `data`.

    The database `history`, into which they are to be taken, is none of them.
    """
    found = [folder / name for name in sorted(_NAMES)]
    for place in _PLACES:
        found += _below(folder / place)
    return [path for path in found if path.is_file() and not _same(path, history)]


def set_aside(history: Path) -> Path | None:
    """Rename the predecessor's database where ours is to be; gives its new name.

    None where there is no such database: nothing, ours, or somebody else's.
    """
    if not history.is_file() or not _is_older(history):
        return None
    number, kept = 1, history.with_suffix(f".older{history.suffix}")
    while kept.exists():
        number += 1
        kept = history.with_suffix(f".older-{number}{history.suffix}")
    for suffix in _BESIDE:
        part = Path(f"{history}{suffix}")
        if part.exists():
            part.rename(f"{kept}{suffix}")
    return kept


def _is_older(path: Path) -> bool:
    try:
        with untouched.connect(path) as connection:
            mark = connection.execute("PRAGMA application_id").fetchone()[0]
            columns = connection.execute("PRAGMA table_info(docker_builds)").fetchall()
    except sqlite3.Error:
        return False
    return mark != schema.APPLICATION_ID and bool(columns)


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name not in _NOT_OURS
        )
        for name in sorted(_NAMES.intersection(files)):
            yield Path(place, name)


def _same(path: Path, other: Path) -> bool:
    return other.exists() and path.samefile(other)
