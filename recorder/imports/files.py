"""Takes a file in: tells its form, stores the builds that are new, and reports on every row."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from recorder import database, store, times
from recorder.errors import ImportFailedError
from recorder.imports import (
    dockerbuild,
    history_lines,
    history_tables,
    layout,
    legacy_json,
    other_history,
    scratch,
)
from recorder.imports.reading import Progress, Reading, silent

_SQLITE = b"SQLite format 3\0"
_KNOWN = (
    "name a file that `buildrec export` wrote, a .dockerbuild, a docker_build_history.db, "
    "or a JSON or SQLite file of an older tool"
)


@dataclass(frozen=True)
class Report:
    """What became of a file: builds that are new, builds known already, rows not understood."""

    name: str
    form: str
    new: int
    known: int
    rejected: tuple[tuple[int, str], ...]
    remarks: tuple[str, ...]


def take_in(target: Path, path: Path, zone: str, progress: Progress = silent) -> Report:
    """Store the builds of the file or folder at `path` in the database `target`.

    All of it in one transaction; taking a file in again adds nothing. A build is known by its ref,
    one without a ref by its image, its time and its duration; what its row lacks is filled in.
    `zone` is that of times that name none. Raises ImportFailedError when the file cannot be read or
    is of no known form, a DatabaseError for the target; then nothing was written.
    """
    _refuse_itself(target, path)
    digest = _digest(path)
    with (
        _opened(path, zone, progress) as reading,
        database.connect(target) as connection,
        reading.beside(connection),
        store.writing(connection) as writer,
    ):
        tally = reading.pour(connection, writer, progress)
        _remember(connection, digest, path.name, reading, tally)
    rejected = tuple(sorted(reading.rejected))
    return Report(path.name, reading.form, tally.new, tally.known, rejected, tuple(reading.remarks))


@contextmanager
def rehearsal(target: Path) -> Iterator[Path]:
    """A consistent copy of the database `target`, to try on what `take_in` would do."""
    with scratch.folder() as folder:
        copy = folder / database.FILE_NAME
        if target.is_file():
            with (
                database.connect_to_copy(target) as source,
                closing(sqlite3.connect(copy)) as fresh,
            ):
                source.backup(fresh)
        yield copy


@contextmanager
def _opened(path: Path, zone: str, progress: Progress) -> Iterator[Reading]:
    """What the file at `path` holds, read by the form that its content tells."""
    with _explained(path):
        if history_tables.are_at(path):
            with history_tables.read(path, progress) as reading:
                yield reading
        elif path.is_dir():
            raise ImportFailedError(
                "it is a folder without a builds.csv of ours", "name the files in it"
            )
        elif _start(path) == _SQLITE:
            with other_history.read(path, zone) as reading:
                yield reading
        else:
            yield read(path, zone, progress)


def read(path: Path, zone: str, progress: Progress = silent) -> Reading:
    """The builds in a file that is no database and no CSV, by the form that its content tells.

    Raises ImportFailedError when it cannot be read or is of no known form.
    """
    with _explained(path):
        if _start(path).startswith(layout.GZIP):
            return dockerbuild.read(path, zone)
        if history_lines.are_at(path):
            return history_lines.read(path, progress)
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return legacy_json.read(path.read_text(encoding="utf-8-sig"), written, zone)


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ImportFailedError(f"{path} cannot be read ({error.strerror})", _KNOWN) from error
    except UnicodeDecodeError as error:
        raise ImportFailedError(f"{path} is of no form that is known", _KNOWN) from error
    except ImportFailedError as error:
        if error.problem.startswith(str(path)):
            raise
        raise ImportFailedError(f"{path} was not taken in: {error.problem}", error.cure) from error


def _refuse_itself(target: Path, path: Path) -> None:
    if target.exists() and path.exists() and target.samefile(path):
        raise ImportFailedError(
            f"{path} is the history itself", "name another file, or another history with --db"
        )


def _digest(path: Path) -> str:
    """SHA-256 of the content that is read; empty where nothing can be."""
    digest = hashlib.sha256()
    for file in history_tables.files(path) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _remember(
    connection: sqlite3.Connection, digest: str, name: str, reading: Reading, tally: store.Tally
) -> None:
    connection.execute(
        "INSERT INTO imported_files "
        "(sha256, name, format, rows_in, rows_known, rows_rejected, imported_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
        (digest, name, reading.form, tally.new, tally.known, len(reading.rejected),
         times.utc_text(times.now())),
    )  # fmt: skip
