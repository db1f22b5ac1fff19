"""`buildrec restore`: puts a backup in the place of the history, and keeps what was there."""

import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from recorder import database, spool
from recorder.errors import (
    BadValueError,
    DamagedDatabaseError,
    DatabaseLockedError,
    DatabaseMissingError,
    NotADatabaseError,
)
from recorder.upkeep import aside, backup, copying
from recorder.upkeep.copying import Progress

_BESIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    `builds` came from the backup and `waiting` from the spool; `kept` is where the `kept_builds`
    that were here lie (none of a file that could not be counted). `moved` says that the file was
    too damaged to write into, so that whoever has it open must open it anew.
    """

    builds: int
    waiting: int = 0
    kept: Path | None = None
    kept_builds: int | None = None
    moved: bool = False


def restore(
    path: Path,
    source: Path,
    timeout: float = database.TIMEOUT,
    progress: Progress | None = None,
) -> Restored:
    """Put the history in the file `source` in the place of the one at `path`.

    `source` is copied, checked and brought to the present version aside. What it replaces is kept
    in the folder of backups. The pages then go through SQLite into the file that is there, in one
    transaction: readers see the one or the other, a writer waits, and a build that was recorded
    before is in the file that is kept. `timeout` is how many seconds to wait for a writer.
    Raises a DatabaseError, and then nothing has changed.
    """
    if path.exists() and source.exists() and path.samefile(source):
        raise BadValueError("a history cannot be restored from itself", "name a backup")
    if not source.is_file():
        raise DatabaseMissingError(f"there is no backup at {source}", "name a file that is there")
    with aside.folder(path.absolute().parent) as folder:
        fresh = folder / "fresh.db"
        copying.snapshot(source, fresh)
        with database.connect(fresh) as connection:  # brings an earlier version to the present one
            connection.execute("DELETE FROM live_builds")
            builds = connection.execute("SELECT count(*) FROM docker_builds").fetchone()[0]
        done = _put(path, fresh, folder, timeout, progress)
    with database.connect(path, timeout) as connection:
        waiting = spool.drain(connection, path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return Restored(builds, waiting, done.kept, done.kept_builds, done.moved)


def _put(
    path: Path, fresh: Path, folder: Path, timeout: float, progress: Progress | None
) -> Restored:
    try:
        return _write_into(path, fresh, folder, timeout, progress)
    except sqlite3.DatabaseError as error:
        problem = database.explain(error, path)
        if not isinstance(problem, DamagedDatabaseError | NotADatabaseError):
            raise problem from error
    kept = _move_away(path)
    _write_into(path, fresh, folder, timeout, progress)
    return Restored(0, 0, kept, moved=True)


def _write_into(
    path: Path, fresh: Path, folder: Path, timeout: float, progress: Progress | None
) -> Restored:
    """Copy the pages of `fresh` into the file at `path`, and keep what was there meanwhile."""
    deadline = time.monotonic() + timeout
    kept: list[tuple[Path | None, int | None]] = []

    def step(done: int, total: int) -> None:
        if not kept:  # the first pages are written: from here on nobody else can
            kept.append(_keep(path, folder))
        if progress:
            progress(done, total)

    def waiting() -> None:
        if time.monotonic() > deadline:
            raise DatabaseLockedError(
                f"{path} is locked by another program", "wait for it to end, then restore again"
            )

    with (
        closing(sqlite3.connect(path, timeout=timeout, isolation_level=None)) as target,
        closing(sqlite3.connect(fresh, isolation_level=None)) as source,
    ):
        database.version_of(target, path)  # that of another program, or a newer one, is left alone
        database.use_wal(target, timeout)
        target.execute("PRAGMA synchronous = FULL")
        _match_page_size(source, target)
        copying.copy_pages(source, target, step, waiting)
    return Restored(0, 0, *kept[0])


def _keep(path: Path, folder: Path) -> tuple[Path | None, int | None]:
    """A copy of what the file at `path` holds, and its builds; none of a blank file."""
    copy = folder / "kept.db"
    builds = None
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as old:
            if not old.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return None, None
            with closing(sqlite3.connect(copy, isolation_level=None)) as target:
                copying.copy_pages(old, target)
                target.execute("PRAGMA journal_mode = DELETE")
                builds = target.execute("SELECT count(*) FROM docker_builds").fetchone()[0]
    except sqlite3.DatabaseError as error:
        problem = database.explain(error, path)
        if not isinstance(problem, DamagedDatabaseError | NotADatabaseError):
            raise problem from error
        # Damaged where SQLite had to look: the pages are kept as they are.
        for suffix in ("", *_BESIDE):
            Path(f"{copy}{suffix}").unlink(missing_ok=True)
        _copy_bytes(path, copy)
    final = _kept_name(path)
    with aside.writing(final):
        final.parent.mkdir(exist_ok=True)
        for suffix in _BESIDE:
            if (beside := Path(f"{copy}{suffix}")).exists():
                beside.replace(f"{final}{suffix}")
    aside.keep(copy, final, like=path)
    return final, builds


def _copy_bytes(path: Path, copy: Path) -> None:
    with aside.writing(copy):
        shutil.copyfile(path, copy)
        if (wal := Path(f"{path}-wal")).exists():
            shutil.copyfile(wal, f"{copy}-wal")


def _move_away(path: Path) -> Path:
    """Rename a file that SQLite does not read, with what belongs to it; gives its new name."""
    final = _kept_name(path)
    with aside.writing(final):
        final.parent.mkdir(exist_ok=True)
        for suffix in (*_BESIDE, ""):
            if (file := Path(f"{path}{suffix}")).exists():
                file.replace(f"{final}{suffix}")
    return final


def _kept_name(path: Path) -> Path:
    folder = path.absolute().parent / backup.FOLDER
    return backup.unused(folder / f"{path.stem}-replaced-{backup.stamp()}{path.suffix}")


def _match_page_size(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """SQLite copies pages into a file in WAL mode only when they are of one size."""
    (wanted,) = target.execute("PRAGMA page_size").fetchone()
    if source.execute("PRAGMA page_size").fetchone()[0] != wanted:
        source.execute("PRAGMA journal_mode = DELETE")
        source.execute(f"PRAGMA page_size = {wanted}")
        source.execute("VACUUM")
