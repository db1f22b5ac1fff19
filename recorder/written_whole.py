"""Writes a file or a folder aside, and puts it in its place when it is whole."""

import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recorder.errors import CannotWriteError

_ABANDONED = 3600.0
"""Seconds after which what a killed run left behind is swept out."""


@contextmanager
def file(target: Path) -> Iterator[Path]:
    """A path to write to, whose file takes the place of `target` when all went well.

    A reader finds the old file or the new one, never half of one. Raises CannotWriteError.
    """
    fresh = _fresh(target)
    with _explained(target):
        try:
            if target.is_dir():
                raise IsADirectoryError(21, "it is a folder")
            fresh.touch()
            if target.exists():
                shutil.copymode(target, fresh)
            yield fresh
            _sync(fresh)
            fresh.replace(target)
            _sync(target.parent)
        finally:
            fresh.unlink(missing_ok=True)


@contextmanager
def folder(target: Path, *, may_hold: Collection[str]) -> Iterator[Path]:
    """A folder to write into, which takes the place of `target` when all went well.

    What is there is replaced only when it holds nothing but the names of `may_hold`, so that no
    folder of somebody else's goes. Raises CannotWriteError.
    """
    fresh = _fresh(target)
    with _explained(target):
        others = {entry.name for entry in target.iterdir()} - set(may_hold) if _is(target) else None
        if others:
            raise CannotWriteError(
                f"{target} holds other things, such as {min(others)}", "name another folder"
            )
        try:
            fresh.mkdir()
            yield fresh
            for made in fresh.rglob("*"):
                _sync(made)
            if _is(target):
                old = target.with_name(f"{fresh.name}.old")
                target.rename(old)
                fresh.rename(target)
                shutil.rmtree(old)
            else:
                fresh.rename(target)
            _sync(target.absolute().parent)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _is(target: Path) -> bool:
    return target.is_dir() and not target.is_symlink()


def _fresh(target: Path) -> Path:
    """A name beside the target, and so on the same disk; those of killed runs go."""
    with suppress(OSError):
        for left in target.parent.glob(f".{target.name}.*.part"):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    return target.with_name(f".{target.name}.{os.getpid()}.part")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotWriteError(
            f"{target} cannot be written ({error.strerror or error})",
            "name one that can be, in a folder that is there",
        ) from error
