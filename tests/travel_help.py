"""Histories that travel: random ones, and all that a file holds, to compare."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from recorder import database, flat_tables, store
from recorder.model import STATUSES, Build, Layer, Lint, Step

KEY = b"a key for tests"
NOON = datetime(2025, 7, 10, 4, 0, tzinfo=UTC)
_NUMBERED = frozenset({"id", "build_id", "created_at", "updated_at"})
"""Columns that say where and when a row was written, and nothing of the build."""

# Quotes, commas, line ends, formulas, apostrophes before them, numbers as text, other scripts.
_ODD = st.sampled_from([
    "=1+1", "'=1+1", "''@x", "-3", "'-3", "+4.5e6", "@SUM(A1)", "\tx", "\rx", "a\r\nb\rc",
    'say "hi"', "a,b;c", "'", "über 🐳", "x\x00y", "\x1b[31m", "\u202e", "null", " ",
])  # fmt: skip
_LETTERS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
texts = st.one_of(_ODD, _LETTERS)
maybe_text = st.none() | texts
maybe_empty = texts | st.just("")  # as the instruction of an imported layer is
_KINDS = {"k1": "run", "k2": "copy", "k3": "internal"}
_micros = st.integers(0, 10**10).map(lambda number: number / 1e6)
_counts = st.none() | st.integers(0, 10**6)


@st.composite
def steps(draw: st.DrawFn) -> tuple[Step, ...]:
    """The steps of one build."""
    return tuple(
        Step(
            position=position,
            name=draw(maybe_empty),
            step_key=(key := draw(st.sampled_from([*_KINDS]))),
            kind=_KINDS[key],
            stage=draw(maybe_text),
            step=draw(_counts),
            platform=draw(st.none() | st.just("linux/amd64")),
            cached=draw(st.booleans()),
            shared=draw(st.booleans()),
            critical=draw(st.booleans()),
            started=draw(st.none() | st.integers(-(10**9), 10**10).map(lambda us: us / 1e6)),
            duration=draw(st.none() | _micros),
            bytes=draw(_counts),
            error=draw(maybe_text),
        )
        for position in range(1, draw(st.integers(0, 3)) + 1)
    )


@st.composite
def builds(draw: st.DrawFn) -> Build:
    """A build of one of three images, at one of a few moments, so that equal ones come up."""
    status = draw(st.sampled_from(STATUSES))
    sized = draw(st.booleans())
    return Build(
        image_name=draw(st.sampled_from(["shop", "shop:dev", "=odd, name"])),
        build_duration=draw(st.one_of(st.just(1.5), _micros)),
        completed_at=NOON + timedelta(milliseconds=draw(st.integers(0, 4) | st.integers(0, 10**9))),
        status=status,
        zone=draw(st.sampled_from(["UTC", "Asia/Singapore", "America/New_York"])),
        source=draw(st.sampled_from(["build", "sync", "import"])),
        image_size_bytes=draw(st.integers(1, 10**9)) if sized else None,
        image_size_mb=None if sized else draw(st.none() | st.just(12.5)),
        dockerfile_path=draw(maybe_text),
        build_args=draw(st.dictionaries(texts, texts, max_size=2)),
        error_message=draw(maybe_text),
        image_tags=tuple(draw(st.lists(texts, max_size=2))),
        image_digest=draw(st.none() | st.sampled_from(["sha256:a", "sha256:b"])),
        git_branch=draw(maybe_text),
        git_dirty=draw(st.none() | st.booleans()),
        total_steps=draw(_counts),
        cache_ratio=draw(st.none() | st.sampled_from([0.0, 1 / 3, 1.0])),
        steps=draw(steps()),
        layers=tuple(Layer(i, draw(maybe_empty), i * 10) for i in range(draw(st.integers(0, 2)))),
        lints=tuple(draw(st.lists(st.builds(Lint, maybe_empty, maybe_empty, _counts), max_size=2))),
    )


@st.composite
def histories(draw: st.DrawFn, most: int = 5) -> list[Build]:
    """Several builds, each with a ref of its own or without one."""
    found = draw(st.lists(builds(), max_size=most))
    return [
        replace(build, ref=f"ref{number}" if draw(st.booleans()) else None)
        for number, build in enumerate(found)
    ]


def make(path: Path, found: Iterable[Build]) -> Path:
    """A history of the builds, recorded in their order."""
    with database.connect(path) as connection:
        store.record_all(connection, found, KEY)
    return path


def content(path: Path, *but: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that says something of a build, whatever their numbers; sorted.

    A row of a build's steps or warnings stands beside what tells the build. `but` are tables that
    are left out.
    """
    with database.connect_to_read(path) as connection:
        connection.row_factory = None
        found = {
            table.name: _rows(connection, table)
            for table in flat_tables.TABLES
            if table.name not in but
        }
        for name in {"build_days", "step_last_runs"} - set(but):
            found[name] = sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)
    return found


def _rows(connection: sqlite3.Connection, table: flat_tables.FlatTable) -> list[tuple[Any, ...]]:
    builds = {
        row[0]: row[1:]
        for row in connection.execute(
            "SELECT id, ref, image_name, completed_at, build_duration FROM docker_builds"
        )
    }
    rows = []
    for row in table.rows(connection):
        values = dict(zip(table.names, row, strict=True))
        whose = builds.get(values.get("build_id"), ())
        kept = [value for name, value in values.items() if name not in _NUMBERED]
        rows.append((*whose, *kept))
    return sorted(rows, key=repr)


def is_sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file, and no row belongs to nothing."""
    with closing(sqlite3.connect(path)) as connection:
        checked = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return checked and not connection.execute("PRAGMA foreign_key_check").fetchall()
