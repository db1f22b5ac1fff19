"""Whether the step that made builds slower is named: images with steps, recorded and judged."""

import random
import sqlite3
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from recorder import database, store
from recorder.alerts.full_pass import judge_all
from recorder.model import Build, Step
from tests.benchmarks.generator import UNTIL
from tests.benchmarks.places import KEY

_BUILDS, _AT = 40, 30


class Guilt(NamedTuple):
    """Shares: of images that alarm at all, and of those the ones that name the step, and no other.

    A step that was nearly always cached has too few runs to compare with: then nothing alarms.
    """

    alarmed: float
    right: float


def measure(images: int, seed: int = 5) -> Guilt:
    """Examine images of which one step became slower, each at another time than the others."""
    source = random.Random(seed)
    right = alarmed = 0
    with tempfile.TemporaryDirectory() as folder, database.connect(Path(folder) / "h.db") as file:
        file.execute("PRAGMA synchronous = OFF")
        for number in range(images):
            name = f"image-{number}"
            begun = UNTIL + timedelta(days=10 * number)
            slower = _record(file, name, source, begun, cold=number % 2 == 0)
            judge_all(file, [name])
            rows = file.execute(
                "SELECT coalesce(step_key, guilty_step_key) FROM alerts WHERE image_name = ? "
                "AND direction = 'worse' AND metric IN ('duration', 'step') "
                "AND state IN ('open', 'confirmed')",
                (name,),
            ).fetchall()
            named = {row[0] for row in rows if row[0]}
            alarmed += bool(rows)
            right += named == {slower}
    return Guilt(alarmed / images, right / max(1, alarmed))


def _record(
    connection: sqlite3.Connection, name: str, source: random.Random, begun: datetime, *, cold: bool
) -> str:
    """Forty builds, of which one step becomes slower from the thirty-first on; gives that step."""
    usual = [source.lognormvariate(2.5, 0.8) + 2 for _ in range(source.randrange(6, 14))]
    slow = source.randrange(len(usual))
    added = sum(usual) * source.uniform(0.15, 0.5)
    for number in range(_BUILDS):
        begin = 0 if cold else source.randrange(1 + (slow if number >= _AT else len(usual) - 2))
        steps, moment = [], 0.0
        for place, seconds in enumerate(usual):
            ran = place >= begin
            took = seconds * source.lognormvariate(0, 0.05) if ran else 0.0
            if ran and place == slow and number >= _AT:
                took += added
            steps.append(
                Step(
                    position=place + 1, name=f"[{place + 1}/{len(usual)}] RUN part {place}",
                    step_key=f"{name}-{place}", kind="run", instruction=f"RUN part {place}",
                    cached=not ran, started=moment, duration=took,
                )
            )  # fmt: skip
            moment += took
        store.record(
            connection,
            Build(
                image_name=name, build_duration=moment + source.uniform(0.5, 1.5),
                completed_at=begun + timedelta(hours=number), ref=f"{name}-{number:03}",
                builder="default", platform="linux/amd64",
                cache_ratio=begin / len(usual), steps=tuple(steps),
            ),
            KEY,
        )  # fmt: skip
    return f"{name}-{slow}"
