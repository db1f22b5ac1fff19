"""Keeps a file of an export fresh: written once recording pauses, by one process at a time."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from recorder import spool
from recorder.exports import files

QUIET = 2.0
"""Seconds to wait, so that builds that end together are written together."""
_NICENESS = 10


def export_when_quiet(source: Path, target: Path, wish: files.Wish) -> bool:
    """Export a little later; False at once when another process is about to do so.

    That other one begins to read after its wait, and so has what was recorded until then. Raises
    as `files.export` does.
    """
    os.nice(_NICENESS)
    with ExitStack() as writing:
        with _lock(target, "waiting", wait=False) as waits:
            if not waits:
                return False
            time.sleep(QUIET)
            # Taken before the other lock goes, so that no later export overtakes this one.
            writing.enter_context(_lock(target, "writing", wait=True))
        files.export(source, target, wish)
    return True


@contextmanager
def _lock(target: Path, name: str, *, wait: bool) -> Iterator[bool]:
    """Hold the lock of that name for the target's exports; gives whether it is held."""
    folder = spool.folder().parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256(str(target.absolute()).encode(errors="replace")).hexdigest()[:16]
    with (folder / f"export-{digest}.{name}").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
