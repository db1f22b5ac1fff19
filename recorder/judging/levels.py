"""Two levels between which a series jumps, as builds that find a mirror's cache, or do not."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from recorder.judging.ranks import SIGMA, deviation, median

_ENOUGH = 10
"""Values below which two levels are not told from chance."""
_LEAST = 8
"""A level has one in so many of the values, and two at least."""
_GAP = 2.5
"""How many spreads the levels' nearest values are apart, and the upper level's may lie below it."""
_MIXED = 0.5
"""How often values change the level, against how often they would at random: days are no levels."""


class Levels(NamedTuple):
    """The medians of the level of most values and of the `other`; the upper is from `bound` on."""

    usual: float
    other: float
    bound: float

    def is_usual(self, value: float) -> bool:
        """Whether a value is on the usual level, or off from there."""
        return (value >= self.bound) == (self.usual > self.other)

    def evened(self, value: float) -> float:
        """What a value would be on the usual level."""
        return value if self.is_usual(value) else value * self.usual / self.other


def find(values: Sequence[float], noise: float) -> Levels | None:
    """The levels of a series in the order of its builds; None where there are not just two.

    `noise` is the least spread of a level that is believed, as a share. There are none where values
    are turned around to look for improvements: that the upper level is gone is one.
    """
    ranked, size = sorted(values), len(values)
    least = max(2, size // _LEAST)
    if size < _ENOUGH or ranked[0] <= 0:
        return None
    place = max(range(least, size - least + 1), key=lambda i: ranked[i] - ranked[i - 1])
    lower, upper = ranked[:place], ranked[place:]
    low, high = median(lower), median(upper)
    spread = max(SIGMA * deviation(lower, low) / low, SIGMA * deviation(upper, high) / high, noise)
    gap = upper[0] / lower[-1] - 1
    above = [value >= upper[0] for value in values]
    jumps = sum(one != other for one, other in pairwise(above))
    share = len(upper) / size
    if gap < _GAP * spread or jumps < _MIXED * 2 * size * share * (1 - share):
        return None
    between = (lower[-1] + upper[0]) / 2
    bound = min(max(high * (1 - _GAP * spread), between), upper[0])
    return Levels(high, low, bound) if share > 0.5 else Levels(low, high, bound)
