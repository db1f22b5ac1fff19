"""Gives every instant of a build to one step, so that what is given sums to its duration."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

from recorder.model import MICRO, Step


class Given(NamedTuple):
    """The microseconds given to each, and those in which nothing ran."""

    to_each: list[int]
    waiting: int


def running(step: Step | None, window: int) -> tuple[int, int] | None:
    """When the step ran inside a build of `window` microseconds, from the build's beginning.

    None for one that came from the cache or never ran. One that was cut off ran to the end.
    """
    if step is None or step.cached or step.started is None:
        return None
    begin = microseconds(step.started)
    # A negative start lies before the build: the duration is then the part inside it.
    begin = max(begin, 0)
    end = window if step.duration is None else begin + microseconds(step.duration)
    return (begin, min(end, window)) if begin < min(end, window) else None


def give(intervals: Sequence[tuple[int, int] | None], window: int) -> Given:
    """Each instant from 0 to `window` to the first of `intervals` that covers it.

    The intervals are in order of precedence. The sum of what is given and of what is left is
    `window`, whatever the intervals are.
    """
    coming = sorted(
        (span[0], rank, span[1]) for rank, span in enumerate(intervals) if span is not None
    )
    given, waiting, at, arrived = [0] * len(intervals), 0, 0, 0
    active: list[tuple[int, int]] = []
    while at < window:
        while arrived < len(coming) and coming[arrived][0] <= at:
            _, rank, end = coming[arrived]
            heapq.heappush(active, (rank, end))
            arrived += 1
        while active and active[0][1] <= at:
            heapq.heappop(active)
        following = min(coming[arrived][0], window) if arrived < len(coming) else window
        if active:
            rank, end = active[0]
            until = min(end, following)
            given[rank] += until - at
        else:
            until = following
            waiting += until - at
        at = until
    return Given(given, waiting)


def microseconds(seconds: float) -> int:
    """Whole microseconds, as the file keeps them."""
    return round(seconds * MICRO)
