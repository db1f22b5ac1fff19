"""Whether it is the builder that is slow: when all of a build, or other images, slowed alike."""

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
_LASTS = timedelta(days=2)
"""A builder that has been slow for longer is no matter of a slow day."""


class SlowBuilder(NamedTuple):
    """What is known of an image's builds, given oldest first, and of the other images."""

    connection: sqlite3.Connection
    rows: Sequence[BuildRow]
    ran: Steps

    def explains(self, series: Series, first_at: str, last_at: str, share: float) -> bool:
        """Whether the builder is slower since `first_at`, by a good part of `share`.

        Either nearly every step of the image's builds is, where a change of the image makes one
        or few slower; or so are other images on the builder, whose name must be known for that.
        Only builds up to `last_at` count.
        """
        if times.parse(last_at) - times.parse(first_at) > _LASTS:
            return False
        enough = 1 + share * _PART[series.metric]
        return self._all_steps_are(enough, series, first_at, last_at) or _agree(
            self._others(series, first_at, last_at), _OTHERS, enough
        )

    def _all_steps_are(self, enough: float, series: Series, first_at: str, last_at: str) -> bool:
        """Whether nearly every step takes `enough` times as long, and so do all in sum.

        Without the step that the series is of; of a build, without the one that grew most.
        """
        pairs = self._times(series, first_at, last_at)
        if series.step_key is None:
            pairs = sorted(pairs, key=lambda pair: pair[1] - pair[0])[:-1]
        ratios = [now / usual for usual, now in pairs]
        summed = sum(now for _, now in pairs) >= enough * sum(usual for usual, _ in pairs)
        return summed and _agree(ratios, _STEPS, enough)

    def _times(self, series: Series, first_at: str, last_at: str) -> list[tuple[float, float]]:
        """Of each other step that ran in the series' builds, its seconds before and since."""
        before: dict[str, list[float]] = defaultdict(list)
        since: dict[str, list[float]] = defaultdict(list)
        alike = series.platform, series.target, series.builder
        for row in self.rows:
            if (row.platform, row.target, row.builder) == alike and row.completed_at <= last_at:
                runs = before if row.completed_at < first_at else since
                for key, seconds in self.ran.get(row.id, {}).items():
                    runs[key].append(seconds)
        return [
            (usual, median(since[key]))
            for key, runs in before.items()
            if key in since and key != series.step_key and len(runs) >= ENOUGH
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
