"""Where builds wait, masked, that could not be written, until a next run stores them."""

import contextlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from recorder import database, masking, plain, redact, store, times
from recorder.errors import RecorderError
from recorder.model import Build

_LOG = logging.getLogger("recorder.spool")
_TORN: tuple[str, Any] = ("", None)
_WRITTEN_WITHIN = 60.0


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The spool: `buildrec/spool` under `XDG_STATE_HOME` (`~/.local/state`)."""
    # Not Path.home, which fails for a user without a home.
    home = environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111
    return Path(home, "buildrec", "spool")


def put(build: Build, path: Path, key: bytes | None = None) -> Path:
    """Keep `build`, masked, for the database at `path`; gives the file it waits in.

    The file reaches the disk whole or not at all. Raises OSError when it cannot be written.
    """
    masked = masking.mask(build, redact.Redactor(key or redact.load_key()))
    place = folder()
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = times.utc_text(times.now()).replace(":", "")
    final = place / f"{stamp}-{os.getpid()}-{os.urandom(4).hex()}.json"
    fresh = final.with_suffix(".part")
    values = plain.to_plain(masked)
    values["ref"] = values.get("ref") or f"spool:{os.urandom(12).hex()}"
    text = json.dumps({"database": str(path), "build": values}, ensure_ascii=False)
    try:
        with open(fresh, "w", encoding="utf-8", opener=_private) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(final)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    return final


def waiting(path: Path) -> list[tuple[Path, Build]]:
    """The spooled builds for the database at `path`, oldest first; torn files are left alone."""
    return [
        (file, entry[1])
        for file in _files()
        if (entry := _read(file)) and entry != _TORN and _same(entry[0], path)
    ]


def unreadable() -> list[Path]:
    """The files of the spool that hold no build: torn by a crash, or somebody else's."""
    return [file for file in _files() if _read(file) == _TORN]


def cut_off() -> list[Path]:
    """The files whose writers ended before they had their names; young ones are being written."""
    found = []
    for file in _files("*.part"):
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > _WRITTEN_WITHIN:
                found.append(file)
    return found


def mend() -> None:
    """Let builds that were cut off take part if they are whole, and remove the others."""
    for file in cut_off():
        with contextlib.suppress(OSError):
            if _read(file) == _TORN:
                file.unlink()
            else:
                file.rename(file.with_suffix(".json"))


def drain(connection: sqlite3.Connection, path: Path) -> int:
    """Store the builds that wait for the database at `path`; gives how many were stored.

    A file goes only after its build is on the disk. Builds without a ref of their own got one
    when they were spooled, so that a crash in between does not store them twice. One that cannot
    be stored does not keep the others waiting; raises sqlite3.OperationalError when none can be.
    """
    stored = 0
    for file, build in waiting(path):
        try:
            store.record(connection, build)
            file.unlink(missing_ok=True)
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the others are not
            _LOG.warning("the spooled build %s keeps waiting: %s", file, error)
            continue
        stored += 1
        _LOG.info("stored a build of %s that had waited in the spool", build.image_name)
    return stored


def record_or_keep(path: Path, build: Build, timeout: float = database.TIMEOUT) -> str | None:
    """Store `build` and what waits beside it; None when done, else a sentence on what went wrong.

    What cannot be stored waits in the spool. Never raises: recording must not harm a build.
    `timeout` is how many seconds to wait for another writer.
    """
    try:
        with database.connect(path, timeout) as connection:
            store.record(connection, build)
            try:
                drain(connection, path)
            except Exception as error:  # noqa: BLE001 - the build itself is recorded
                _LOG.warning("the spool was not emptied: %s", error)
    except RecorderError as error:
        return _keep(path, build, str(error))
    except Exception as error:  # noqa: BLE001 - a bug of ours must not harm the build either
        _LOG.debug("recording failed", exc_info=True)
        return _keep(path, build, f"an unexpected {type(error).__name__}: {error}")
    return None


def _keep(path: Path, build: Build, problem: str) -> str:
    try:
        kept = put(build, path)
    except Exception as error:  # noqa: BLE001
        return f"{problem} It could not wait in {folder()} either ({error})."
    return f"{problem} It waits in {kept} until the next run."


def _same(one: str, other: Path) -> bool:
    return one == str(other) or os.path.realpath(one) == os.path.realpath(other)


def _read(file: Path) -> tuple[str, Build] | None:
    """The database and the build that a file holds; None when another run has just stored it."""
    try:
        content = json.loads(file.read_bytes())
        return str(content["database"]), plain.from_plain(content["build"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecorderError) as error:
        _LOG.warning("cannot read the spooled build %s: %s", file, error)
        return _TORN


def _files(pattern: str = "*.json") -> Iterator[Path]:
    try:
        yield from sorted(folder().glob(pattern))
    except OSError:
        return


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
