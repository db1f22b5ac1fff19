"""What a measure finds, and the one table that is printed of it."""

from collections.abc import Iterable
from typing import NamedTuple

_HEAD = ("what", "floor", "ours", "ratio", "budget", "met")


class Row(NamedTuple):
    """One line of the table; `met` is None where there is no budget."""

    what: str
    floor: str
    ours: str
    ratio: str = ""
    budget: str = ""
    met: bool | None = None


class Report(NamedTuple):
    """The rows of one measure, and what else it has to tell, as Markdown."""

    rows: list[Row]
    notes: str = ""


def within(ours: float, floor: float, times: float) -> tuple[str, str, bool]:
    """Ratio, budget and whether it is met, where `ours` may be `times` the `floor`."""
    return f"{ours / floor:.2f} x", f"{times:g} x", ours <= times * floor


def table(rows: Iterable[tuple[object, ...]], head: Iterable[str] = _HEAD) -> str:
    """`rows` under `head` as a Markdown table; True and False become yes and no."""
    words = {True: "yes", False: "**no**", None: ""}
    cells = [
        [words[c] if isinstance(c, bool) or c is None else str(c) for c in row] for row in rows
    ]
    lines = [list(head), *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    )
