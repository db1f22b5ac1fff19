"""Finds and opens the one database file, and turns SQLite's errors into sentences with a cure."""

import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from recorder import migrations, schema
from recorder.errors import (
    DatabaseError,
    DatabaseLockedError,
    DatabaseMissingError,
    DatabaseReadOnlyError,
    DiskFullError,
    NewerDatabaseError,
    NotADatabaseError,
)

FILE_NAME = "docker_build_history.db"
TIMEOUT = 30.0
"""Seconds to wait for another writer."""

_LOG = logging.getLogger("recorder.database")


def find(
    asked: str | os.PathLike[str] | None = None, environ: Mapping[str, str] = os.environ
) -> Path:
    """The database to use: `asked`, else `BUILDREC_DB`, else the nearest one here or in a parent.

    Without any, the place where a new one belongs: this folder.
    """
    given = asked or environ.get("BUILDREC_DB")
    if given:
        return Path(given).expanduser().absolute()
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise DatabaseMissingError(
            "the folder that this runs in is gone", "go to another, or name a database with --db"
        ) from None
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return here / FILE_NAME


@contextmanager
def connect(path: Path, timeout: float = TIMEOUT) -> Iterator[sqlite3.Connection]:
    """A connection for writing; makes the file, or brings its tables to the present version.

    `timeout` is how many seconds to wait for another writer. The connection is in autocommit
    mode: use `transaction`. Raises a DatabaseError that tells what is wrong with the file.
    """
    with translated(path), closing(_open(path, timeout)) as connection:
        yield connection


@contextmanager
def connect_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write, to a file that exists; rows are `sqlite3.Row`."""
    if not path.is_file():
        raise DatabaseMissingError(
            f"there is no database at {path}",
            "record a build first, or name one with --db or BUILDREC_DB",
        )
    with translated(path):
        connection = sqlite3.connect(
            _reading(path), uri=True, timeout=TIMEOUT, isolation_level=None
        )
        with closing(connection):
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = ON")
            version = _check(connection, path)
            if version != schema.VERSION:
                raise NotADatabaseError(
                    f"{path} is not a build history", "name the right file with --db"
                )
            yield connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction that takes the write lock at once.

    A deferred one that read first would fail the moment another writer is at work, whatever the
    timeout (SQLite, "WAL mode: SQLITE_BUSY_SNAPSHOT").
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise SQLite's errors about the file at `path` as DatabaseErrors with a cure."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, path) from error


def explain(error: sqlite3.Error, path: Path) -> DatabaseError:
    """What SQLite's `error` about the file at `path` means, and its cure."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseLockedError(
            f"{path} is locked by another program", "wait for it to end, then record again"
        )
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path)):
        return DiskFullError(
            f"no room on the disk for {path}", "free some space, then record again"
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return _cannot_open(path)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT):
        return NotADatabaseError(
            f"{path} is damaged or not a SQLite database",
            "move it away, or name another file with --db",
        )
    return DatabaseError(f"{path} failed with {error}", "run with -v to see where")


def uri(path: Path, **parameters: str) -> str:
    """The file's URI for SQLite with these `parameters`, such as `mode="ro"`."""
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"file:{quote(str(path))}?{query}"


def _cannot_open(path: Path) -> DatabaseError:
    if path.is_dir():
        return NotADatabaseError(f"{path} is a folder", "name a file with --db")
    if not path.parent.is_dir():
        return DatabaseReadOnlyError(
            f"the folder {path.parent} does not exist", "make it, or name another with --db"
        )
    return DatabaseReadOnlyError(
        f"{path} cannot be written", "change its permissions, or name another file with --db"
    )


def _reading(path: Path) -> str:
    """How to open the file to read it.

    Not mode=ro, as a reader of a WAL file must be able to make the -shm file beside it; where the
    folder does not let it, nobody else writes there either, and the file is as good as immutable.
    """
    alone = not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()
    return uri(path, immutable="1") if alone else uri(path, mode="rw")


def _open(path: Path, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    try:
        if _check(connection, path) != schema.VERSION:
            _prepare(connection, path, timeout)
        # Each commit reaches the disk before we say that a build is recorded.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> int:
    """The file's schema version; raises when the file is from a newer version or not ours."""
    # In this order: whoever sees our tables then sees our mark, which came with them.
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if application != schema.APPLICATION_ID:
        if not tables:
            return 0
        if "docker_builds" in tables:
            raise NotADatabaseError(
                f"{path} was written by an older tool",
                "rename it, for instance to older.db, then run `buildrec import older.db`",
            )
        raise NotADatabaseError(
            f"{path} is the database of another program", "name another file with --db"
        )
    if version > schema.VERSION:
        raise NewerDatabaseError(
            f"{path} was written by a newer buildrec (schema {version}, this one knows "
            f"{schema.VERSION})",
            "upgrade with `pip install --upgrade buildrec`",
        )
    return version


def _prepare(connection: sqlite3.Connection, path: Path, timeout: float) -> None:
    """Switch the file to WAL and make or upgrade its tables, beside others who do the same."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            # SQLite does not wait here: two openers that upgrade their locks would deadlock.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    with transaction(connection):
        if _check(connection, path) != schema.VERSION:
            _LOG.info("bringing %s to schema %d", path, schema.VERSION)
            migrations.upgrade(connection)


def _is_full(path: Path) -> bool:
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < 1 << 20
