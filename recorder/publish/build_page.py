"""The page of one build: its facts, its steps as a waterfall, its layers, the build before it."""

import sqlite3
from typing import Any

from recorder import figures, queries
from recorder.publish import words
from recorder.publish.asking import Asker, Row
from recorder.publish.charts import waterfall

MOST_STEPS = 1000
_STEPS = f"SELECT * FROM steps WHERE build_id = ? ORDER BY position LIMIT {MOST_STEPS}"
_BEFORE = """
SELECT * FROM docker_builds
WHERE image_name = ? AND (completed_at, id) < (?, ?) ORDER BY completed_at DESC, id DESC LIMIT 1
"""
_COMPARED = (
    ("Duration", "build_duration", figures.duration),
    ("Critical path", "critical_path_seconds", figures.duration),
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
    layers = sorted(asker.query("layers_of_build", build=number), key=lambda row: -row["bytes"])
    return {
        "build": build,
        "usual": usual,
        "verdict": words.verdict(build["build_duration"], usual) if build["success"] else None,
        "before": before,
        "compared": _compared(build, before),
        "tags": words.items(build["image_tags"]),
        "arguments": words.items(build["build_args"]),
        "commit_address": words.commit_address(build["git_remote"], build["git_commit"]),
        "ci_address": words.web_address(build["ci_url"]),
        "lanes": waterfall.lanes(bars),
        "classes": {bar.class_ for bar in bars},
        "marks": waterfall.marks(build["build_duration"]),
        "steps": len(bars),
        "most_steps": MOST_STEPS,
        "layers": [row for row in layers if row["bytes"]],
        "warnings": asker.query("warnings_of_build", build=number),
    }


def _compared(build: Row, before: Row | None) -> list[dict[str, Any]]:
    """The figures of the build beside those of the one before, with their change."""
    rows = []
    for name, column, say in _COMPARED:
        value, old = build[column], before[column] if before else None
        if value is None and old is None:
            continue
        rows.append(
            {
                "name": name,
                "value": say(value),
                "before": say(old),
                "change": words.change(value, old) if value is not None and old else "",
            }
        )
    return rows
