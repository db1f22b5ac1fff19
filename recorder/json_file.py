"""Asks for `docker_build_times.json` to be written anew, for tools that read the file."""

import logging
import os
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path

SETTING = "BUILDREC_EXPORT_JSON"
"""The environment variable that names the file; nothing is written where it is not set."""

_LOG = logging.getLogger("recorder.json_file")
_asked: list[int] = []


def ask(connection: sqlite3.Connection, environ: Mapping[str, str] = os.environ) -> None:
    """Have the file written by a process of its own, which outlives this one.

    Called after records; costs nothing where the setting is not there, and else what it takes
    to start a process. Never raises: an export must not harm a record.
    """
    wanted = environ.get(SETTING)
    if not wanted:
        return
    try:
        source = connection.execute("PRAGMA database_list").fetchone()[2]
        target = str(Path(wanted).expanduser().absolute())
        words = ["--db", source, "export", target, "--format", "json", "--when-quiet"]
        _reap()
        _asked.append(_spawn([sys.executable, "-P", "-m", "recorder", *words], environ))
    except Exception as error:  # noqa: BLE001 - whatever it is, the build is recorded
        _LOG.warning("%s was not written: %s", wanted, error)


def _spawn(words: list[str], environ: Mapping[str, str]) -> int:
    """Start a process in a session of its own, with nothing to read and nowhere to write."""
    silence = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    try:
        return os.posix_spawn(words[0], words, environ, file_actions=silence, setsid=True)
    except NotImplementedError:  # not on every system; then it ends with our terminal
        return os.posix_spawn(words[0], words, environ, file_actions=silence)


def _reap() -> None:
    """Let go of those that have ended, as a `watch` goes on for months."""
    for number in [*_asked]:
        try:
            ended, _ = os.waitpid(number, os.WNOHANG)
        except ChildProcessError:
            ended = number
        if ended:
            _asked.remove(number)
