"""The page of one image: its builds over time, its figures, its steps, its layers."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from recorder.publish.addresses import PageAddresses
from recorder.publish.asking import Asker, Row
from recorder.publish.charts import of_query

_STEPS = 12
_OFTEN = 3
_ALERTS = 10


def page(datasette: Any, connection: sqlite3.Connection, builds: Sequence[Row]) -> dict[str, Any]:
    """What the page shows beside its builds, which are the rows of the canned query `image`."""
    asker, to = Asker(datasette, connection), PageAddresses(datasette)
    if not builds:
        return {"image": None}
    name = builds[0]["image_name"]
    steps = asker.query("image_steps", image_name=name)
    layers = asker.query("layers", image_name=name)
    alerts = asker.query("alerts", image_name=name, state="all", limit=_ALERTS)
    missed = [row for row in steps if row["appearances"] >= _OFTEN and row["runs"]]
    missed.sort(key=lambda row: (-row["miss_share"], -row["total_duration"]))
    return {
        "image": asker.query("image_statistics", image_name=name)[0],
        "alerts": [row for row in alerts if row["state"] != "withdrawn"],
        "timeline": of_query.chart("image", builds, to, f"Builds of {name}"),
        "slowest": [row for row in steps if row["runs"]][:_STEPS],
        "missed": missed[:_STEPS],
        "layers_chart": of_query.chart("layers", layers, to, f"Layers of {name}"),
    }
