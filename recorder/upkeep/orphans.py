"""Rows that nothing refers to any more: names of steps, images, instructions of layers."""

import sqlite3

from recorder.database import transaction
from recorder.input_store import COLUMNS

_USED_PARTS = " UNION ".join(f"SELECT {column} FROM build_inputs" for column in COLUMNS)

UNUSED = {
    "step_names": "id NOT IN (SELECT name_id FROM build_steps)",
    "images": "image_digest NOT IN "
    "(SELECT image_digest FROM docker_builds WHERE image_digest IS NOT NULL)",
    "layer_instructions": "id NOT IN (SELECT instruction_id FROM image_layers)",
    "input_parts": f"id NOT IN (WITH RECURSIVE used (id) AS ({_USED_PARTS} UNION "
    "SELECT p.base_id FROM used CROSS JOIN input_parts AS p ON p.id = used.id) "
    "SELECT id FROM used WHERE id IS NOT NULL)",
}
"""Which rows of each table no build needs."""

_ATTEMPTS = 5


def count(connection: sqlite3.Connection) -> dict[str, int]:
    """How many rows of each table no build needs, where there are any."""
    found = {}
    for table, unused in UNUSED.items():
        (number,) = connection.execute(f"SELECT count(*) FROM {table} WHERE {unused}").fetchone()
        if number:
            found[table] = number
    return found


def sweep(connection: sqlite3.Connection) -> int:
    """Delete them; gives how many rows of images and names went.

    Finding them takes a look at every step of the file, so that is done before the lock is taken,
    and again when somebody has written meanwhile; under the lock only after some attempts.
    """
    enforced = connection.execute("PRAGMA foreign_keys").fetchone()[0]
    # What has no index on its side would be looked for in all steps, for each name that goes.
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        return _swept(connection)
    finally:
        connection.execute(f"PRAGMA foreign_keys = {enforced}")


def _swept(connection: sqlite3.Connection) -> int:
    for _ in range(_ATTEMPTS):
        before = _version(connection)
        found = _find(connection)
        with transaction(connection):
            if _version(connection) == before:
                return _delete(connection, found)
    with transaction(connection):
        return _delete(connection, _find(connection))


def _version(connection: sqlite3.Connection) -> int:
    """A number that changes with what others commit."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _find(connection: sqlite3.Connection) -> dict[str, list[tuple[int]]]:
    return {
        table: connection.execute(f"SELECT id FROM {table} WHERE {UNUSED[table]}").fetchall()
        for table in ("step_names", "images", "input_parts")
    }


def _delete(connection: sqlite3.Connection, found: dict[str, list[tuple[int]]]) -> int:
    for table, ids in found.items():
        connection.executemany(f"DELETE FROM {table} WHERE id = ?", ids)
    connection.executemany("DELETE FROM image_layers WHERE image_id = ?", found["images"])
    table = "layer_instructions"
    connection.execute(f"DELETE FROM {table} WHERE {UNUSED[table]}")
    return sum(map(len, found.values()))
