"""Which versions work together here."""

import shutil
import sqlite3
import subprocess
from pathlib import Path

from recorder import __version__, database, schema
from recorder.errors import RecorderError

_PATIENCE = 10.0
_ASKED = {
    "docker": ("docker", "version", "--format", "{{.Client.Version}}"),
    "engine": ("docker", "version", "--format", "{{.Server.Version}}"),
    "buildx": ("docker", "buildx", "version"),
}


def found(path: Path) -> dict[str, str]:
    """Each version by the name of its program; `none` where it is not there."""
    return {
        "buildrec": __version__,
        "SQLite": sqlite3.sqlite_version,
        "schema": _schema(path),
        **{name: _asked(command) for name, command in _ASKED.items()},
    }


def _schema(path: Path) -> str:
    try:
        with database.connect_to_copy(path) as connection:
            version = database.version_of(connection, path)
    except RecorderError:
        return "none"
    return str(version) if version == schema.VERSION else f"{version} (of {schema.VERSION})"


def _asked(command: tuple[str, ...]) -> str:
    if not shutil.which(command[0]):
        return "none"
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "none"
    words = done.stdout.split()
    if done.returncode or not words:
        return "none"
    # `docker buildx version` says `github.com/docker/buildx v0.20.0 commit`.
    return words[min(1, len(words) - 1)].removeprefix("v")
