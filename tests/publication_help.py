"""Builds for the tests of the publication, and the publication of a file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from recorder import database, store
from recorder.model import Build, Step

NOON = datetime(2025, 7, 10, 4, 0, tzinfo=UTC)
KEY = b"a key for tests"


def build(
    image: str = "shop/api", *, hours: float = 0, seconds: float = 10.0, **more: Any
) -> Build:
    """A build that finished some hours after noon (in Singapore) of 10 July 2025."""
    return Build(
        image_name=image,
        build_duration=seconds,
        completed_at=NOON + timedelta(hours=hours),
        **more,
    )


def step(position: int, name: str, **more: Any) -> Step:
    """A step whose identity is its name."""
    usual = {"kind": "run", "started": 0.0, "duration": 1.0}
    return Step(position, name, f"key of {name}", **usual | more)


def record(path: Path, *builds: Build) -> None:
    """Store the builds in the file."""
    with database.connect(path) as connection:
        store.record_all(connection, builds, KEY)


def record_a_shop(path: Path) -> None:
    """Store two builds that went well, one that failed with a hostile error, one canceled."""
    record(
        path,
        build(
            "shop/api",
            hours=0,
            seconds=20,
            ref="ref1",
            cache_ratio=0.5,
            image_size_bytes=100_000_000,
            steps=(step(0, "[1/1] RUN make"),),
        ),
        build("shop/api", hours=1, seconds=10, ref="ref2", cache_ratio=0.0),
        build(
            "shop/web",
            hours=2,
            seconds=5,
            status="failed",
            ref="ref3",
            error_message='=cmd|" /C calc"!A0\nsecond line \x1b[31m\u202e',
            ci_url="https://ci.example/1",
        ),
        build("shop/web", hours=3, seconds=6, status="canceled"),
    )
