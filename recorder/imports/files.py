"""Takes a file in: tells its form, stores the builds that are new, and reports on every row."""

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from recorder import database, store, times
from recorder.errors import ImportFailedError
from recorder.imports import dockerbuild, layout, legacy_json, older_database
from recorder.imports.reading import Reading
from recorder.model import Build

_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True)
class Report:
    """What became of a file: builds that are new, builds known already, rows not understood."""

    name: str
    form: str
    new: int
    known: int
    rejected: tuple[tuple[int, str], ...]
    remarks: tuple[str, ...]


def read(path: Path, zone: str) -> Reading:
    """The builds in the file at `path`, whose form is told by its content.

    Raises ImportFailedError when the file cannot be read or is of no known form.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
        if start == _SQLITE:
            return older_database.read(path, zone)
        if start.startswith(layout.GZIP):
            return dockerbuild.read(path, zone)
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return legacy_json.read(path.read_text(encoding="utf-8-sig"), written, zone)
    except (OSError, UnicodeDecodeError) as error:
        raise ImportFailedError(
            f"{path} cannot be read ({error})",
            "name a .dockerbuild file, or a JSON or SQLite file of an older tool",
        ) from error
    except ImportFailedError as error:
        raise ImportFailedError(f"{path} was not taken in: {error.problem}", error.cure) from error


def take_in(target: Path, path: Path, zone: str) -> Report:
    """Store the builds of the file at `path` in the database `target`, in one transaction.

    Taking a file in again adds nothing: a build without a ref is known by its image, its time and
    its duration.
    """
    reading = read(path, zone)
    reading.builds.sort(key=lambda build: build.completed_at)  # cache hits save what ran before
    with database.connect(target) as connection:
        new = store.record_all(connection, _unknown(connection, reading.builds)).new
        known = len(reading.builds) - new
        _remember(connection, path, reading, new, known)
    return Report(
        path.name, reading.form, new, known, tuple(reading.rejected), tuple(reading.remarks)
    )


def _unknown(connection: sqlite3.Connection, builds: list[Build]) -> Iterator[Build]:
    """Those of `builds` that the database does not hold; as many of equal ones as it lacks.

    A build with a ref is left to the store, which knows it by that.
    """
    held: dict[tuple[str, str, float], int] = {}
    for build in builds:
        key = (build.image_name, times.utc_text(build.completed_at), build.build_duration)
        if key not in held:
            held[key] = connection.execute(
                "SELECT count(*) FROM docker_builds "
                "WHERE image_name = ? AND completed_at = ? AND build_duration = ?",
                key,
            ).fetchone()[0]
        if build.ref is None and held[key]:
            held[key] -= 1
        else:
            yield build


def _remember(
    connection: sqlite3.Connection, path: Path, reading: Reading, new: int, known: int
) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with database.transaction(connection):
        connection.execute(
            "INSERT INTO imported_files "
            "(sha256, name, format, rows_in, rows_known, rows_rejected, imported_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
            (digest, path.name, reading.form, new, known, len(reading.rejected),
             times.utc_text(times.now())),
        )  # fmt: skip
