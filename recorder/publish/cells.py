"""How a value of a table or query looks on Datasette's pages; JSON and CSV have it as stored."""

from typing import Any

from markupsafe import Markup

from recorder import schema

_SIGNS = {"seconds": "s", "MB": "MB", "bytes": "B", "microseconds": "µs"}
_UNITS = {
    (table.name, column.name): _SIGNS.get(column.unit)
    for table in schema.TABLES
    for column in table.columns
} | {("steps", name): "s" for name in ("started", "duration", "raw_duration")}

# A canned query has no table: these names mean a build in all of ours.
_BUILD_IDS = {(None, "id"), (None, "build"), (None, "build_id"), ("steps", "build_id")}


def cell(datasette: Any, value: Any, column: str, table: str | None, database: str) -> str | None:
    """A number with its unit, the id of a build as a link; None leaves the cell to Datasette."""
    if not isinstance(value, int | float):
        return None
    if (table, column) in _BUILD_IDS:
        address = datasette.urls.path(f"{database}/docker_builds/{value}")
        return Markup('<a href="{}">{}</a>').format(address, value)
    unit = _UNITS.get((table or "", column))
    if unit:
        # Datasette itself would write 1.2 ks.
        return f"{value:.10g}\N{NO-BREAK SPACE}{unit}"
    if table is None and isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return None
