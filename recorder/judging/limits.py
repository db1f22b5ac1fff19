"""How much of a change counts, for each metric: the fixed guards of all rules."""

from typing import NamedTuple

ENOUGH = 5
"""Comparable builds that must be there before anything is said."""


class Limits(NamedTuple):
    """What a change of one metric must reach, whatever the noise of its series.

    `share` is relative to the usual value and `least` in the metric's own unit; a change must
    reach both, and `soon` instead of `share` where three builds are all there is to judge by.
    `noise` is the least spread that is believed of the usual value, as a share of it. `at_once` is
    how far apart most values may be, as a share, for a single one to tell a change; below zero
    none does. `caution` is by how much the spread is taken larger, and `chance` how unlikely two
    pieces of the series must be of one distribution: stricter where an image has many series.
    `levels` is whether two levels are looked for, as a time may have them.
    """

    share: float
    soon: float
    least: float
    noise: float
    at_once: float = -1.0
    caution: float = 1.0
    chance: float = 0.02
    levels: bool = False

    @property
    def back(self) -> int:
        """How many builds in a row must be as usual for a change to be over."""
        return 1 if self.at_once >= 0 else 3

    def matters(self, usual: float, *, soon: bool = False) -> float:
        """How far from the usual value a change must be to matter, in the metric's unit."""
        return max((self.soon if soon else self.share) * abs(usual), self.least)


LIMITS = {
    "duration": Limits(0.05, 0.07, 0.25, 0.015, levels=True),
    "step": Limits(0.15, 0.20, 1.0, 0.04, caution=1.5, chance=0.002, levels=True),
    "size": Limits(0.02, 0.02, 1e6, 0.001, at_once=0.01),
    "cache": Limits(0.0, 0.0, 0.15, 0.03),
}
"""By metric; seconds, bytes, and shares of the cache."""
