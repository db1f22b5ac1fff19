"""Reads NDJSON as `buildrec export` writes it: a build a line, with all that hangs on it."""

import json
from collections.abc import Iterator
from pathlib import Path

from recorder import plain
from recorder.errors import BadValueError
from recorder.imports.reading import Progress, Reading
from recorder.model import Build

_SUFFIXES = (".ndjson", ".jsonl")
_MARKS = frozenset({"image_name", "build_duration", "completed_at"})


def are_at(path: Path) -> bool:
    """Whether the first line that holds anything is a build as we write it.

    An export of no build is empty, which its name alone can tell from a file that was cut off.
    """
    with path.open("rb") as file:
        line = next((line for line in file if line.strip()), b"")
    if not line:
        return path.suffix.lower() in _SUFFIXES
    try:
        values = json.loads(line)
    except ValueError:
        return False
    return isinstance(values, dict) and values.keys() >= _MARKS


def read(path: Path, progress: Progress) -> Reading:
    """The builds in the lines of the file, which are read one by one as they are stored."""
    reading = Reading("NDJSON, builds with their steps")
    reading.stream = _builds(path, reading, progress)
    return reading


def _builds(path: Path, reading: Reading, progress: Progress) -> Iterator[tuple[int, Build]]:
    total, done = path.stat().st_size, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            done += len(line)
            if number % 100 == 0:
                progress(done, total)
            if not line.strip():
                continue
            try:
                yield number, plain.from_plain(_values(line))
            except BadValueError as error:
                reading.rejected.append((number, error.problem))


def _values(line: bytes) -> dict[str, object]:
    try:
        values = json.loads(line)
        if b"\\u" in line:  # with which JSON can write half a character, which SQLite cannot hold
            json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadValueError("it holds half a character", "see the file") from None
    except ValueError as error:
        raise BadValueError(f"it is not JSON ({error})", "see that the file is whole") from None
    if not isinstance(values, dict):
        raise BadValueError("it is no build", "see the file")
    return values
