"""Makes a file beside the place that it is for, and gives it its name only when it is whole."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recorder import written_whole
from recorder.errors import CannotWriteError

_PREFIX = ".buildrec-"


@contextmanager
def folder(place: Path) -> Iterator[Path]:
    """A new folder in `place`, and so on the same disk; it goes at the end with all in it.

    Makes `place` where it is missing, and sweeps out what killed runs have left there. Raises
    CannotWriteError when that cannot be.
    """
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
        with _locked(place):  # until the new folder is locked, too
            _sweep(place)
            made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
            lock = _lock(made)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Raise the system's errors about the file at `target` as CannotWriteError."""
    try:
        yield
    except OSError as error:
        raise CannotWriteError(
            f"{target} cannot be written ({error.strerror})", "name a file in another folder"
        ) from error


def keep(made: Path, final: Path, like: Path) -> None:
    """Give a whole file its name once it is on the disk, with the permissions of `like`."""
    with written_whole.file(final) as fresh:
        shutil.copymode(like, made)
        made.replace(fresh)


def _sweep(place: Path) -> None:
    """Remove the folders that nobody holds a lock on any more; no clock has a say in it."""
    for left in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = _lock(left, fcntl.LOCK_NB)
            shutil.rmtree(left)
            os.close(lock)


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    lock = _lock(place)
    try:
        yield
    finally:
        os.close(lock)


def _lock(place: Path, how: int = 0) -> int:
    """A handle that holds a folder's lock until it is closed, by whatever way its process ends."""
    handle = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | how)
    except OSError:
        os.close(handle)
        raise
    return handle
