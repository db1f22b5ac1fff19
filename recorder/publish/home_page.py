"""The overview: what runs, what was built, how it stands, where the time goes."""

import sqlite3
from typing import Any

from recorder.publish.addresses import PageAddresses
from recorder.publish.asking import Asker, Row, title
from recorder.publish.charts import of_query, small
from recorder.publish.words import verdict

_BUILDS, _IMAGES, _STEPS, _SPARK = 12, 20, 8, 30
_ALERTS, _OF_ALERTS = 6, 200
_LATEST_OF = """
SELECT build_duration, image_size_mb FROM docker_builds
WHERE image_name = ? AND success = 1 ORDER BY completed_at DESC, id DESC LIMIT ?
"""


def page(datasette: Any, connection: sqlite3.Connection) -> dict[str, Any]:
    """What the overview shows."""
    asker, to = Asker(datasette, connection), PageAddresses(datasette)
    days = asker.query("time_spent", days=30)
    return {
        "live": asker.rows("SELECT * FROM live ORDER BY started_at"),
        "builds": [
            {**row, "verdict": verdict(row["build_duration"], row["usual_duration"])}
            for row in asker.query("recent_builds", limit=_BUILDS)
        ],
        "images": [
            _with_sparks(asker, row) for row in asker.query("image_statistics", limit=_IMAGES)
        ],
        "totals": _totals(days),
        "days_chart": of_query.chart("time_spent", days, to, title(datasette, "time_spent")),
        "alerts": _worse(asker.query("alerts", limit=_OF_ALERTS))[:_ALERTS],
        "standing": asker.query("standing_failures"),
        "slowest": asker.query("slowest_steps", limit=_STEPS),
    }


def _worse(alerts: list[Row]) -> list[Row]:
    """Those for worse that nobody has acknowledged, what is more than a warning first."""
    found = [a for a in alerts if a["direction"] == "worse" and a["state"] != "acknowledged"]
    return sorted(found, key=lambda alert: alert["state"] == "warning")


def _with_sparks(asker: Asker, image: Row) -> dict[str, Any]:
    latest = asker.rows(_LATEST_OF, (image["image_name"], _SPARK))[::-1]
    sizes = [row["image_size_mb"] for row in latest if row["image_size_mb"]]
    return {
        **image,
        "durations": small.spark([row["build_duration"] for row in latest], "durations"),
        "sizes": small.spark(sizes, "sizes", "saved"),
    }


def _totals(days: list[Row]) -> dict[str, float | None]:
    names = [name for name in days[0] if name != "day"] if days else []
    sums = {name: sum(row[name] for row in days) for name in names}
    judged = sums.get("successful_builds", 0) + sums.get("failed_builds", 0)
    return {**sums, "success_share": sums["successful_builds"] / judged if judged else None}
