"""What our own pages show beyond what Datasette gives them, as plain values for the templates."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

LATEST_BUILDS = """
SELECT id, image_name, build_timestamp, status, build_duration, image_size_mb, cache_ratio,
  error_message
FROM docker_builds ORDER BY completed_at DESC, id DESC LIMIT 20
"""

IMAGES = """
SELECT image_name, total_builds, failed_builds, median_duration, last_duration, last_size_mb,
  total_duration
FROM build_statistics ORDER BY total_duration DESC, image_name LIMIT 20
"""

MOST_STEPS = 1000
STEPS = f"""
SELECT position, stage, name, kind, cached, shared, critical, started, duration, bytes, error
FROM steps WHERE build_id = :build ORDER BY position LIMIT {MOST_STEPS}
"""


class Bar(NamedTuple):
    """A step with its place in the waterfall, in percent of the build."""

    step: Mapping[str, Any]
    left: float
    width: float


def waterfall(steps: Iterable[Mapping[str, Any]], build_seconds: float) -> list[Bar]:
    """The steps as bars over the time of the build; a step that never ran has no width.

    What lies before the build's own beginning (a step that another build had begun) is cut off.
    """
    rows = list(steps)
    ends = [(row["started"] or 0.0) + (row["duration"] or 0.0) for row in rows]
    whole = max([build_seconds, *ends]) or 1.0
    bars = []
    for row, end in zip(rows, ends, strict=True):
        left = min(max((row["started"] or 0.0) / whole, 0.0), 1.0)
        width = max(min(end / whole, 1.0) - left, 0.0) if row["duration"] else 0.0
        bars.append(Bar(row, round(left * 100, 3), round(width * 100, 3)))
    return bars


def moment(text: str | None) -> str:
    """A stored timestamp to the minute, as `2025-07-10 16:56`."""
    return (text or "")[:16].replace("T", " ")
