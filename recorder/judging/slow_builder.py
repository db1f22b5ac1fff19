"""Whether it is the builder that is slow, or no longer: all of a build, or other images, tell."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

from recorder import times
from recorder.judging.limits import ENOUGH
from recorder.judging.ranks import median
from recorder.judging.series import BuildRow, Series, Steps, builder_class, builds

_OTHERS, _MOST = 2, 8
"""How many other images must tell, and how many are asked."""
_STEPS = 3
"""How many steps must tell."""
_COUNTS = 0.1
"""Seconds below which a step's time is too rough to tell."""
_AGREE = 2 / 3
_PART = {"duration": 1 / 2, "step": 1 / 3}
"""How much of a change the builder must explain, by metric: one step alone is noisier."""
_LOOKED_AT = 2000
"""How many of the latest builds of all images are looked at for other ones."""
_BUILDS = 60
LASTS = timedelta(days=2)
"""A builder that has been slow for longer is no matter of a slow day."""


class SlowBuilder(NamedTuple):
    """What is known of an image's builds, given oldest first, and of the other images."""

    connection: sqlite3.Connection
    rows: Sequence[BuildRow]
    ran: Steps

    def explains(self, series: Series, since: Sequence[BuildRow], factor: float) -> bool:
        """Whether the builder is slower since the builds `since`, or quicker, by much of `factor`.

        `since` are those of the series, oldest first, and `factor` is how many times as long they
        take. Either most steps of them changed so, where a change of the image makes one or few
        slower; or so did other images on the builder, whose name must be known for that. Only
        builds up to the last of these count.
        """
        first_at, last_at = since[0].completed_at, since[-1].completed_at
        if times.parse(last_at) - times.parse(first_at) > LASTS:
            return False
        change = _Factor(factor, _PART[series.metric])
        others = [change.of(ratio) for ratio in self._others(series, first_at, last_at)]
        steps = self._times(series, since)
        return self._all_steps_tell(change, series, steps) or _agree(others, _OTHERS, change.enough)

    def _all_steps_tell(
        self, change: "_Factor", series: Series, steps: Sequence[tuple[float, float]]
    ) -> bool:
        """Whether most steps changed by a part of the change, and so did all in sum.

        Without the step that the series is of; of a build, without the one that changed most.
        """
        if series.step_key is None:
            steps = sorted(steps, key=lambda pair: abs(pair[1] - pair[0]))[:-1]
        before, now = (sum(some) for some in zip(*steps, strict=True)) if steps else (0.0, 0.0)
        ratios = [change.of(now / usual) for usual, now in steps if now]
        summed = bool(before and now) and change.of(now / before) >= change.enough
        return summed and len(ratios) >= _STEPS and median(ratios) >= change.enough

    def _times(self, series: Series, since: Sequence[BuildRow]) -> list[tuple[float, float]]:
        """Of each other step that ran in these builds, its seconds before them and in them."""
        before: dict[str, list[float]] = defaultdict(list)
        now: dict[str, list[float]] = defaultdict(list)
        those = {row.id for row in since}
        for row in self.rows:
            earlier = row.completed_at < since[0].completed_at
            if row.id not in those and (not earlier or row.kind != series.kind):
                continue
            runs = before if earlier else now
            for key, seconds in self.ran.get(row.id, {}).items():
                runs[key].append(seconds)
        return [
            (usual, median(now[key]))
            for key, runs in before.items()
            if key in now and key != series.step_key and len(runs) >= ENOUGH
            if (usual := median(runs)) >= _COUNTS
        ]

    def _others(self, series: Series, first_at: str, last_at: str) -> list[float]:
        """How many times as long the builds of other images on the builder take."""
        if series.builder is None:
            return []
        latest = self.connection.execute(
            "SELECT image_name, builder FROM docker_builds WHERE completed_at BETWEEN ? AND ? "
            "ORDER BY completed_at DESC LIMIT ?",
            (first_at, last_at, _LOOKED_AT),
        ).fetchall()
        names = dict.fromkeys(
            name
            for name, builder in latest
            if builder_class(builder) == series.builder and name != series.image_name
        )
        rows = (builds(self.connection, name, _BUILDS, last_at) for name in [*names][:_MOST])
        ratios = (_ratio(some, series.builder, first_at) for some in rows)
        return [ratio for ratio in ratios if ratio]


class _Factor(NamedTuple):
    """How many times as long something takes, and how much of that must be explained."""

    factor: float
    part: float

    @property
    def enough(self) -> float:
        """What `of` must give."""
        return 1 + (self.of(self.factor) - 1) * self.part

    def of(self, ratio: float) -> float:
        """Another ratio, which is above 1 where it changed the same way."""
        return ratio if self.factor > 1 else 1 / ratio


def _agree(ratios: Sequence[float], least: int, enough: float) -> bool:
    return len(ratios) >= least and sum(r >= enough for r in ratios) >= _AGREE * len(ratios)


def _ratio(rows: Iterable[BuildRow], builder: str, first_at: str) -> float | None:
    """How many times as long an image's builds take since then; None where too few can tell."""
    kinds: dict[tuple[str | None, ...], list[BuildRow]] = defaultdict(list)
    for row in rows:
        if row.builder == builder and row.cache_class != "partial":
            kinds[row.platform, row.target, row.cache_class].append(row)
    ratios = []
    for alike in kinds.values():
        before = [row.duration for row in alike if row.completed_at < first_at]
        since = [row.duration for row in alike if row.completed_at >= first_at]
        if since and len(before) >= ENOUGH and (usual := median(before)) > 0:
            ratios.append(median(since) / usual)
    return median(ratios) if ratios else None
