"""The history as a few flat tables: what CSV, Parquet and workbooks carry."""

import sqlite3
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from recorder import layer_tables, schema, summary_tables
from recorder.selection import ALL, Selection
from recorder.tables import Column


@dataclass(frozen=True)
class FlatTable:
    """A table: its name, its columns, where its rows come from.

    `of_builds` says that each row belongs to a build, and so to a moment.
    """

    name: str
    columns: tuple[Column, ...]
    select: str
    order: tuple[str, ...]
    of_builds: bool = True

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def rows(
        self,
        connection: sqlite3.Connection,
        selection: Selection = ALL,
        *,
        newest_first: bool = False,
        with_month: bool = False,
    ) -> sqlite3.Cursor:
        """The rows of the selected builds, oldest first if not told otherwise.

        `with_month` puts the month of the build, in UTC, before the columns.
        """
        where, values = selection.where("b")
        order = [f"{part} DESC" if newest_first else part for part in self.order]
        query = f"{self.select.format(where=where)} ORDER BY {', '.join(order)}"
        if with_month:
            query = query.replace("SELECT ", "SELECT substr(b.completed_at, 1, 7), ", 1)
        cursor = connection.execute(query, values)
        cursor.row_factory = None
        return cursor


def _named(table: Any, names: str = "") -> tuple[Column, ...]:
    wanted = names.split() or [column.name for column in table.columns]
    by_name = {column.name: column for column in table.columns}
    return tuple(by_name[name] for name in wanted)


def _from(columns: tuple[Column, ...], alias: str) -> str:
    return ", ".join(f"{alias}.{column.name}" for column in columns)


_BY_TIME = ("b.completed_at", "b.id")
_BUILDS = schema.TOLD
_STEPS = (
    *_named(schema.BUILD_STEPS, "build_id position"),
    *_named(schema.STEP_NAMES, "stage step steps platform instruction name step_key kind"),
    *_named(schema.BUILD_STEPS, "cached shared"),
    Column("started", "REAL", "Start, from the build's own; may lie before.", "seconds"),
    Column("duration", "REAL", "Duration inside the build; none when cut.", "seconds"),
    *_named(schema.BUILD_STEPS, "critical"),
    Column("error", "TEXT", "Why the step failed, secrets masked."),
    *_named(schema.BUILD_STEPS, "bytes"),
)
_WARNINGS = _named(schema.BUILD_WARNINGS)
_LAYERS = (
    *_named(layer_tables.IMAGES, "image_digest"),
    *_named(layer_tables.IMAGE_LAYERS, "position"),
    *_named(layer_tables.LAYER_INSTRUCTIONS, "instruction"),
    *_named(layer_tables.IMAGE_LAYERS, "bytes"),
)
_STATISTICS = _named(summary_tables.BUILD_STATISTICS)

BUILDS = FlatTable(
    "builds",
    _BUILDS,
    f"SELECT {_from(_BUILDS, 'b')} FROM docker_builds AS b {{where}}",
    _BY_TIME,
)
STEPS = FlatTable(
    "steps",
    _STEPS,
    f"SELECT {_from(_STEPS, 's')} FROM docker_builds AS b "
    "CROSS JOIN steps AS s ON s.build_id = b.id {where}",
    _BY_TIME,
)
WARNINGS = FlatTable(
    "warnings",
    _WARNINGS,
    f"SELECT {_from(_WARNINGS, 'w')} FROM docker_builds AS b "
    "CROSS JOIN build_warnings AS w ON w.build_id = b.id {where}",
    _BY_TIME,
)
LAYERS = FlatTable(
    "layers",
    _LAYERS,
    "SELECT i.image_digest, l.position, n.instruction, l.bytes FROM images AS i "
    "JOIN image_layers AS l ON l.image_id = i.id "
    "JOIN layer_instructions AS n ON n.id = l.instruction_id "
    "WHERE i.image_digest IN (SELECT b.image_digest FROM docker_builds AS b {where})",
    ("i.id", "l.position"),
    of_builds=False,
)
STATISTICS = FlatTable(
    "statistics",
    _STATISTICS,
    f"SELECT {_from(_STATISTICS, 'b')} FROM build_statistics AS b {{where}}",
    ("b.id",),
    of_builds=False,
)
TABLES = (BUILDS, STEPS, WARNINGS, LAYERS, STATISTICS)


def given(selection: Selection) -> tuple[FlatTable, ...]:
    """The tables to give of a selection; statistics are over all time, and never of a part."""
    whole_time = selection.since is None and selection.until is None
    return tuple(table for table in TABLES if whole_time or table is not STATISTICS)
