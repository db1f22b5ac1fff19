"""Cuts a series where its distribution changes: kernel segmentation, in plain Python.

An RBF kernel with the median distance as its width, and the best cut by dynamic programming with a
penalty of log n for each piece (Arlot, Celisse, Harchaoui, "A kernel multiple change-point
algorithm via model selection", 2019).
"""

import math
from collections.abc import Sequence
from itertools import accumulate

from recorder.judging.ranks import median

SHORTEST = 4
"""Values that a piece has at least."""


def cut(values: Sequence[float], shortest: int = SHORTEST) -> list[int]:
    """The indexes at which a new piece begins, in order; the time is square in the values."""
    size = len(values)
    if size < 2 * shortest:
        return []
    sums = _sums(values)
    if sums is None:
        return []
    penalty = math.log(size)
    corners = [sums[i][i] for i in range(size + 1)]
    best = [0.0] + [math.inf] * size
    previous = [0] * (size + 1)
    for end in range(shortest, size + 1):
        row, corner, low, place = sums[end], corners[end], math.inf, 0
        for start in range(end - shortest + 1):
            inside = corner - 2 * row[start] + corners[start]
            cost = best[start] + (end - start) - inside / (end - start)
            if cost < low:
                low, place = cost, start
        best[end], previous[end] = low + penalty, place
    cuts = []
    place = previous[size]
    while place:
        cuts.append(place)
        place = previous[place]
    return cuts[::-1]


def _sums(values: Sequence[float]) -> list[list[float]] | None:
    """Sums of the kernel over each rectangle from the origin; None where all values are equal."""
    squares = [(a - b) ** 2 for i, a in enumerate(values) for b in values[:i]]
    width = median(squares) or max(squares)
    if not width:
        return None
    size, exp = len(values), math.exp
    sums = [[0.0] * (size + 1)]
    for value in values:
        above = sums[-1]
        line = accumulate((exp(-((value - other) ** 2) / width) for other in values), initial=0.0)
        sums.append([up + left for up, left in zip(above, line, strict=True)])
    return sums
