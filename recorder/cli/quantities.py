"""Numbers, ages, times, sizes and shares as people type them: types and callbacks of options."""

import re
from datetime import timedelta
from typing import Any

import click

_DAYS = {"h": 1 / 24, "d": 1, "w": 7, "y": 365}
_BYTES = {"kb": 10**3, "mb": 10**6, "gb": 10**9}
_NUMBER = r"(\d{1,12}(?:\.\d*)?)"
_TIME = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m(?:in)?)?(?:{_NUMBER}s?)?")

_MOST = 2**63 - 1


class Whole(click.IntRange):
    """A whole number of at least so much, which SQLite can hold."""

    def __init__(self, least: int) -> None:
        super().__init__(least)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; fails with a sentence for what is none."""
        number = super().convert(value, param, ctx)
        if number > _MOST:
            self.fail(f"{number} is more than there can be", param, ctx)
        return number


COUNT = Whole(1)
"""A number of rows, or that of one row."""


def age(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """A span of time such as `36h`, `90d`, `12w` or `2y` (of 365 days)."""
    match = re.fullmatch(r"(\d{1,6}) ?([hdwy])", (value or "").strip().lower())
    if value is not None and not match:
        raise click.BadParameter(f"{value!r} is no age: write 36h, 90d, 12w or 2y", ctx, param)
    return timedelta(days=int(match[1]) * _DAYS[match[2]]) if match else None


def size(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """A size such as `500MB` or `1.5GB`, of 10^6 and 10^9 bytes, in bytes."""
    found = _bytes(value, 1)
    if value is not None and found is None:
        raise click.BadParameter(f"{value!r} is no size: write 500MB or 1.5GB", ctx, param)
    return None if found is None else round(found)


def seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A duration such as `90`, `90s`, `5min` or `1h30m`, in seconds."""
    match = _TIME.fullmatch((value or "").lower().replace(" ", ""))
    if value is None:
        return None
    if not match or not any(match.groups()):
        raise click.BadParameter(f"{value!r} is no duration: write 90s, 5m or 1h30m", ctx, param)
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


def megabytes(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A size such as `250`, `250MB` or `1.5GB`, of 10^6 and 10^9 bytes, in MB of 10^6 bytes."""
    found = _bytes(value, 10**6)
    if value is not None and found is None:
        raise click.BadParameter(f"{value!r} is no size: write 250MB or 1.5GB", ctx, param)
    return None if found is None else found / 10**6


def share(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A share such as `0.8` or `80%`, from 0 to 1."""
    match = re.fullmatch(rf"{_NUMBER} ?(%?)", (value or "").strip())
    part = float(match[1]) / (100 if match[2] else 1) if match else None
    if value is not None and (part is None or part > 1):
        raise click.BadParameter(f"{value!r} is no share: write 0.8 or 80%", ctx, param)
    return part


def _bytes(text: str | None, unit: int) -> float | None:
    """The bytes that a text says, where `unit` bytes are meant if it names none; None: no size."""
    match = re.fullmatch(rf"{_NUMBER} ?(|kb|mb|gb)", (text or "").strip().lower())
    return float(match[1]) * _BYTES.get(match[2], unit) if match else None
