"""Reads the builds of an image as series: those that may be compared, metric by metric."""

import functools
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from recorder.judging.ranks import median
from recorder.model import MICRO
from recorder.step_names import INSTRUCTIONS

# What tools put behind a builder's name for each run; the runner class is what stands before it.
_RUN = re.compile(r"[-_.]?(?:[0-9a-f]{8}-[0-9a-f]{4}-.*|[0-9a-f]{10,}|\d{4,})$")
_KINDS = ", ".join(f"'{kind}'" for kind in sorted(INSTRUCTIONS))
_COLUMNS = (
    "id, ref, completed_at, git_commit, platform, target, builder, cache_class, "
    "build_duration, image_size_mb, size_kind, cache_ratio"
)
_BUILDS = (
    f"SELECT {_COLUMNS} FROM (SELECT {_COLUMNS}, success FROM docker_builds "
    "WHERE image_name = ? AND completed_at <= ? ORDER BY completed_at DESC, id DESC LIMIT ?) "
    "WHERE success = 1"
)


Kind = tuple[str | None, str | None, str | None]
"""Platform, target and class of builder: builds that differ in these have different steps."""


class Series(NamedTuple):
    """Which builds compare, and what of them: each metric is a series of its own.

    `builder` is the class of builders, `cache_class` and `size_kind` are None where the metric
    does not depend on them, `step_key` is None but for steps.
    """

    image_name: str
    platform: str | None
    target: str | None
    builder: str | None
    metric: str
    cache_class: str | None = None
    size_kind: str | None = None
    step_key: str | None = None

    @property
    def kind(self) -> Kind:
        """The kind of its builds."""
        return self.platform, self.target, self.builder


class Point(NamedTuple):
    """One build of a series; `value` is seconds, bytes or a share, as it was measured.

    `judged` is what the rules take, of which more is worse: the share of the cache that was
    missed, and for a partial build its duration in relation to the steps that ran.
    """

    build: "BuildRow"
    value: float
    judged: float


class BuildRow(NamedTuple):
    """What the rules need of a build's row; `completed_at` is UTC text."""

    id: int
    ref: str | None
    completed_at: str
    git_commit: str | None
    platform: str | None
    target: str | None
    builder: str | None
    cache_class: str | None
    duration: float
    size_mb: float
    size_kind: str | None
    cache_ratio: float | None

    @property
    def kind(self) -> Kind:
        """What its steps depend on."""
        return self.platform, self.target, self.builder


Steps = Mapping[int, Mapping[str, float]]
"""Seconds by step, of those that really ran, by build."""


@functools.lru_cache(maxsize=1024)
def builder_class(builder: str | None) -> str | None:
    """A builder's name without what a tool adds for each run: `ci-runner-*`."""
    if builder is None:
        return None
    return _RUN.sub("-*", builder)


def builds(
    connection: sqlite3.Connection, image_name: str, limit: int, until: str = "~"
) -> list[BuildRow]:
    """The completed ones of an image's latest `limit` builds, oldest first."""
    rows = connection.execute(_BUILDS, (image_name, until, limit)).fetchall()
    rows.sort(key=itemgetter(2, 0))
    return [BuildRow._make((*row[:6], builder_class(row[6]), *row[7:])) for row in rows]


def steps(connection: sqlite3.Connection, ids: Sequence[int]) -> Steps:
    """How long each instruction of these builds ran, where it really ran and ran alone."""
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        rows = connection.execute(
            "SELECT s.build_id, n.step_key, s.duration_us FROM build_steps AS s "
            "JOIN step_names AS n ON n.id = s.name_id "
            f"WHERE s.build_id IN ({', '.join('?' * len(part))}) AND NOT s.cached "
            f"AND NOT s.shared AND s.duration_us > 0 AND n.kind IN ({_KINDS}) AND NOT EXISTS ("
            "SELECT 1 FROM step_errors AS e "
            "WHERE e.build_id = s.build_id AND e.position = s.position)",
            part,
        )
        for build, key, duration in rows:
            ran = found[build]
            ran[key] = ran.get(key, 0.0) + duration / MICRO
    return found


def gather(image_name: str, rows: Iterable[BuildRow], ran: Steps) -> dict[Series, list[Point]]:
    """The series of an image's builds, which are given oldest first.

    Of partial builds those whose steps are known are judged in relation to them, and no others.
    """
    kinds: dict[Kind, list[BuildRow]] = defaultdict(list)
    for row in rows:
        kinds[row.kind].append(row)
    found: dict[Series, list[Point]] = {}
    for kind, some in kinds.items():
        base = Series(image_name, *kind, "duration")
        found |= _of_builds(base, some, ran) | _of_steps(base, some, ran)
    return found


def _of_builds(base: Series, rows: Sequence[BuildRow], ran: Steps) -> dict[Series, list[Point]]:
    classes: dict[str | None, list[BuildRow]] = defaultdict(list)
    sizes: dict[str | None, list[Point]] = defaultdict(list)
    missed = []
    for row in rows:
        classes[row.cache_class].append(row)
        if row.size_mb > 0:
            size = row.size_mb * MICRO
            sizes[row.size_kind].append(Point(row, size, size))
        if row.cache_ratio is not None:
            missed.append(Point(row, row.cache_ratio, 1 - row.cache_ratio))
    found = {}
    for name, some in classes.items():
        known = [row for row in some if ran.get(row.id)] if name == "partial" else []
        found[base._replace(cache_class=name)] = (
            _in_relation(known, ran)
            if known
            else [Point(row, row.duration, row.duration) for row in some]
        )
    for kind, points in sizes.items():
        found[base._replace(metric="size", size_kind=kind)] = points
    if missed:
        found[base._replace(metric="cache")] = missed
    return found


def _of_steps(base: Series, rows: Sequence[BuildRow], ran: Steps) -> dict[Series, list[Point]]:
    runs: dict[str, list[Point]] = defaultdict(list)
    for row in rows:
        for key, duration in ran.get(row.id, {}).items():
            runs[key].append(Point(row, duration, duration))
    return {base._replace(metric="step", step_key=key): points for key, points in runs.items()}


def _in_relation(rows: Sequence[BuildRow], ran: Steps) -> list[Point]:
    """Partial builds, each against what the steps that it ran usually take in sum.

    In which way their sum becomes a duration (side by side, after waiting) is a constant of the
    series. The result is in seconds of the series' usual build, so that guards apply.
    """
    times = defaultdict(list)
    for row in rows:
        for key, duration in ran[row.id].items():
            times[key].append(duration)
    usual = {key: median(values) for key, values in times.items()}
    sums = [sum(usual[key] for key in ran[row.id]) for row in rows]
    rest = median([row.duration - total for row, total in zip(rows, sums, strict=True)])
    middle = median([row.duration for row in rows])
    expected = [max(total + rest, middle / 20, 1e-6) for total in sums]
    return [
        Point(row, row.duration, row.duration / seconds * middle)
        for row, seconds in zip(rows, expected, strict=True)
    ]
