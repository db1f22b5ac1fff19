"""Whether a builder's slow days alarm where other images on it tell: recorded and judged."""

import random
import sqlite3
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from recorder import database, store
from recorder.alerts.full_pass import judge_all
from recorder.model import Build
from tests.benchmarks import alert_series
from tests.benchmarks.generator import UNTIL
from tests.benchmarks.places import KEY

_IMAGES = 3
_AT_ONCE = 5
"""Builders that work at the same time."""
_LENGTHS = (20, 40, 80)
_SLOWER = 0.3
"""How much a change adds that is no slow day."""


class SlowDays(NamedTuple):
    """Shares of images: those in which nothing changed that fail `check`, and changes found.

    A change is found when it fails `check` three builds after it, on a builder with slow days.
    """

    failing: float
    found: float


def measure(builders: int, seed: int = 6) -> SlowDays:
    """Examine builders with slow days, each with three images, one of which changes at the end."""
    source = random.Random(seed)
    failing = found = 0
    with tempfile.TemporaryDirectory() as folder, database.connect(Path(folder) / "h.db") as file:
        file.execute("PRAGMA synchronous = OFF")
        for builder in range(builders):
            names = [f"image-{builder}-{number}" for number in range(_IMAGES)]
            begun = UNTIL + timedelta(days=10 * (builder // _AT_ONCE))
            _record(file, f"builder-{builder}", begun, names, source)
            bad = [name for name in names if _fails(file, name)]
            found += names[0] in bad
            failing += len(set(bad) - {names[0]})
    return SlowDays(failing / (builders * (_IMAGES - 1)), found / builders)


def _record(
    connection: sqlite3.Connection,
    builder: str,
    begun: datetime,
    names: list[str],
    source: random.Random,
) -> None:
    """Builds of each image in turn; the first image is slower in its latest three."""
    length, noise = source.choice(_LENGTHS), source.choice(alert_series.NOISE[:2])
    usual = {name: source.choice(alert_series.USUAL) for name in names}
    days = alert_series.slow_days(length, source)
    for number, day in enumerate(days):
        for place, name in enumerate(names):
            factor = day * max(0.3, 1 + noise * source.gauss(0, 1))
            if place == 0 and number >= length - 3:
                factor *= 1 + _SLOWER
            build = Build(
                image_name=name,
                build_duration=usual[name] * factor,
                completed_at=begun + timedelta(hours=number, minutes=place),
                builder=builder,
                cache_ratio=0.0,
            )
            store.record(connection, build, KEY)


def _fails(connection: sqlite3.Connection, name: str) -> bool:
    judge_all(connection, [name])
    return bool(
        connection.execute(
            "SELECT 1 FROM alerts WHERE image_name = ? AND metric = 'duration' "
            "AND direction = 'worse' AND state IN ('open', 'confirmed')",
            (name,),
        ).fetchone()
    )
