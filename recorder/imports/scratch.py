"""A folder for copies that live as long as an import does."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "buildrec-import-"
_ABANDONED = 24 * 3600.0
"""Seconds after which what a killed import left behind is swept out."""


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder in the system's place for such, or in `TMPDIR`; it goes at the end."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # somebody else's, or just swept out by another import
            found = left.stat()
            if found.st_uid == os.getuid() and time.time() - found.st_mtime > _ABANDONED:
                shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as made:
        yield Path(made)
