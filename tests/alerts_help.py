"""Histories whose builds change at a known place."""

import random
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from recorder import database, store
from recorder.alerts.full_pass import judge_all
from recorder.model import Build, Step

KEY = b"a key for tests"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def build(number: float, seconds: float, image: str = "app", **more: Any) -> Build:
    """The build that is `number` hours after noon."""
    told = {"ref": f"{image}{number:08}", "git_commit": f"{int(number):040x}"} | more
    moment = NOON + timedelta(hours=number)
    return Build(image_name=image, build_duration=seconds, completed_at=moment, **told)


def stepped(
    number: int, durations: Sequence[float], cached: Collection[int] = (), **more: Any
) -> Build:
    """A build of steps that take so long, some of them from the cache, and a second besides."""
    steps = tuple(
        Step(position=i + 1, name=f"[{i + 1}/{len(durations)}] RUN part {i}",
             step_key=f"key{i}", kind="run", instruction=f"RUN part {i}",
             cached=i in cached, started=0.0, duration=0.0 if i in cached else seconds)
        for i, seconds in enumerate(durations)
    )  # fmt: skip
    total = sum(step.duration or 0.0 for step in steps)
    return build(number, total + 1, steps=steps,
                 cache_ratio=len(cached) / len(durations), **more)  # fmt: skip


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


def judged(path: Path) -> int:
    """Judge all of a history; gives how many alerts changed."""
    with database.connect(path) as connection:
        return judge_all(connection)
