"""Says on a terminal how far long work is."""

import sys
from collections.abc import Callable

import click


def counter(what: str) -> Callable[[int, int], None] | None:
    """A function that shows `what` and how much of it is done; None where nobody would see it."""
    if not sys.stderr.isatty():
        return None
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        share = 100 if done >= total else done * 100 // total
        if share != shown:
            shown = share
            # Gone when it is done: what was done is said below.
            click.echo("\r\x1b[K" if share == 100 else f"\r{what} {share} %", err=True, nl=False)

    return show
