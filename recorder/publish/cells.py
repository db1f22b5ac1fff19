"""How a value of a table or query looks on Datasette's pages; JSON and CSV have it as stored."""

import functools
import re
from typing import Any

from markupsafe import Markup

from recorder import schema
from recorder.publish import words
from recorder.publish.addresses import PageAddresses

_SIGNS = {"seconds": "s", "MB": "MB", "bytes": "B", "microseconds": "µs"}
_UNITS = {
    (table.name, column.name): _SIGNS.get(column.unit)
    for table in schema.TABLES
    for column in table.columns
} | {("steps", name): "s" for name in ("started", "duration", "raw_duration")}

# Columns of canned queries whose names tell what they are, but not that it is in seconds.
_SECONDS = re.compile(r"(^|_)(duration|started|elapsed)$")

# A canned query has no table: these names mean a build in all of ours.
_BUILD_IDS = {
    *((None, name) for name in ("id", "build", "build_id")),
    *((table, f"{name}_build_id") for table in (None, "alerts") for name in ("first", "last_good")),
    ("steps", "build_id"),
}
_INSTANT = re.compile(r"_(at|timestamp)$")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def cell(
    datasette: Any, row: Any, value: Any, column: str, table: str | None
) -> str | Markup | None:
    """A number with its unit, a build, image or step as a link, an instant; None is as it is."""
    if isinstance(value, str):
        return _text(datasette, row, value, column)
    if not isinstance(value, int | float):
        return None
    if (table, column) in _BUILD_IDS:
        return _link(PageAddresses(datasette).build(int(value)), value)
    known = _UNITS.get((table or "", column))
    if known:
        # Datasette itself would write 1.2 ks.
        return f"{value:.10g}\N{NO-BREAK SPACE}{known}"
    if table is None and isinstance(value, float):
        return f"{value:.3f}" if unit(column) else f"{value:.3f}".rstrip("0").rstrip(".")
    return None


@functools.cache
def unit(column: str) -> str:
    """The sign of a canned query's unit, where the column's own name does not say it; else ''."""
    return "s" if _SECONDS.search(column) else ""


def _text(datasette: Any, row: Any, value: str, column: str) -> Markup | None:
    if column == "image_name" and value:
        return _link(PageAddresses(datasette).image(value), value)
    if column == "name" and "step_key" in row.keys():  # noqa: SIM118 - a row holds values
        return _link(PageAddresses(datasette).step(str(row["step_key"])), value)
    if _INSTANT.search(column) and _STAMP.match(value):
        return words.moment(value)
    return None


def _link(address: str, shown: object) -> Markup:
    return Markup('<a href="%s">%s</a>') % (address, shown)
