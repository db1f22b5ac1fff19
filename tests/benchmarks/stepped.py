"""Images with steps, one of which becomes slower: recorded and judged as real builds are."""

import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from recorder import database, store, times
from recorder.alerts.full_pass import judge_all
from recorder.judging.limits import ENOUGH
from recorder.model import Build, Step
from tests.benchmarks import alert_series
from tests.benchmarks.alert_scores import MARGIN, SOON
from tests.benchmarks.generator import UNTIL
from tests.benchmarks.places import KEY

_WORSE = (
    "SELECT coalesce(step_key, guilty_step_key) FROM alerts WHERE image_name = ? "
    "AND direction = 'worse' AND metric IN ('duration', 'step') AND state IN ('open', 'confirmed') "
    "AND first_at >= ?"
)


class Found(NamedTuple):
    """Shares of images: changes that were found soon; of those found at all, guilt named rightly.

    `alarmed` is the share of changed images that alarm once the whole history was judged.
    """

    soon: float
    alarmed: float
    right: float


class Quiet(NamedTuple):
    """Of images in which nothing changes: false alarms in 1,000 builds, share that fails `check`.

    An alarm of any series of an image counts: of its duration and of each of its steps.
    """

    in_a_thousand: float
    failing: float


class _Image:
    """Steps with their usual seconds; cold images run all of them, others begin behind a hit."""

    def __init__(self, name: str, noise: float, source: random.Random, *, cold: bool) -> None:
        self.name = name
        self._noise, self._source, self._cold = noise, source, cold
        self.usual = [source.lognormvariate(2.5, 0.8) + 2 for _ in range(source.randrange(6, 14))]
        self.slow = source.randrange(len(self.usual))

    def key(self, place: int) -> str:
        return f"{self.name}-{place}"

    def begins(self, *, slower: bool) -> int:
        """The first step that runs: in a build that is to be slower, not behind the slow one."""
        last = self.slow if slower else len(self.usual) - 2
        return 0 if self._cold else self._source.randrange(1 + last)

    def build(self, moment: datetime, begin: int, added: float = 0.0, pace: float = 1.0) -> Build:
        """A build with cache hits before `begin`, whose slow step takes `added` seconds more.

        `pace` is how many times as long all of it takes.
        """
        steps, at, count = [], 0.0, len(self.usual)
        for place, seconds in enumerate(self.usual):
            ran = place >= begin
            took = pace * seconds * self._source.lognormvariate(0, self._noise) if ran else 0.0
            if ran and place == self.slow:
                took += added
            steps.append(
                Step(
                    position=place + 1, name=f"[{place + 1}/{count}] RUN part {place}",
                    step_key=self.key(place), kind="run", instruction=f"RUN part {place}",
                    cached=not ran, started=at, duration=took,
                )
            )  # fmt: skip
            at += took
        return Build(
            image_name=self.name, build_duration=at + self._source.uniform(0.5, 1.5),
            completed_at=moment, ref=f"{self.name}-{moment:%j%H}", builder=f"builder-{self.name}",
            platform="linux/amd64", cache_ratio=begin / count, steps=tuple(steps),
        )  # fmt: skip


def changed(
    images: int, noise: float, more: tuple[float, float], seed: int, *, after: int = SOON
) -> Found:
    """Images of which one step adds a share of the build (from, to), `after` builds before the end.

    Every other image is built cold each time. The slow step ran at least as often before as
    anything is judged by.
    """
    source = random.Random(seed)
    soon, alarmed, right = [], [], []
    with _history() as file:
        for number in range(images):
            image = _Image(f"image-{number}", noise, source, cold=number % 2 == 0)
            added = sum(image.usual) * source.uniform(*more)
            begun, ran, length = UNTIL + timedelta(days=10 * number), 0, 0
            while length < 30 or ran < ENOUGH:
                begin = image.begins(slower=False)
                ran += begin <= image.slow
                store.record(file, image.build(_at(begun, length), begin), KEY)
                length += 1
            about = image.name, times.utc_text(_at(begun, length - MARGIN))
            for end in range(length, length + after):
                build = image.build(_at(begun, end), image.begins(slower=True), added)
                store.record(file, build, KEY)
                if end == length + SOON - 1:
                    soon.append(bool(file.execute(_WORSE, about).fetchone()))
            judge_all(file, [image.name])
            rows = file.execute(_WORSE, about).fetchall()
            alarmed.append(bool(rows))
            if rows:
                right.append({row[0] for row in rows if row[0]} == {image.key(image.slow)})
    return Found(*(sum(some) / max(1, len(some)) for some in (soon, alarmed, right)))


def quiet(
    images: int, noise: float, seed: int, length: int = 60, *, slow_days: bool = False
) -> Quiet:
    """Images in which nothing changes, of `length` builds each, alone on their builders."""
    source = random.Random(seed)
    failing = false = 0
    with _history() as file:
        for number in range(images):
            image = _Image(f"image-{number}", noise, source, cold=number % 2 == 0)
            begun = UNTIL + timedelta(days=10 * number)
            days = alert_series.slow_days(length, source) if slow_days else [1.0] * length
            known: set[int] = set()
            for place in range(length):
                build = image.build(_at(begun, place), image.begins(slower=False), pace=days[place])
                store.record(file, build, KEY)
                rows = file.execute(
                    "SELECT id FROM alerts WHERE image_name = ? AND state = 'open' "
                    "AND metric IN ('duration', 'step')",
                    (image.name,),
                )
                known.update(row[0] for row in rows)
            false += len(known)
            judge_all(file, [image.name])
            failing += bool(file.execute(_WORSE, (image.name, "")).fetchone())
    return Quiet(1000 * false / (images * length), failing / images)


@contextmanager
def _history() -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory() as folder, database.connect(Path(folder) / "h.db") as file:
        file.execute("PRAGMA synchronous = OFF")
        yield file


def _at(begun: datetime, number: int) -> datetime:
    return begun + timedelta(hours=number)
