"""Writes NDJSON: a build a line, with its steps, its warnings and the layers of its image."""

import json
import sqlite3
from collections.abc import Callable
from typing import IO

from recorder import plain, stored_builds
from recorder.selection import Selection

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def write(
    connection: sqlite3.Connection,
    file: IO[str],
    selection: Selection,
    progress: Callable[[int], None],
) -> None:
    """Write the selected builds, oldest first, as `buildrec import` takes them."""
    for build in stored_builds.read(connection, selection):
        file.write(_JSON.encode(plain.to_plain(build)) + "\n")
        progress(1)
