"""What people say of alerts: that they know of one, or that it is mended."""

import sqlite3
from collections.abc import Iterable

from recorder import redact, times
from recorder.alert_tables import STANDING
from recorder.database import transaction
from recorder.errors import AlertNotFoundError, BadValueError
from recorder.judging.book import STANDS

_AFTER_BUILDS = (
    "SELECT max(strftime('%Y-%m-%dT%H:%M:%fZ', completed_at, '+0.001 seconds')) "
    "FROM docker_builds WHERE image_name = ?"
)
"""Nothing of a row whose time another program has spoiled."""


def acknowledge(
    connection: sqlite3.Connection, numbers: Iterable[int], note: str | None = None
) -> int:
    """Take the level of these alerts as usual from now on; gives how many were not so before.

    Raises AlertNotFoundError, or BadValueError for one that does not stand; then none is changed.
    """
    return _say(connection, numbers, "acknowledged", STANDS, note)


def resolve(connection: sqlite3.Connection, numbers: Iterable[int], note: str | None = None) -> int:
    """Call these alerts mended: what comes from now on is judged by what was usual before them.

    Gives how many were not so before. Raises as `acknowledge` does.
    """
    return _say(connection, numbers, "resolved", STANDS | {"acknowledged"}, note)


def others(connection: sqlite3.Connection, numbers: Iterable[int]) -> list[int]:
    """The alerts that stand for the same change of the same images as these."""
    asked = [*numbers]
    rows = connection.execute(
        f"SELECT id FROM alerts WHERE {STANDING} AND (image_name, group_key) IN ("
        f"SELECT image_name, group_key FROM alerts WHERE id IN ({', '.join('?' * len(asked))})) "
        "ORDER BY id",
        asked,
    )
    return [number for (number,) in rows]


def _say(
    connection: sqlite3.Connection,
    numbers: Iterable[int],
    state: str,
    possible: frozenset[str],
    note: str | None,
) -> int:
    now = times.utc_text(times.now())
    clean = redact.Redactor(redact.load_key()).text(note) if note else None
    changed = 0
    with transaction(connection):
        for number in dict.fromkeys(numbers):
            row = connection.execute(
                "SELECT state, image_name FROM alerts WHERE id = ?", (number,)
            ).fetchone()
            if row is None:
                raise AlertNotFoundError(
                    f"there is no alert {number}", "see `buildrec alerts list --all`"
                )
            if row[0] == state and not clean:
                continue
            if row[0] not in possible | {state}:
                raise BadValueError(
                    f"alert {number} is {row[0]} and does not stand",
                    "see `buildrec alerts list` for those that do",
                )
            changed += row[0] != state
            ended = None
            if state == "resolved" and row[0] != state:
                ended = max(now, _after_builds(connection, row[1]))
            connection.execute(
                "UPDATE alerts SET state = ?, ended_at = coalesce(?, ended_at), updated_at = ? "
                "WHERE id = ?",
                (state, ended, now, number),
            )
            connection.execute(
                "INSERT INTO alert_events (alert_id, at, state, rule, note) "
                "VALUES (?, ?, ?, NULL, ?)",
                (number, now, state, clean),
            )
        connection.execute("DELETE FROM judged_images")  # what was said may tell otherwise
    return changed


def _after_builds(connection: sqlite3.Connection, image_name: str) -> str:
    """The moment after the image's latest build, which another clock may have dated ahead of ours.

    What a person calls mended would otherwise be told again with the builds that are there.
    """
    (moment,) = connection.execute(_AFTER_BUILDS, (image_name,)).fetchone()
    return moment or ""
