"""Histories whose builds change at a known place."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from recorder import database, store
from recorder.model import Build

KEY = b"a key for tests"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def build(number: int, seconds: float, image: str = "app", **more: Any) -> Build:
    """The build that is `number` hours after noon."""
    told = {"ref": f"{image}{number:08}", "git_commit": f"{number:040x}"} | more
    moment = NOON + timedelta(hours=number)
    return Build(image_name=image, build_duration=seconds, completed_at=moment, **told)


def noisy(count: int, usual: float = 100.0, noise: float = 0.02, seed: int = 1) -> list[float]:
    """Durations around a usual one."""
    source = random.Random(seed)
    return [usual * (1 + noise * source.gauss(0, 1)) for _ in range(count)]


def record(path: Path, builds: Iterable[Build]) -> None:
    """Record builds one by one, as they end."""
    with database.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for one in builds:
            store.record(connection, one, KEY)


def record_series(path: Path, values: Sequence[float], start: int = 0, **more: Any) -> None:
    """Record a build for each duration."""
    record(path, [build(start + i, value, **more) for i, value in enumerate(values)])


def rows(path: Path, columns: str = "metric, direction, state, first_build_id") -> list[Any]:
    """These columns of all alerts but withdrawn ones."""
    with database.connect(path) as connection:
        return connection.execute(
            f"SELECT {columns} FROM alerts WHERE state <> 'withdrawn' ORDER BY id"
        ).fetchall()
