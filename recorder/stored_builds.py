"""Reads builds back as they were recorded: what leaves the file, and what another file gives."""

import functools
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from operator import itemgetter
from typing import Any

from recorder import input_store, schema
from recorder.errors import BadValueError
from recorder.model import NOTHING_KNOWN, Build, Inputs, Layer, Lint, Step
from recorder.selection import ALL, Selection

_COLUMNS = ", ".join(column.name for column in schema.TOLD)
_STEP_FIELDS = tuple(field.name for field in fields(Step))
_SWITCHES = _STEP_FIELDS.index("cached")  # then come `shared` and `critical`
STEP = ", ".join(_STEP_FIELDS)
"""The columns of a step, as `step_of` takes them."""
LAYER = "position, instruction, bytes"
"""The columns of a Layer."""
LINT = "rule, message, line"
"""The columns of a Lint."""
_STEPS = f"SELECT {STEP} FROM steps WHERE build_id = ? ORDER BY position"
_LAYERS = f"SELECT {LAYER} FROM build_layers WHERE build_id = ? ORDER BY position"
_LINTS = f"SELECT {LINT} FROM build_warnings WHERE build_id = ? ORDER BY position"
# Fields of a Build that are columns under the same name, and need no translation.
_PLAIN = tuple(
    {field.name for field in fields(Build)}
    & {column.name for column in schema.TOLD}
    - {"started_at", "completed_at", "image_size_mb", "build_args", "image_tags", "git_dirty"}
)
_TAKE_PLAIN = itemgetter(*_PLAIN)


def read(connection: sqlite3.Connection, selection: Selection = ALL) -> Iterator[Build]:
    """The builds of a history with all that hangs on them, oldest first.

    Memory does not grow with their number. Read them inside one `database.snapshot`.
    """
    where, values = selection.where()
    query = f"SELECT {_COLUMNS} FROM docker_builds {where} ORDER BY completed_at, id"
    cursor = connection.execute(query, values)
    cursor.row_factory = as_dict
    for row in cursor:
        number = (row["id"],)
        steps = tuple(step_of(values) for values in connection.execute(_STEPS, number))
        yield of_row(
            row,
            steps,
            tuple(Layer(*values) for values in connection.execute(_LAYERS, number)),
            tuple(Lint(*values) for values in connection.execute(_LINTS, number)),
            input_store.read(connection, row["id"], steps),
        )


def count(connection: sqlite3.Connection, selection: Selection = ALL) -> int:
    """How many builds `read` will give."""
    where, values = selection.where()
    query = f"SELECT count(*) FROM docker_builds {where}"
    return int(connection.execute(query, values).fetchone()[0])


def as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    """A row by its columns' names; a row factory."""
    return dict(zip((column[0] for column in cursor.description), row, strict=True))


def of_row(
    row: Mapping[str, Any],
    steps: tuple[Step, ...] = (),
    layers: tuple[Layer, ...] = (),
    lints: tuple[Lint, ...] = (),
    inputs: Inputs = NOTHING_KNOWN,
) -> Build:
    """The build of a row of `docker_builds`.

    Raises BadValueError for a row that is none.
    """
    try:
        dirty, started = row["git_dirty"], row["started_at"]
        return Build(
            **dict(zip(_PLAIN, _TAKE_PLAIN(row), strict=True)),
            completed_at=_completed(row),
            started_at=datetime.fromisoformat(started) if started else None,
            zone=row["timezone"],
            image_size_mb=row["image_size_mb"] or None,
            build_args=_arguments(row["build_args"]),
            image_tags=tuple(json.loads(row["image_tags"] or "[]")),
            git_dirty=None if dirty is None else bool(dirty),
            steps=steps,
            layers=layers,
            lints=lints,
            inputs=inputs,
        )
    except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
        reason = error.problem if isinstance(error, BadValueError) else error
        raise BadValueError(f"it is no build ({reason})", "see docs/schema.md") from error


def _completed(row: Mapping[str, Any]) -> datetime:
    """The end of a build: `build_timestamp` has its microseconds, of the instant that counts."""
    instant = datetime.fromisoformat(row["completed_at"])
    stamp = row["build_timestamp"] or ""
    if stamp[23:26].isdecimal() and instant.microsecond % 1000 == 0:
        instant = instant.replace(microsecond=instant.microsecond + int(stamp[23:26]))
    return instant


@functools.lru_cache(maxsize=1024)
def _arguments(text: str | None) -> Any:
    """The build arguments of a row, which seldom change in a series."""
    return json.loads(text or "{}")


def step_of(values: tuple[Any, ...]) -> Step:
    """The step of a row with the columns of `Step` in their order."""
    first = _SWITCHES
    switches = map(bool, values[first : first + 3])
    return Step(*values[:first], *switches, *values[first + 3 :])
