"""Robust figures of plain values. The standard library's `statistics` takes 10 ms to import."""

import math
from collections.abc import Sequence

SIGMA = 1.4826
"""A MAD, times this, is the standard deviation of normal noise."""


def median(values: Sequence[float]) -> float:
    """The middle of values, of which there must be one at least."""
    ranked = sorted(values)
    half = len(ranked) // 2
    return ranked[half] if len(ranked) % 2 else (ranked[half - 1] + ranked[half]) / 2


def deviation(values: Sequence[float], middle: float) -> float:
    """The median distance from `middle`."""
    return median([abs(value - middle) for value in values])


def quantile(ranked: Sequence[float], share: float) -> float:
    """The smallest of sorted values that at least `share` of them do not pass."""
    return ranked[min(len(ranked) - 1, max(0, math.ceil(share * len(ranked) - 1e-9) - 1))]


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> float:
    """How likely two samples of one distribution differ in rank as much as these do, either way.

    By the normal approximation, corrected for ties and continuity. Source: Mann and Whitney, "On a
    test of whether one of two random variables is stochastically larger than the other", 1947.
    """
    n, m = len(one), len(other)
    total = n + m
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks, ties, start = 0.0, 0, 0
    while start < total:
        end = start
        while end < total and ranked[end][0] == ranked[start][0]:
            end += 1
        equal = end - start
        ties += equal**3 - equal
        shared = (start + end + 1) / 2
        ranks += shared * sum(1 for _, sample in ranked[start:end] if sample == 0)
        start = end
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1))) if total > 1 else 0.0
    if variance <= 0:
        return 1.0
    off = max(0.0, abs(ranks - n * (n + 1) / 2 - n * m / 2) - 0.5)
    return math.erfc(off / math.sqrt(2 * variance))
