"""The page of one step across builds."""

import statistics
from collections.abc import Sequence
from typing import Any

from recorder.publish.addresses import PageAddresses
from recorder.publish.asking import Row
from recorder.publish.charts import of_query


def page(datasette: Any, rows: Sequence[Row]) -> dict[str, Any]:
    """What the page shows beside its rows, which are those of the canned query `step`."""
    if not rows:
        return {"step": None}
    started = [row for row in rows if row["started"] is not None]
    ran = [row["duration"] for row in started if not row["cached"] and row["duration"] is not None]
    return {
        "step": rows[0],
        "seen": len(started),
        "ran": len(ran),
        "median": statistics.median(ran) if ran else None,
        "longest": max(ran, default=None),
        "cached_share": sum(row["cached"] for row in started) / len(started) if started else None,
        "images": sorted({row["image_name"] for row in rows}),
        "chart": of_query.chart("step", rows, PageAddresses(datasette), "This step over time"),
    }
