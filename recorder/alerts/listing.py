"""Reads alerts to be listed."""

import sqlite3
from typing import Any

from recorder.alert_tables import STATES

_QUERY = (
    "SELECT a.*, (SELECT note FROM alert_events AS e WHERE e.alert_id = a.id AND note IS NOT NULL "
    "ORDER BY e.id DESC LIMIT 1) AS note, "
    "(SELECT timezone FROM docker_builds AS b WHERE b.id = a.first_build_id) AS timezone "
    "FROM alerts AS a "
    "WHERE (?1 IS NULL OR image_name = ?1) AND state IN ({}) "
    "ORDER BY first_at DESC, id DESC LIMIT ?2"
)


def alerts(
    connection: sqlite3.Connection,
    image_name: str | None = None,
    states: tuple[str, ...] = STATES[:4],
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Alerts in these states, the latest change first: rows of `alerts` with their last note.

    `timezone` is that of the first build after the change; None where that is no longer here.
    """
    marks = ", ".join(f"'{state}'" for state in states if state in STATES)
    cursor = connection.execute(_QUERY.format(marks), (image_name, limit))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
