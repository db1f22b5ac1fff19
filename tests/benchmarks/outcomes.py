"""How invented builds of one image go: their steps with times, from a stock that is renewed.

To make twenty steps takes longer than to make all the rest of a build, so builds share tuples of
steps; each image makes a new one for every few builds, with its present drift.
"""

import random
from typing import NamedTuple

from recorder import step_names
from recorder.model import Step
from tests.benchmarks.images import Image, Line

_STOCK = 24
"""Different outcomes of each kind that an image keeps."""

_RENEW_EVERY = 12
_JUMP_EVERY = 3000
_ERRORS = (
    'process "/bin/sh -c npm ci --no-audit" did not complete successfully: exit code: 1',
    'process "/bin/sh -c make build" did not complete successfully: exit code: 2',
    "failed to compute cache key: failed to calculate checksum of ref: /src: not found",
)


class Outcome(NamedTuple):
    """What one build came to; sizes in bytes, times in seconds."""

    steps: tuple[Step, ...]
    duration: float
    cache_ratio: float | None
    critical_path_seconds: float
    context_bytes: int
    total_steps: int
    completed_steps: int
    cached_steps: int
    warnings: int
    error: str | None


class Outcomes:
    """The outcomes of one image, by kind: `cold` `partial` `warm` `failed` `canceled`."""

    def __init__(self, image: Image, source: random.Random) -> None:
        self._image = image
        self._source = source
        self._stock: dict[str, list[Outcome]] = {}
        self._builds = 0
        self._pace = 1.0
        self._growth = 1.0

    def next(self, kind: str) -> Outcome:
        """The outcome of the next build."""
        self._builds += 1
        if self._builds % _JUMP_EVERY == 0:
            self._pace *= self._source.choice((0.7, 1.3, 1.6))
        stock = self._stock.setdefault(kind, [])
        if len(stock) < _STOCK:
            stock.append(self._make(kind))
            return stock[-1]
        at = int(self._source.random() * _STOCK)
        if self._builds % _RENEW_EVERY == 0:
            self._pace *= 1.0002
            stock[at] = self._make(kind)
        return stock[at]

    def size(self, number: int) -> int:
        """The image's size in bytes; it grows."""
        self._growth *= 1.00002
        return int(self._image.size * self._growth) + number % 4096

    def _make(self, kind: str) -> Outcome:
        source, lines = self._source, self._image.lines
        ended = (
            source.randrange(len(lines) // 2, len(lines))
            if kind in ("failed", "canceled")
            else None
        )
        warm = {"cold": 0, "warm": len(lines)}.get(kind, source.randrange(2, len(lines)))
        error = source.choice(_ERRORS) if kind == "failed" else None
        canceled = "context canceled" if kind == "canceled" else None
        at = 0.0
        made = []
        for index, line in enumerate(lines):
            instruction = step_names.is_instruction(line.parsed.kind)
            cached = instruction and index < warm and index != ended
            seconds = 0.0 if cached else line.seconds * self._pace * source.lognormvariate(0, 0.15)
            ran = ended is None or index <= ended
            step = _step(index + 1, line, cached and ran, at if ran else None, seconds,
                         error if index == ended else None, source)  # fmt: skip
            made.append(step)
            at += (step.duration or 0.0) if ran else 0.0
        return _outcome(tuple(made), round(at, 6), error or canceled, source)


def _step(
    position: int, line: Line, cached: bool, started: float | None, seconds: float,
    error: str | None, source: random.Random,
) -> Step:  # fmt: skip
    parsed = line.parsed
    return Step(
        position=position,
        name=line.name,
        step_key=line.step_key,
        kind=parsed.kind,
        stage=parsed.stage,
        step=parsed.step,
        steps=parsed.steps,
        platform=parsed.platform,
        instruction=parsed.text,
        cached=cached,
        critical=started is not None and not cached,
        started=None if started is None else round(started, 6),
        duration=None if started is None else round(seconds, 6),
        bytes=source.randrange(10**4, 10**7) if "load build context" in line.name else None,
        error=error,
    )


def _outcome(
    steps: tuple[Step, ...], duration: float, error: str | None, source: random.Random
) -> Outcome:
    counted = [s for s in steps if step_names.is_instruction(s.kind) and s.started is not None]
    cached = sum(step.cached for step in counted)
    return Outcome(
        steps,
        duration,
        round(cached / len(counted), 6) if counted else None,
        duration,
        sum(step.bytes or 0 for step in steps),
        len(steps) + 2,
        sum(step.started is not None for step in steps) + 2,
        cached,
        int(source.random() * 2),
        error,
    )
