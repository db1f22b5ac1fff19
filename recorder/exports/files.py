"""Writes the history to a file or a folder, in the format that its name tells."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from recorder import database, flat_tables, stored_builds, written_whole
from recorder.errors import BadValueError
from recorder.exports import (
    build_times,
    history_lines,
    history_tables,
    parquet,
    snapshot,
    workbook,
)
from recorder.selection import ALL, Selection

FORMATS = ("json", "csv", "xlsx", "parquet", "ndjson", "sqlite")
SUFFIXES = {
    ".json": "json", ".csv": "csv", ".xlsx": "xlsx", ".parquet": "parquet",
    ".ndjson": "ndjson", ".jsonl": "ndjson",
    ".db": "sqlite", ".sqlite": "sqlite", ".sqlite3": "sqlite",
}  # fmt: skip
STDOUT = Path("-")
_TABLES = frozenset({"csv", "parquet"})
_TEXTS = frozenset({"json", "csv", "ndjson"})
_TELL_EVERY = 500

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Wish:
    """What to write: the format (by the target's suffix if none), which builds, and how.

    `layout` is that of the JSON for older tools, `by_month` parts Parquet.
    """

    style: str | None = None
    layout: str = "averages"
    selection: Selection = ALL
    by_month: bool = False


def export(source: Path, target: Path, wish: Wish, progress: Progress | None = None) -> int:
    """Write the history in the database `source` to `target`; gives how many builds.

    A `.csv` or `.parquet` file holds the builds alone; a folder holds all tables, a file each.
    What is written takes its place when it is whole; a failed export leaves what was there.
    Raises BadValueError for a format that cannot be told or written there, CannotWriteError,
    MissingExtraError, or a DatabaseError.
    """
    style = _style(target, wish)
    is_folder = style in _TABLES and _is_folder(target, wish)
    with database.connect_to_read(source) as connection, database.snapshot(connection):
        total = stored_builds.count(connection, wish.selection)
        count = _counter(progress, total)
        if style == "sqlite":
            snapshot.snapshot(source, target, wish.selection)
        elif is_folder and style == "csv":
            with written_whole.folder(target, may_hold=history_tables.NAMES) as folder:
                history_tables.write_all(connection, folder, wish.selection, count)
        elif is_folder:
            with written_whole.folder(target, may_hold=parquet.NAMES) as folder:
                parquet.write_all(connection, folder, wish.selection, count, by_month=wish.by_month)
        elif style in _TEXTS:
            with _text(target) as file:
                if style == "json":
                    build_times.write(connection, file, wish.layout, wish.selection, count)
                elif style == "ndjson":
                    history_lines.write(connection, file, wish.selection, count)
                else:
                    table = flat_tables.BUILDS
                    history_tables.write(connection, file, table, wish.selection, count)
        else:
            with written_whole.file(target) as fresh:
                if style == "xlsx":
                    workbook.write(connection, fresh, wish.selection, count)
                else:
                    table = flat_tables.BUILDS
                    parquet.write(connection, fresh, table, wish.selection, count)
    if progress:
        progress(total, total)
    return total


def _style(target: Path, wish: Wish) -> str:
    """The format to write; raises BadValueError when there is none, or not at this target."""
    style = wish.style or SUFFIXES.get(target.suffix.lower())
    if style is None:
        style = "csv" if target.is_dir() else "json" if target == STDOUT else None
    if style is None:
        raise BadValueError(
            f"the format of {target} cannot be told by its name",
            f"name it with {', '.join(SUFFIXES)}, or say --format",
        )
    if target == STDOUT and style not in _TEXTS:
        raise BadValueError(f"{style} cannot be written to stdout", "name a file")
    if wish.by_month and style != "parquet":
        raise BadValueError("only Parquet is parted by month", "say --format parquet as well")
    if target.is_dir() and style not in {*_TABLES, "sqlite"}:
        raise BadValueError(f"{target} is a folder", f"name a file in it for {style}")
    return style


def _is_folder(target: Path, wish: Wish) -> bool:
    """Whether all tables are wanted: the name is that of a folder, or of none of our files."""
    is_named = target == STDOUT or target.suffix.lower() in SUFFIXES
    return target.is_dir() or wish.by_month or not is_named


@contextmanager
def _text(target: Path) -> Iterator[IO[str]]:
    if target == STDOUT:
        yield sys.stdout
        sys.stdout.flush()
    else:
        with (
            written_whole.file(target) as fresh,
            fresh.open("w", encoding="utf-8", newline="") as file,
        ):
            yield file


def _counter(progress: Progress | None, total: int) -> Callable[[int], None]:
    done = told = 0

    def count(more: int) -> None:
        nonlocal done, told
        done += more
        if progress and done - told >= _TELL_EVERY:
            told = done
            progress(min(done, total), total)

    return count
