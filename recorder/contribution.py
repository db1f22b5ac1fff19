"""What one build adds to the sums that are kept beside the builds."""

from typing import NamedTuple


class Contribution(NamedTuple):
    """The columns of a build that its image's statistics count: seconds, MB, a UTC instant."""

    image_name: str
    status: str
    build_duration: float
    image_size_mb: float
    cache_ratio: float | None
    saved_seconds: float | None
    completed_at: str


CONTRIBUTION_COLUMNS = ", ".join(Contribution._fields)
