"""The page of benchmarks: one run's results, their trend, and the images that were there."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from recorder import figures
from recorder.publish import words
from recorder.publish.addresses import PageAddresses
from recorder.publish.asking import Asker, Row, title
from recorder.publish.charts import of_query, small

_RUNS, _SPARK = 20, 30
_RUN = "SELECT * FROM benchmark_runs WHERE id = ?"
_RECENT = """
SELECT r.*, (SELECT count(*) FROM benchmark_measurements AS m
  WHERE m.run_id = r.id AND m.status = 'completed') AS results
FROM benchmark_runs AS r ORDER BY r.started_at DESC, r.id DESC LIMIT ?
"""
# What each image was when the run began, and what it is since.
_IMAGES = """
SELECT i.*, s.median_duration, s.last_duration, s.last_size_mb, s.total_builds,
  (SELECT id FROM docker_builds AS b WHERE b.ref = i.ref) AS build
FROM benchmark_images AS i LEFT JOIN build_statistics AS s USING (image_name)
WHERE i.run_id = ? ORDER BY i.image_name
"""
_LATEST_OF = """
SELECT build_duration, image_size_mb FROM docker_builds
WHERE image_name = ? AND success = 1 ORDER BY completed_at DESC, id DESC LIMIT ?
"""


def page(datasette: Any, connection: sqlite3.Connection, rows: Sequence[Row]) -> dict[str, Any]:
    """What the page shows beside the rows of the canned query `benchmark_results`."""
    asker, to = Asker(datasette, connection), PageAddresses(datasette)
    if not rows:
        return {"run": None}
    run = asker.rows(_RUN, (rows[0]["run"],))[0]
    trend = asker.query("benchmark_trend", run=run["id"])
    return {
        "run": run,
        "kind": kind(run),
        "versions": words.items(run["versions"]),
        "commit_address": words.commit_address(run["git_remote"], run["git_commit"]),
        "results": [_result(row, trend) for row in rows],
        "trend": of_query.chart("benchmark_trend", trend, to, title(datasette, "benchmark_trend")),
        "images": [_with_sparks(asker, row) for row in asker.rows(_IMAGES, (run["id"],))],
        "runs": [{**row, "kind": kind(row)} for row in asker.rows(_RECENT, (_RUNS,))],
    }


def kind(run: Mapping[str, Any]) -> str:
    """What a run is, in words; runs of different words do not compare."""
    if run["kind"] == "measured":
        return "measured functions"
    length = "quick" if run["quick"] else "full"
    return f"{length}, {run['copies']} at once" if run["mode"] == "contention" else length


def _result(row: Row, trend: Sequence[Row]) -> dict[str, Any]:
    name = f"{row['suite']}/{row['benchmark']}"
    medians = [each["median"] for each in trend if each["benchmark"] == name and each["median"]]
    change = ""
    if row["median"] and row["before_median"]:
        change = words.change(row["median"], row["before_median"])
    return {
        **row,
        "name": name,
        "took": figures.precise(row["median"]),
        "spread": figures.precise(row["stdev"]),
        "cpu": figures.precise(row["cpu_seconds"]),
        "memory": figures.megabytes((row["peak_memory_bytes"] or 0) / 1e6),
        "change": change,
        "checked": [item.replace("=", " ", 1) for item in words.items(row["figures"])],
        "doubts": words.items(row["unstable"]),
        "spark": small.spark(medians[::-1][-_SPARK:], name),
    }


def _with_sparks(asker: Asker, image: Row) -> dict[str, Any]:
    latest = asker.rows(_LATEST_OF, (image["image_name"], _SPARK))[::-1]
    sizes = [row["image_size_mb"] for row in latest if row["image_size_mb"]]
    return {
        **image,
        "durations": small.spark([row["build_duration"] for row in latest], "durations"),
        "sizes": small.spark(sizes, "sizes", "saved"),
    }
