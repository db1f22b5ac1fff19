"""The page of alerts: what changed, how it stands, since when, and where it is seen."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from recorder import times
from recorder.errors import BadValueError
from recorder.publish.asking import Row
from recorder.publish.parameters import BOUNDS, CHOICES

_USUAL = 50
"""How many the canned query gives, if it is not told."""
_ZONES = """
SELECT image_name, timezone FROM build_statistics
WHERE image_name IN (SELECT value FROM json_each(?))
"""


def page(
    connection: sqlite3.Connection, rows: Sequence[Row], asked: Mapping[str, str]
) -> dict[str, Any]:
    """What the page shows of its rows, which are those of the canned query `alerts`.

    An alert's times are told in the zone of its image's latest build; `has_builds` is whether it
    has any. `asked` are the parameters of the query, all of them.
    """
    names = json.dumps([row["image_name"] for row in rows])
    zones = dict(connection.execute(_ZONES, (names,)).fetchall())
    given = {name: value for name, value in asked.items() if value.strip()}
    is_cut = len(rows) == _USUAL and "limit" not in given
    return {
        "alerts": [
            {
                **dict(row),
                "since": _in_zone(row["first_at"], zones.get(row["image_name"])),
                "until": _in_zone(row["ended_at"], zones.get(row["image_name"])),
                "has_builds": row["image_name"] in zones,
            }
            for row in rows
        ],
        "image_name": given.get("image_name", ""),
        "state": given.get("state", "").strip().lower(),
        "states": CHOICES["state"],
        "asked": f"?{urlencode(given)}" if given else "",
        "more": urlencode({**given, "limit": BOUNDS["limit"][1]}) if is_cut else "",
    }


def _in_zone(stamp: str | None, zone: str | None) -> str | None:
    if stamp is None or zone is None:
        return stamp
    try:
        return times.local_text(times.parse(stamp), zone)
    except BadValueError:  # another program wrote the row
        return stamp
