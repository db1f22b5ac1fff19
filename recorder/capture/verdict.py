"""One line on a build that has just ended: how long, against what is usual, how big."""

import sqlite3

from recorder import figures, queries
from recorder.model import Build


def verdict(connection: sqlite3.Connection | None, build: Build) -> str:
    """Such as `12.3 s, usual 9.8 s, 152 MB`, or `failed after 3.1 s`.

    What is usual is the median of the earlier builds of the image that had as much of the cache:
    `queries.usual_duration`. Without a database nothing is.
    """
    took = figures.duration(build.build_duration)
    if build.status != "completed":
        return f"{build.status} after {took}"
    parts = [took]
    if connection is not None:
        usual = queries.usual_duration(
            connection, build.image_name, build.cache_class, before_ref=build.ref
        )
        if usual is not None:
            parts.append(f"usual {figures.duration(usual)}")
    if build.image_size_mb:
        parts.append(figures.megabytes(build.image_size_mb))
    return ", ".join(parts)
