"""Where the benchmarks keep what takes long to make: outside the repository, for the next run."""

import functools
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from recorder import database, store
from tests.benchmarks import raw
from tests.benchmarks.generator import histories

ROOT = Path(__file__).parents[2]
FULL = 1_000_000
KEY = b"benchmarks"
"""The key of the masks, so that the user's own is left alone."""

_CHUNK = 20_000


def cache() -> Path:
    """The folder that outlives a run; it may be removed at any time."""
    folder = Path(tempfile.gettempdir(), "buildrec-benchmarks")
    folder.mkdir(exist_ok=True)
    return folder


def history(builds: int) -> Path:
    """A database with `builds` generated builds of 20 steps, made when it is not there.

    A million builds take some minutes and 1.4 GB. A file of other tables than the present ones is
    removed.
    """
    final = cache() / f"history-{builds}-{_tables()}.db"
    if final.is_file():
        return final
    for other in cache().glob(f"history-{builds}-*"):
        other.unlink()
    part = final.with_suffix(".part")
    remove(part)
    source, begun = histories(builds), time.monotonic()
    with database.connect(part) as connection:
        while chunk := list(islice(source, _CHUNK)):
            store.record_all(connection, chunk, KEY)
            done = connection.execute("SELECT count(*) FROM docker_builds").fetchone()[0]
            tell(f"generated {done:,} of {builds:,} builds in {time.monotonic() - begun:.0f} s")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    part.rename(final)
    remove(part)
    return final


def _tables() -> str:
    """A digest of all tables, indexes and views, which change before a release does."""
    return hashlib.sha256("\n".join(raw.statements()).encode()).hexdigest()[:8]


def remove(path: Path) -> None:
    """Remove a database with what SQLite puts beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@functools.cache
def installed() -> Path:
    """The `bin` of a virtual environment with buildrec installed from a wheel of this tree.

    So the command line is measured as users have it: compiled, and without a development install.
    """
    folder = cache() / "venv"
    python = folder / "bin" / "python"
    if not python.is_file():
        tell("making a virtual environment")
        _run(sys.executable, "-m", "venv", folder)
        _run(python, "-m", "pip", "install", "--quiet", ROOT)
    _run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", ROOT)
    return folder / "bin"


def environment() -> dict[str, str]:
    """This environment without what changes how Python starts, or where buildrec records."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "BUILDREC_")) and name != "TZ"
    }


def tell(what: str) -> None:
    """Say on stderr what goes on."""
    print(f"benchmarks: {what}", file=sys.stderr, flush=True)


def _run(*command: object) -> None:
    subprocess.run(
        [str(part) for part in command], env=environment(), stderr=subprocess.DEVNULL, check=True
    )
