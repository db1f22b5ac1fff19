"""The rule for a new build: its value, and the two before it, against those that came earlier."""

from collections.abc import Sequence
from typing import NamedTuple

from recorder.judging import levels
from recorder.judging.levels import Levels
from recorder.judging.limits import ENOUGH, Limits
from recorder.judging.ranks import SIGMA, deviation, median, quantile

WINDOW = 40
"""How many comparable builds make the baseline."""
PENDING = 3
"""The latest values, which are judged together and stay out of the baseline."""

_UPPER = 0.9  # the 84th percentile lies a standard deviation above the median; a little less
_FEW = 3
"""The spread of n values is taken larger by this over n: that of few is known badly."""
_ALONE = 4.0
"""How many spreads a value must be off to be a warning."""
_EACH, _MOST, _TOGETHER = 1.0, 3.0, 6.2
"""How many spreads each pending value must be off, how many count of each, and their sum."""
_NEARLY_ALL = 0.9
"""The share of the baseline above which the pending values must lie."""
EPISODE = 2.5
"""How many times as far off as a run of bad values that went away others are to be something new.

A builder that has slow days has slower ones, too.
"""


class Baseline(NamedTuple):
    """What is usual: the median, its spread (a standard deviation), what 90 % do not pass.

    All of that on the usual one of two `levels`, where the series has them.
    """

    median: float
    spread: float
    top: float
    builds: int
    levels: Levels | None = None

    def comparable(self, values: Sequence[float]) -> list[float]:
        """The values as they would be on the usual level."""
        return [self.levels.evened(v) for v in values] if self.levels else list(values)

    def mostly_on_level(self, values: Sequence[float]) -> bool:
        """Whether more than half of the values are on the usual level."""
        return not self.levels or 2 * sum(map(self.levels.is_usual, values)) > len(values)


class Verdict(NamedTuple):
    """What the latest values are: `open`, `warning` or `usual`; `first` is where it begins.

    `first` is an index into the values judged; `limit` is what a value must not pass.
    """

    state: str
    first: int
    limit: float
    baseline: Baseline


def baseline(values: Sequence[float], limits: Limits) -> Baseline:
    """What is usual of values that are comparable, in the order of their builds.

    The spread is that of the middle or that of the upper half, whichever is larger, so that a
    series with modes or a long tail has a large one; never less than the metric's own noise. Where
    the modes are two clear levels, it is that around the levels.
    """
    found = levels.find(values, limits.noise) if limits.levels else None
    ranked = sorted(found.evened(value) for value in values) if found else sorted(values)
    middle = median(ranked)
    spread = SIGMA * deviation(ranked, middle)
    spread = max(spread, _UPPER * (quantile(ranked, 0.84) - middle))
    spread *= (1 + _FEW / len(ranked)) * limits.caution
    least = max(limits.noise * abs(middle), limits.least / 8)
    return Baseline(middle, max(spread, least), quantile(ranked, _NEARLY_ALL), len(ranked), found)


def judge(values: Sequence[float], limits: Limits) -> Verdict | None:
    """Judge the latest of `values`, of which more is worse; None where there are too few.

    A single value beyond the limit is a warning. Three together are a regression when each is off,
    their sum is far off, and each is above nearly everything that was there before: so neither two
    outliers nor the upper mode of a series with two make one. Nor do they where as many values in
    a row were as bad before and went away again, as on days on which a builder is slow.
    """
    pending = min(PENDING, len(values) - ENOUGH)
    if pending < 1:
        return None
    usual = baseline(values[-pending - WINDOW : -pending], limits)
    matters = limits.matters(usual.median, soon=True)
    limit = usual.median + max(_ALONE * usual.spread, matters)
    earlier, size = values[-1 - WINDOW : -1], len(values)
    values = usual.comparable(values)
    latest = values[-pending:]
    if latest[-1] > limit and _is_still(earlier, limits):
        return Verdict("open", size - 1, limit, baseline(earlier, limits))
    off = [min((value - usual.median) / usual.spread, _MOST) for value in latest]
    if (
        pending == PENDING
        and min(off) >= _EACH
        and sum(off) >= _TOGETHER
        and min(latest) > max(usual.top, usual.median + matters)
        and _is_new(
            min(latest) - usual.median,
            _worst_run(values[:-pending]) - usual.median,
            max(matters, usual.spread),
        )
    ):
        middle = (usual.median + median(latest)) / 2
        first = next(i for i, value in enumerate(latest) if value >= middle)
        return Verdict("open", size - PENDING + first, limit, usual)
    if latest[-1] > limit:
        first = size - 1
        while first > size - pending and values[first - 1] > limit:
            first -= 1
        return Verdict("warning", first, limit, usual)
    return Verdict("usual", size, limit, usual)


def _is_still(values: Sequence[float], limits: Limits) -> bool:
    """Whether values vary so little that a single one tells a change, as sizes do."""
    if limits.at_once < 0:
        return False
    ranked = sorted(values)
    between = quantile(ranked, 0.9) - quantile(ranked, 0.1)
    return between <= limits.at_once * abs(median(ranked))


def _is_new(off: float, worst: float, more_than_noise: float) -> bool:
    """Whether values are further off than the worst run before, which went away again."""
    return off > (EPISODE * worst if worst >= more_than_noise else worst)


def _worst_run(values: Sequence[float]) -> float:
    """The level that as many values in a row as are judged together have passed before."""
    runs = (min(values[i : i + PENDING]) for i in range(len(values) - PENDING + 1))
    return max(runs)
