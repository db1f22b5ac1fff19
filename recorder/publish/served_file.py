"""The history as Datasette reads it: looked at before each query, opened anew when it changed."""

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from datasette.database import Database

from recorder import database, schema
from recorder.errors import DatabaseError, DatabaseMissingError

_T = TypeVar("_T")
_LOG = logging.getLogger("recorder.publish")
_MILLISECONDS_TO_COUNT = 100


class _Identity(NamedTuple):
    """What tells one file at a path from another, and from itself overwritten."""

    inode: tuple[int, int]
    size: int
    changed: int


class _Reader:
    """The connection of one thread; whoever uses or closes it holds its lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: sqlite3.Connection | None = None
        self.identity: _Identity | None = None

    def close(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = self.identity = None


class ServedFile(Database):  # type: ignore[misc] # Datasette has no types
    """The database at `path`, whatever file lies there at the moment of a query.

    A query costs one `stat` more, and a look at the version of the schema. Raises a DatabaseError
    from each query while the file is missing, damaged, locked or from a newer buildrec. With
    `immutable` SQLite is told that nothing changes the file; a snapshot that is replaced is still
    seen.
    """

    def __init__(self, datasette: Any, path: Path, *, immutable: bool = False) -> None:
        super().__init__(datasette, str(path), is_mutable=not immutable)
        self._place = path
        self._local = threading.local()
        self._readers: list[_Reader] = []
        self._changing = threading.Lock()
        self._inode: tuple[int, int] | None = None
        self._log: tuple[int, int] | None = None
        self._is_log_foreign = False
        self._stopped = False

    def connect(self, write: bool = False) -> sqlite3.Connection:
        """A new connection, which cannot write and which any thread may interrupt or close.

        Raises a DatabaseError when this is no history of our version, nor could be made one.
        """
        if write:
            raise RuntimeError("the publication only reads")
        frozen = not self.is_mutable or self._is_log_foreign or database.frozen(self._place)
        access = {"immutable": "1"} if frozen else {"mode": "ro"}
        with database.translated(self._place):
            connection = sqlite3.connect(
                database.uri(self._place, **access), uri=True, check_same_thread=False
            )
            try:
                self._examine(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    async def execute_fn(self, fn: Callable[[sqlite3.Connection], _T]) -> _T:
        """What `fn` gives for a connection, in a thread of Datasette's."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.ds.executor, self._run, fn)

    async def table_counts(self, limit: int = 10) -> Any:
        """How many rows each table has; None where counting takes too long.

        Datasette would count a snapshot's rows to the last before it answers anything.
        """
        return await super().table_counts(min(limit, _MILLISECONDS_TO_COUNT))

    @property
    def hash(self) -> None:
        """None: Datasette would read the whole file for it, and only downloads use it."""
        return None

    def look(self) -> None:
        """See whether the file is another; raises a DatabaseError when there is none."""
        identity = _identity(self._place)
        if identity.inode != self._inode:
            with self._changing:
                if identity.inode != self._inode:
                    self._change(identity.inode)

    def stop(self) -> None:
        """Interrupt every query, and refuse those that wait."""
        self._stopped = True
        for reader in [*self._readers]:
            connection = reader.connection
            if connection:
                with contextlib.suppress(sqlite3.ProgrammingError):  # its thread has closed it
                    connection.interrupt()

    def _run(self, fn: Callable[[sqlite3.Connection], _T]) -> _T:
        self.look()
        try:
            reader = self._reader()
            with reader.lock:
                try:
                    return fn(self._connection(reader))
                except sqlite3.Error as error:
                    problem = database.explain(error, self._place)
                    if type(problem) is DatabaseError and not _is_trouble_with_disk(error):
                        raise  # what is wrong is the query, or it was interrupted
                    raise problem from error
        except DatabaseError:
            # What SQLite knows of a file it forgets only when nothing has it open.
            with self._changing:
                self._close_all()
            raise

    def _reader(self) -> _Reader:
        if not hasattr(self._local, "reader"):
            self._local.reader = _Reader()
            self._readers.append(self._local.reader)
        reader: _Reader = self._local.reader
        return reader

    def _connection(self, reader: _Reader) -> sqlite3.Connection:
        """The reader's connection to the file that lies at the path at present."""
        if self._stopped:
            raise DatabaseError("the server is stopping", "ask again")
        identity = _identity(self._place)
        if reader.connection is None or reader.identity != identity:
            reader.close()
            reader.connection = self.connect()
            reader.identity = identity
            self.ds._prepare_connection(reader.connection, self.name)
            if not self._is_log_foreign:
                self._log = _log_of(self._place)
        else:
            self._examine(reader.connection)
        return reader.connection

    def _examine(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION:
            return
        if database.version_of(connection, self._place) != schema.VERSION:
            with database.connect_to_read(self._place):
                _LOG.info("%s is of this version", self._place)

    def _change(self, inode: tuple[int, int]) -> None:
        """Turn to another file at the same path.

        Who replaces a served file and leaves its predecessor's `-wal` beside it would make SQLite
        read pages of the one as pages of the other. The predecessor is still open here, so that
        another log cannot have the inode of its log.
        """
        self._is_log_foreign = self._log is not None and self._log == _log_of(self._place)
        if self._is_log_foreign:
            _LOG.warning(
                "%s was put in place of another database, whose log is still beside it: stop what "
                "records there and remove the -wal and -shm files",
                self._place,
            )
        self._close_all()
        self._cached_table_counts = self.cached_size = None
        self._inode = inode

    def _close_all(self) -> None:
        for reader in [*self._readers]:
            with reader.lock:
                reader.close()


def _is_trouble_with_disk(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR


def _identity(path: Path) -> _Identity:
    try:
        found = path.stat()
    except OSError as error:
        raise DatabaseMissingError(
            f"there is no database at {path}", "put it back, or stop the server"
        ) from error
    return _Identity((found.st_dev, found.st_ino), found.st_size, found.st_mtime_ns)


def _log_of(path: Path) -> tuple[int, int] | None:
    """What tells the file's `-wal` from another; None without one."""
    try:
        found = Path(f"{path}-wal").stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
