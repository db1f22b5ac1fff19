"""Writes `docker_build_times.json` for older tools."""

import json
import os
from pathlib import Path

from recorder import database, older_tools
from recorder.errors import CannotWriteError


def export(source: Path, target: Path, layout: str = "averages") -> int:
    """Write the history in the database `source` to the file `target`; gives how many builds.

    The file is written aside and renamed into place, so that no reader finds half of it. Raises
    CannotWriteError.
    """
    with database.connect_to_read(source) as connection:
        document = older_tools.document(connection, layout)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False, indent=2)
            file.write("\n")
        fresh.replace(target)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise CannotWriteError(
            f"{target} cannot be written ({os.strerror(error.errno or 0)})", "name another file"
        ) from error
    return len(document if isinstance(document, list) else document["history"])
