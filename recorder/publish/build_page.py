"""The page of one build: its facts, its steps as a waterfall, its layers, the build before it."""

import sqlite3
import statistics
from typing import Any

from recorder import base_names, figures, queries
from recorder.publish import words
from recorder.publish.asking import Asker, Row
from recorder.publish.charts import waterfall

MOST_STEPS = 1000
_STEPS = f"SELECT * FROM steps WHERE build_id = ? ORDER BY position LIMIT {MOST_STEPS}"
_BEFORE = """
SELECT * FROM docker_builds
WHERE image_name = ? AND (completed_at, id) < (?, ?) ORDER BY completed_at DESC, id DESC LIMIT 1
"""
_RUNS_BEFORE = """
SELECT n.step_key, s.cached, s.duration_us / 1e6 AS duration, b.id AS build
FROM (
  SELECT id FROM docker_builds
  WHERE image_name = ? AND (completed_at, id) < (?, ?) AND success = 1
  ORDER BY completed_at DESC, id DESC LIMIT 100
) AS b
CROSS JOIN build_steps AS s ON s.build_id = b.id
CROSS JOIN step_names AS n ON n.id = s.name_id
WHERE s.duration_us IS NOT NULL
"""
_COMPARED = (
    ("Duration", "build_duration", figures.duration),
    ("Critical path", "critical_path_seconds", figures.duration),
    ("Off the critical path", "waiting_seconds", figures.duration),
    ("Image size", "image_size_mb", figures.megabytes),
    ("Instructions cached", "cache_ratio", figures.percent),
    ("Saved by the cache", "saved_seconds", figures.duration),
    ("Context sent", "context_bytes", lambda size: figures.megabytes(size and size / 1e6)),
    ("Warnings", "warnings", lambda number: "—" if number is None else str(number)),
)


def page(datasette: Any, connection: sqlite3.Connection, number: str) -> dict[str, Any]:
    """What the page of build `number` shows; `build` is None where there is none."""
    asker = Asker(datasette, connection)
    found = asker.rows("SELECT * FROM docker_builds WHERE id = ?", (number,))
    if not found:
        return {"build": None}
    build = found[0]
    key = (build["image_name"], build["completed_at"], build["id"])
    before = next(iter(asker.rows(_BEFORE, key)), None)
    usual = queries.usual_duration(
        connection, build["image_name"], build["cache_class"], before=build["completed_at"]
    )
    steps = asker.rows(_STEPS, (build["id"],))
    bars = waterfall.bars(steps, build["build_duration"])
    runs = asker.rows(_RUNS_BEFORE, key)
    layers = sorted(asker.query("layers_of_build", build=number), key=lambda row: -row["bytes"])
    return {
        "build": build,
        "alerts": _alerts(asker, build),
        "usual": usual,
        "verdict": words.verdict(build["build_duration"], usual) if build["success"] else None,
        "before": before,
        "compared": _compared(build, before),
        "tags": words.items(build["image_tags"]),
        "arguments": words.items(build["build_args"]),
        "commit_address": words.commit_address(build["git_remote"], build["git_commit"]),
        "ci_address": words.web_address(build["ci_url"]),
        "standing": _standing(steps, runs, before),
        "lanes": waterfall.lanes(bars),
        "classes": {bar.class_ for bar in bars},
        "marks": waterfall.marks(waterfall.length(steps, build["build_duration"])),
        "steps": len(bars),
        "most_steps": MOST_STEPS,
        "layers": [
            {**row, "instruction": base_names.of_layer(row["instruction"])}
            for row in layers
            if row["bytes"]
        ],
        "warnings": asker.query("warnings_of_build", build=number),
    }


def _alerts(asker: Asker, build: Row) -> list[Row]:
    """The alerts that the build is in: begun by it or before it, and not over by then."""
    at, of_class = build["completed_at"], (None, build["cache_class"])
    return [
        row
        for row in asker.query("alerts", image_name=build["image_name"], state="all")
        if row["state"] != "withdrawn"
        and row["first_at"] <= at < (row["ended_at"] or "~")
        and row["cache_class"] in of_class
    ]


def _compared(build: Row, before: Row | None) -> list[dict[str, Any]]:
    """The figures of the build beside those of the one before, with their change."""
    build = {**build, "waiting_seconds": queries.waiting_seconds(build)}
    if before:
        before = {**before, "waiting_seconds": queries.waiting_seconds(before)}
    rows = []
    for name, column, say in _COMPARED:
        value, old = build[column], before[column] if before else None
        if column == "image_size_mb":  # 0.0 stands for no image
            value, old = value or None, old or None
        if value is None and old is None:
            continue
        change = _change(column, value, old)
        if before and column == "image_size_mb" and before["size_kind"] != build["size_kind"]:
            change = change and "counted differently"
        rows.append(
            {
                "name": name,
                "value": say(value),
                "before": say(old),
                "change": change,
            }
        )
    return rows


def _standing(
    steps: list[Row], runs: list[Row], before: Row | None
) -> dict[int, tuple[words.Verdict, str]]:
    """How steps that ran stand to their runs before, by position: a verdict, and what it means.

    The runs are those in the image's latest 100 successful builds before. A step that the build
    just before had from the cache is told by that.
    """
    took: dict[str, list[float]] = {}
    cached = set()
    for run in runs:
        if not run["cached"]:
            took.setdefault(run["step_key"], []).append(run["duration"])
        elif before and run["build"] == before["id"]:
            cached.add(run["step_key"])
    found = {}
    for step in steps:
        key = step["step_key"]
        if step["cached"] or step["duration"] is None:
            continue
        usual = statistics.median(took[key]) if key in took else None
        said = words.verdict(step["duration"], usual)
        if key in cached:
            found[step["position"]] = (words.Verdict("slower", "was cached"), "in the build before")
        elif said and said.class_ != "soft":
            found[step["position"]] = (said, f"usually {figures.duration(usual)}")
    return found


def _change(column: str, value: float | None, old: float | None) -> str:
    if value is None or old is None:
        return ""
    if column == "cache_ratio":  # a share of a share would mislead
        return words.points(value, old)
    return words.change(value, old) if old else ""
