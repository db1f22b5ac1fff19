"""Ages and sizes as people type them: callbacks of options."""

import re
from datetime import timedelta

import click

_DAYS = {"h": 1 / 24, "d": 1, "w": 7, "y": 365}
_BYTES = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}


def age(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """A span of time such as `36h`, `90d`, `12w` or `2y` (of 365 days)."""
    match = re.fullmatch(r"(\d{1,6}) ?([hdwy])", (value or "").strip().lower())
    if value is not None and not match:
        raise click.BadParameter(f"{value!r} is no age: write 36h, 90d, 12w or 2y", ctx, param)
    return timedelta(days=int(match[1]) * _DAYS[match[2]]) if match else None


def size(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """A size such as `500MB` or `1.5GB`, of 10^6 and 10^9 bytes, in bytes."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d+)?) ?(|kb|mb|gb)", (value or "").strip().lower())
    if value is not None and not match:
        raise click.BadParameter(f"{value!r} is no size: write 500MB or 1.5GB", ctx, param)
    return round(float(match[1]) * _BYTES[match[2]]) if match else None
