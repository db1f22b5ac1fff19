"""Does work that is killed: reads orders on stdin, one JSON object a line, and answers each.

An order is {"work": NAME, "delay": SECONDS or null, ...}. A forked child does the work and says on
a pipe what it has acknowledged; after the delay it gets SIGKILL, and without one it ends by itself.
The answer is {"acknowledged": [...], "killed": true or false, "seconds": ...}.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlite_utils  # noqa: F401 - so that a migration is killed, and not an import
from upkeep_help import KEY, fill, some_builds

from recorder import database, spool, store
from recorder.imports import files
from recorder.upkeep.backup import back_up
from recorder.upkeep.prune import Rules, prune
from recorder.upkeep.restore import restore

Order = dict[str, Any]


def record(order: Order) -> Iterator[str]:
    """Record one build after the other, as `buildrec build` does."""
    for build in some_builds(10_000, first=order["first"]):
        assert spool.record_or_keep(Path(order["path"]), build) is None
        yield str(build.ref)


def wait(order: Order) -> Iterator[str]:
    """Leave builds in the spool."""
    for build in some_builds(10_000, first=order["first"]):
        spool.put(build, Path(order["path"]), KEY)
        yield str(build.ref)


def drain(order: Order) -> Iterator[str]:
    """Store what waits in the spool."""
    path = Path(order["path"])
    with database.connect(path) as connection:
        spool.drain(connection, path)
    yield "done"


def bulk(order: Order) -> Iterator[str]:
    """Store many builds in one transaction."""
    with database.connect(Path(order["path"])) as connection:
        store.record_all(connection, some_builds(order["count"], first=order["first"]), KEY)
    yield "done"


def take_in(order: Order) -> Iterator[str]:
    """Import a file."""
    files.take_in(Path(order["path"]), Path(order["file"]), "UTC")
    yield "done"


def save(order: Order) -> Iterator[str]:
    """Make one backup after the other."""
    for _ in range(100):
        yield str(back_up(Path(order["path"]), Path(order["folder"]), keep=3).path)


def put_back(order: Order) -> Iterator[str]:
    """Restore a backup."""
    restore(Path(order["path"]), Path(order["file"]))
    yield "done"


def migrate(order: Order) -> Iterator[str]:
    """Open the file, which brings it to the present schema."""
    with database.connect(Path(order["path"])):
        yield "done"


def thin_out(order: Order) -> Iterator[str]:
    """Prune."""
    prune(Path(order["path"]), Rules(keep=order["keep"]))
    yield "done"


WORKS: dict[str, Callable[[Order], Iterator[str]]] = {
    work.__name__: work
    for work in (record, wait, drain, bulk, take_in, save, put_back, migrate, thin_out)
}


def main() -> None:
    """Answer orders until stdin ends."""
    _warm_up()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def _warm_up() -> None:
    """Load what is loaded on use, which a forked child would do each time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "history.db")
        fill(path, some_builds(3))
        copy = back_up(path, Path(folder, "copy.db")).path
        restore(path, copy)


def answer(order: Order) -> dict[str, Any]:
    """Do the work in a child, and kill it when its time is over."""
    reading, writing = os.pipe()
    begun = time.monotonic()
    child = os.fork()
    if not child:
        code = 1
        try:
            for acknowledged in WORKS[order["work"]](order):
                os.write(writing, f"{acknowledged}\n".encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    if order["delay"] is not None:
        time.sleep(order["delay"])
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading) as said:
        lines = said.read().split("\n")[:-1]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), f"{order} failed: see above"
    seconds = time.monotonic() - begun
    return {"acknowledged": lines, "killed": status != 0, "seconds": seconds}


if __name__ == "__main__":
    main()
