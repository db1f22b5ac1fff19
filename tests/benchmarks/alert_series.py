"""Invents series of builds whose changes are known: the same seed gives the same series."""

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

LENGTHS = (5, 8, 12, 20, 40, 80, 150, 300, 500)
SHAPES = ("normal", "lognormal", "heavy tails", "outliers", "bimodal", "slow days", "sawtooth")
NOISE = (0.02, 0.05, 0.10)
STEPS = (0.05, 0.10, 0.20, 0.40, 1.00, -0.20, -0.40)
USUAL = (4.0, 40.0, 400.0)


class Series(NamedTuple):
    """Seconds of builds in order; `changes` are indexes, each with whether it is for the worse."""

    shape: str
    noise: float
    step: float
    values: list[float]
    changes: tuple[tuple[int, bool], ...] = ()


def quiet(count: int, seed: int = 1) -> Iterator[Series]:
    """Series in which nothing changes, of all shapes, noises and lengths in turn."""
    source = random.Random(seed)
    for number in range(count):
        shape = SHAPES[number % len(SHAPES)]
        noise = NOISE[number // len(SHAPES) % len(NOISE)]
        length = LENGTHS[source.randrange(len(LENGTHS))]
        yield Series(shape, noise, 0.0, _values(shape, noise, length, source))


def changed(count: int, seed: int = 2) -> Iterator[Series]:
    """Series with one step up or down, at a place with enough builds on both sides."""
    source = random.Random(seed)
    for number in range(count):
        shape = SHAPES[number % len(SHAPES)]
        step = STEPS[number // len(SHAPES) % len(STEPS)]
        noise = NOISE[number // (len(SHAPES) * len(STEPS)) % len(NOISE)]
        length = source.choice([size for size in LENGTHS if size >= 20])
        at = source.randrange(10, length - 7)
        values = _values(shape, noise, length, source)
        values = [v * (1 + step) if i >= at else v for i, v in enumerate(values)]
        yield Series(shape, noise, step, values, ((at, step > 0),))


def growing(count: int, seed: int = 3) -> Iterator[Series]:
    """Series that grow evenly by 20 to 60 % over 150 to 500 builds."""
    source = random.Random(seed)
    for number in range(count):
        noise = NOISE[number % 2]
        length = source.choice((150, 300, 500))
        grown = source.uniform(0.2, 0.6)
        values = _values("normal", noise, length, source)
        values = [v * (1 + grown * i / length) for i, v in enumerate(values)]
        yield Series("growth", noise, grown, values, ((0, True),))


def sizes(count: int, seed: int = 4) -> Iterator[Series]:
    """Sizes in bytes that hardly vary; every other one grows by 2.5 to 30 % at some build."""
    source = random.Random(seed)
    for number in range(count):
        length = source.choice((12, 20, 40, 80, 150))
        usual = source.choice((60e6, 250e6, 2e9))
        values = [round(usual * (1 + 0.001 * source.random())) for _ in range(length)]
        at, grown = source.randrange(6, length), source.uniform(0.025, 0.3)
        if number % 2:
            values = [v * (1 + grown) if i >= at else v for i, v in enumerate(values)]
        yield Series("size", 0.001, grown * (number % 2), list(map(float, values)),
                     ((at, True),) if number % 2 else ())  # fmt: skip


def slow_days(length: int, source: random.Random) -> list[float]:
    """Factors of a builder of which one day in ten is slow, a day being three to eight builds."""
    factors: list[float] = []
    while len(factors) < length:
        slow = source.uniform(1.15, 1.4) if source.random() < 0.1 else 1.0
        factors += [slow] * source.randrange(3, 9)
    return factors[:length]


def _values(shape: str, noise: float, length: int, source: random.Random) -> list[float]:
    usual = source.choice(USUAL)
    factors: list[float] = []
    days = slow_days(length, source) if shape == "slow days" else []
    for number in range(length):
        factor = max(0.3, 1 + noise * source.gauss(0, 1))
        if shape == "lognormal":
            factor = math.exp(noise * source.gauss(0, 1))
        elif shape == "heavy tails":
            wide = math.sqrt(sum(source.gauss(0, 1) ** 2 for _ in range(3)) / 3)
            factor = max(0.3, 1 + noise * source.gauss(0, 1) / wide)
        elif shape == "outliers" and source.random() < 0.03:
            factor *= source.uniform(1.4, 3)
        elif shape == "bimodal" and source.random() < 0.25:
            factor *= 1.5
        elif shape == "slow days":
            factor *= days[number]
        elif shape == "sawtooth":
            factor *= 1 + 0.02 * (number % 5)
        factors.append(factor)
    return [usual * factor for factor in factors]
