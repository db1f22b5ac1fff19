"""The document that older tools read: all builds and their averages, in one of three layouts."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

from recorder import benchmark_results
from recorder.errors import BadValueError
from recorder.model import MICRO
from recorder.selection import ALL, Selection

FILE_NAME = "docker_build_times.json"
Layout = Literal["averages", "objects", "list"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_AT_ONCE = 500  # rows that are made into one piece of text
_COLUMNS = {
    "timestamp": "build_timestamp",
    "image": "image_name",
    "duration": "build_duration",
    "size_mb": "image_size_mb",
    "timezone": "timezone",
}
_LIST_COLUMNS = {
    "timestamp": "completed_at",
    "image": "image_name",
    "duration": "build_duration",
}


def chunks(
    connection: sqlite3.Connection, layout: str = "averages", selection: Selection = ALL
) -> Iterator[str]:
    """The whole history as JSON text, piece by piece, so that memory does not grow with it.

    `averages` is what older readers take: a `history`, newest first, and by image plain numbers,
    so that an image without a number to give (no build that succeeded, or none with a size) is
    left out of those. `objects` has one object an image in `averages`, `list` is bare rows, the
    latest build last, since that is where its reader looks. Every build is in the history, failed
    ones too; averages are over the successful ones. Durations are seconds, sizes MB of 10^6 bytes.
    Where benchmarks were run, the objects have `benchmarks`, newest first, in seconds and bytes.

    Read all of it inside one `database.snapshot`, or figures and rows may be of two moments.
    Raises BadValueError for another layout.
    """
    if layout not in LAYOUTS:
        raise BadValueError(f"{layout!r} is no layout", f"say one of {', '.join(LAYOUTS)}")
    if layout == "list":
        return _rows(connection, _LIST_COLUMNS, "completed_at, id", selection)
    return _object(connection, layout, selection)


def document(connection: sqlite3.Connection, layout: str = "averages") -> Any:
    """The same as plain values, for a history that fits into memory."""
    return json.loads("".join(chunks(connection, layout)))


def _object(connection: sqlite3.Connection, layout: str, selection: Selection) -> Iterator[str]:
    yield '{"history":'
    yield from _rows(connection, _COLUMNS, "completed_at DESC, id DESC", selection)
    figures = _figures(connection, selection)
    rest = {
        **(_objects(figures) if layout == "objects" else _plain(figures)),
        "last_build_time": _last_build_time(connection, selection),
        "database_path": _file_name(connection),
    }
    for name, value in rest.items():
        yield f",\n{_JSON.encode(name)}:{_JSON.encode(value)}"
    if selection.image is None:
        yield from _benchmarks(connection, selection)
    yield "}\n"


def _benchmarks(connection: sqlite3.Connection, selection: Selection) -> Iterator[str]:
    """The results of benchmarks, newest first, a line each; nothing where there are none."""
    between = ',\n"benchmarks":[\n'
    for row in benchmark_results.exported(connection, selection.since, selection.until):
        yield between + _JSON.encode(row)
        between = ",\n"
    if between == ",\n":
        yield "]"


def _rows(
    connection: sqlite3.Connection, columns: dict[str, str], order: str, selection: Selection
) -> Iterator[str]:
    """A JSON array, a build a line."""
    where, values = selection.where()
    cursor = connection.execute(
        f"SELECT {', '.join(columns.values())} FROM docker_builds {where} ORDER BY {order}", values
    )
    cursor.row_factory = None
    between = "[\n"
    while found := cursor.fetchmany(_AT_ONCE):
        text = _JSON.encode([dict(zip(columns, row, strict=True)) for row in found])
        # A quote inside a value is written with a backslash, so this is between two rows.
        yield between + text[1:-1].replace('},{"timestamp":', '},\n{"timestamp":')
        between = ",\n"
    yield "]" if between == ",\n" else "[]"


class _Figures(dict[str, tuple[int, int, float | None, int]]):
    """By image: exact sum of microseconds and number of its successes, mean size, all builds."""

    def averages(self) -> Iterator[tuple[str, float]]:
        for image, (micros, successes, _, _) in self.items():
            if successes:
                yield image, micros / MICRO / successes


def _figures(connection: sqlite3.Connection, selection: Selection) -> _Figures:
    if selection.since is None and selection.until is None:
        where, values = selection.where("build_totals")
        query = (
            "SELECT image_name, completed_us, completed, size_bytes, sized, builds "
            f"FROM build_totals {where} ORDER BY image_name"
        )
    else:
        where, values = selection.where()
        query = (
            "SELECT image_name, "
            "sum(CASE WHEN success THEN CAST(round(build_duration * 1e6) AS INTEGER) ELSE 0 END), "
            "sum(success), sum(CAST(round(image_size_mb * 1e6) AS INTEGER)), "
            f"sum(image_size_mb > 0), count(*) FROM docker_builds {where} "
            "GROUP BY image_name ORDER BY image_name"
        )
    return _Figures(
        (image, (micros, successes, size / MICRO / sized if sized else None, builds))
        for image, micros, successes, size, sized, builds in connection.execute(query, values)
    )


def _plain(figures: _Figures) -> dict[str, Any]:
    successes = sum(row[1] for row in figures.values())
    micros = sum(row[0] for row in figures.values())
    return {
        "averages": dict(figures.averages()),
        "sizes_mb": {image: row[2] for image, row in figures.items() if row[2] is not None},
        "total_builds": {image: row[3] for image, row in figures.items()},
        "avg_duration": micros / MICRO / successes if successes else None,
    }


def _objects(figures: _Figures) -> dict[str, Any]:
    return {
        "averages": {
            image: {
                "duration": average,
                "size_mb": figures[image][2] or 0.0,
                "total_builds": figures[image][3],
            }
            for image, average in figures.averages()
        }
    }


def _last_build_time(connection: sqlite3.Connection, selection: Selection) -> str | None:
    where, values = selection.where()
    row = connection.execute(
        f"SELECT build_timestamp FROM docker_builds {where} "
        "ORDER BY completed_at DESC, id DESC LIMIT 1",
        values,
    ).fetchone()
    return row[0] if row else None


def _file_name(connection: sqlite3.Connection) -> str:
    """The name of the database file without its folder: nothing about the machine is told."""
    return Path(connection.execute("PRAGMA database_list").fetchone()[2]).name
