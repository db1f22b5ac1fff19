"""Numbers, ages, times, sizes and shares as people type them: types and callbacks of options."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from recorder import quantities

_T = TypeVar("_T")
_Callback = Callable[[click.Context, click.Parameter, str | None], _T | None]

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


def _option(read: Callable[[str], _T | None], problem: str) -> _Callback[_T]:
    """A callback that reads a text; `problem` is what to say of one that says nothing."""

    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> _T | None:
        found = None if value is None else read(value)
        if value is not None and found is None:
            raise click.BadParameter(f"{value!r} is {problem}", ctx, param)
        return found

    return callback


age = _option(quantities.age, "no age: write 36h, 90d, 12w or 2y")
size = _option(quantities.size, "no size: write 500MB or 1.5GB")
seconds = _option(quantities.seconds, "no duration: write 90s, 5m or 1h30m")
megabytes = _option(quantities.megabytes, "no size: write 250MB or 1.5GB")
share = _option(quantities.share, "no share: write 0.8 or 80%")
