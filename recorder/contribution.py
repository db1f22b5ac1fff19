"""What one build adds to the sums that are kept beside the builds."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from recorder.model import MICRO


class Contribution(NamedTuple):
    """The columns of a build that its image's statistics count: seconds, MB, a UTC instant."""

    image_name: str
    status: str
    build_duration: float
    image_size_mb: float
    cache_ratio: float | None
    saved_seconds: float | None
    completed_at: str


_TAKE = itemgetter(
    "image_name", "build_duration", "image_size_mb", "cache_ratio", "completed_at",
    "success", "canceled", "saved_us",
)  # fmt: skip


def of_stored(row: Mapping[str, Any]) -> Contribution:
    """What a build adds whose row has the stored columns, and `completed_at`."""
    image, duration, size, ratio, completed, success, canceled, saved = _TAKE(row)
    status = "completed" if success else "canceled" if canceled else "failed"
    return Contribution(
        image, status, duration, size, ratio, None if saved is None else saved / MICRO, completed
    )


CONTRIBUTION_COLUMNS = ", ".join(Contribution._fields)
