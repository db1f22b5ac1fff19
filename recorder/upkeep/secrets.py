"""Finds secrets that an older version, or another tool, let into the file, and masks them.

The rules are those of recording: values of arguments with telling names, tokens of well-known
formats, credentials in URLs, and every repetition of a value that is known by now.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator

from recorder import redact, schema, statistics, times
from recorder.database import transaction
from recorder.redact import Redactor
from recorder.tables import Table
from recorder.upkeep.findings import FIX, Finding
from recorder.upkeep.keys import primary_key

_ARGUMENTS = "build_args"
# Written by us, from values that cannot hold a secret.
_OURS = frozenset({"step_key", "status", "source", "cache_class", "kind", "sha256"})
_MERGED = {
    "step_names": ("build_steps", "name_id", ("step_key", "name")),
    "layer_instructions": ("image_layers", "instruction_id", ("instruction",)),
}
"""Tables of distinct texts: who refers to them, by which column, and what is unique in them."""


def find(connection: sqlite3.Connection, key: bytes) -> list[Finding]:
    """Which columns hold secrets, and in how many rows."""
    redactor = _knowing_all(connection, key)
    counts: Counter[str] = Counter()
    for table in schema.TABLES:
        for column, _, _, _ in _changes(connection, table, redactor):
            counts[f"{table.name}.{column}"] += 1
    return [
        Finding("secrets", f"{place} holds secrets in {count} rows", FIX)
        for place, count in sorted(counts.items())
    ]


def clean(connection: sqlite3.Connection, key: bytes) -> int:
    """Mask every secret in the file, and leave nothing of it in free pages; gives how many rows."""
    redactor = _knowing_all(connection, key)
    changed = 0
    connection.execute("PRAGMA secure_delete = ON")
    with transaction(connection):
        for table in schema.TABLES:
            for column, where, values, text in list(_changes(connection, table, redactor)):
                _replace(connection, table, column, where, values, text)
                changed += 1
        if changed:
            images = connection.execute(
                "SELECT image_name FROM docker_builds UNION SELECT image_name FROM build_statistics"
            ).fetchall()
            now = times.utc_text(times.now())
            statistics.rebuild(connection, [row[0] for row in images], now)
    if changed:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return changed


def _knowing_all(connection: sqlite3.Connection, key: bytes) -> Redactor:
    """A redactor that knows every secret value that the arguments of all builds tell."""
    known: set[str] = set()
    query = "SELECT DISTINCT build_args FROM docker_builds WHERE build_args <> '{}'"
    for (text,) in connection.execute(query):
        known |= redact.secret_values(_arguments(text))
    return Redactor(key, known)


def _changes(
    connection: sqlite3.Connection, table: Table, redactor: Redactor
) -> Iterator[tuple[str, str, tuple[object, ...], str]]:
    """Each text that masking changes: its column, its row (as WHERE and values), the new text."""
    keys = primary_key(table)
    where = " AND ".join(f"{name} = ?" for name in keys)
    texts = [
        column.name
        for column in table.columns
        if column.sql.startswith("TEXT") and not column.derived and column.name not in _OURS
    ]
    for column in texts:
        rows = connection.execute(
            f"SELECT {', '.join(keys)}, {column} FROM {table.name} WHERE {column} IS NOT NULL"
        )
        for row in rows:
            *values, old = row
            new = _masked(column, old, redactor)
            if new != old:
                yield column, where, tuple(values), new


def _masked(column: str, text: str, redactor: Redactor) -> str:
    if column != _ARGUMENTS:
        return redactor.text(text)
    arguments = _arguments(text)
    masked = redactor.arguments(arguments)
    if masked == arguments:
        return text
    return json.dumps(masked, ensure_ascii=False, sort_keys=True)


def _arguments(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _replace(
    connection: sqlite3.Connection,
    table: Table,
    column: str,
    where: str,
    values: tuple[object, ...],
    text: str,
) -> None:
    """Write the masked text; where that makes the row equal to another, join the two."""
    update = f"UPDATE OR IGNORE {table.name} SET {column} = ? WHERE {where}"
    if connection.execute(update, (text, *values)).rowcount:
        return
    if table.name in _MERGED:
        referring, reference, unique = _MERGED[table.name]
        others = " AND ".join(
            f"a.{name} = {'?1' if name == column else f'b.{name}'}" for name in unique
        )
        connection.execute(
            f"UPDATE {referring} SET {reference} = (SELECT a.id FROM {table.name} AS a, "
            f"{table.name} AS b WHERE b.id = ?2 AND {others}) WHERE {reference} = ?2",
            (text, values[0]),
        )
    connection.execute(f"DELETE FROM {table.name} WHERE {where}", values)
