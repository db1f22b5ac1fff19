"""Whether a history is whole: the file is sound, and its statistics are what its builds say."""

import sqlite3
from contextlib import closing
from pathlib import Path

from recorder import statistics

_COLUMNS = (
    "image_name, total_builds, successful_builds, failed_builds, last_build_timestamp, "
    "round(avg_duration, 6), min_duration, max_duration, last_duration, round(avg_size_mb, 6), "
    "last_size_mb, round(avg_cache_ratio, 6), round(total_duration, 6)"
)


def assert_sound(db: Path) -> None:
    """SQLite finds no damage, no row hangs in the air, and the statistics equal DEFINITION."""
    with closing(sqlite3.connect(db)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert plain.execute("PRAGMA foreign_key_check").fetchall() == []
        kept, defined = (
            plain.execute(f"SELECT {_COLUMNS} FROM ({rows}) ORDER BY image_name").fetchall()
            for rows in ("SELECT * FROM build_statistics", statistics.DEFINITION)
        )
        assert kept == defined
