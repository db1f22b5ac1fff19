"""Finds and opens the one database file, and turns SQLite's errors into sentences with a cure."""

import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from recorder import schema
from recorder.errors import (
    DamagedDatabaseError,
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
    """A connection that cannot write, to a file that exists; rows are `sqlite3.Row`.

    A file of an earlier version is brought to the present one first.
    """
    with connect_to_copy(path) as connection:
        older = version_of(connection, path) < schema.VERSION
        if not older:
            connection.row_factory = sqlite3.Row
            yield connection
    if older:
        with connect(path):
            _LOG.debug("%s can be read", path)
        with connect_to_read(path) as connection:
            yield connection


@contextmanager
def connect_to_change(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection for writing, as of `connect`, to a history that exists."""
    with connect_to_copy(path):  # says what is wrong with it
        pass
    with connect(path) as connection:
        yield connection


@contextmanager
def connect_to_copy(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write, to a history of this version or an earlier one."""
    if not path.is_file():
        raise DatabaseMissingError(
            f"there is no database at {path}",
            "record a build first, or name one with --db or BUILDREC_DB",
        )
    with translated(path), closing(open_to_read(path)) as connection:
        if not version_of(connection, path):
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
        _refuse_newer(connection)
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """One read transaction: all that is read inside it is of one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


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
    if code == sqlite3.SQLITE_CORRUPT:
        return DamagedDatabaseError(
            f"{path} is damaged",
            "run `buildrec doctor`, which says where and what can be done",
        )
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT):
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


def frozen(path: Path) -> bool:
    """Whether nobody can write the file: its folder cannot be written, and no log lies beside it.

    It can then be opened only as immutable, as no reader can make the -shm file of a WAL file.
    """
    return not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, to whatever file is there; raises sqlite3.Error.

    Not mode=ro, as a reader of a WAL file must be able to make the -shm file beside it.
    """
    how = uri(path, immutable="1") if frozen(path) else uri(path, mode="rw")
    connection = sqlite3.connect(how, uri=True, timeout=TIMEOUT, isolation_level=None)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _open(path: Path, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    try:
        if version_of(connection, path) != schema.VERSION:
            _prepare(connection, path, timeout)
        # Each commit reaches the disk before we say that a build is recorded.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """The file's schema version, 0 of a blank one; raises when it is newer than ours or not ours.

    Raises a DatabaseError, or sqlite3.Error for a file that cannot be read.
    """
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
    _refuse_newer(connection)
    return version


def _refuse_newer(connection: sqlite3.Connection) -> None:
    """Raise when the file's version is newer than ours, as it may become while we are connected."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > schema.VERSION:
        path = connection.execute("PRAGMA database_list").fetchone()[2]
        raise NewerDatabaseError(
            f"{path} was written by a newer buildrec (schema {version}, this one knows "
            f"{schema.VERSION})",
            "upgrade with `pip install --upgrade buildrec`",
        )


def use_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch the file to WAL, in which readers and a writer do not hinder one another."""
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


def _prepare(connection: sqlite3.Connection, path: Path, timeout: float) -> None:
    """Switch the file to WAL and make or upgrade its tables, beside others who do the same."""
    from recorder import migrations  # here, as a file that is up to date needs none

    # Of a blank file; then `prune` gives room back to the disk without a long lock.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    use_wal(connection, timeout)
    with transaction(connection):
        if version_of(connection, path) != schema.VERSION:
            _LOG.info("bringing %s to schema %d", path, schema.VERSION)
            migrations.upgrade(connection)


def _is_full(path: Path) -> bool:
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < 1 << 20
