"""What charts over an axis share: the grid with its figures, the axis of time, the key."""

from collections.abc import Callable, Sequence

from recorder.publish.charts.drawing import clipped, element, percent, place, text
from recorder.publish.charts.scales import Scale, TimeAxis

AXIS = 20
"""Pixels that the figures below a panel take."""

GUTTER = 58
"""Pixels left of a panel, where its values stand."""

KEY_ROW = 18
"""Pixels of one row of a key below a chart."""


def panel(
    content: str, scale: Scale, words: Callable[[float], str], *, top: float, height: float
) -> str:
    """`content` over the lines of what `scale` marks, whose values stand in `words` left of it."""
    lines, labels = [_line(top + height)], []
    for value in scale.ticks:
        y = top + height * (1 - scale.share(value))
        lines.append(_line(y))
        labels.append(text(words(value), x=-8, y=y + 4, text_anchor="end"))
    return "".join([*lines, content, *labels])


def time_axis(axis: TimeAxis, *, y: float) -> str:
    """The days or hours below a panel, whose lower edge is at `y`."""
    parts = []
    for share, words in axis.ticks():
        anchor = "start" if share < 0.06 else "end" if share > 0.94 else "middle"
        parts.append(text(words, x=percent(share), y=y + 14, text_anchor=anchor))
        parts.append(element("line", class_="grid", x1=percent(share), x2=percent(share),
                             y1=y, y2=y + 4))  # fmt: skip
    return "".join(parts)


def key_below(names: Sequence[tuple[str, str]], *, top: float) -> tuple[str, float]:
    """Names with the classes of their colours in two columns, and the pixels that they take."""
    parts = []
    for number, (class_, name) in enumerate(names):
        row, column = divmod(number, 2)
        inside = element("rect", class_=class_, x=0, y=4, width=10, height=10, rx=2)
        inside += text(name, x=16, y=13)
        y = top + row * KEY_ROW
        parts.append(clipped(inside, x=column * 0.5, y=y, width=0.48, height=KEY_ROW))
    return "".join(parts), (len(names) + 1) // 2 * KEY_ROW


def key_above(entries: Sequence[tuple[str, str]], *, y: float = 13) -> str:
    """Marks, drawn about their middle, with short words, in one row at the top."""
    parts, x = [], 6.0
    for mark, words in entries:
        parts.append(element("svg", mark, x=x, y=y - 4, overflow="visible"))
        parts.append(text(words, x=x + 10, y=y))
        x += 34 + 6.4 * len(words)
    return "".join(parts)


def cross(class_: str) -> str:
    """A cross, for what failed."""
    return element("path", d="M-4-4L4 4M-4 4L4-4", class_=f"line-{class_}", stroke_width=2.5)


def arrow(class_: str) -> str:
    """An arrow upwards, for a value beyond the axis."""
    return element("path", d="M0-5L5 4H-5Z", class_=class_)


def patch(class_: str) -> str:
    """A piece of a band."""
    return element("rect", class_=class_, x=-6, y=-5, width=12, height=10)


def stroke(class_: str) -> str:
    """A piece of the line where a change began."""
    return element("line", x1=0, x2=0, y1=-7, y2=6, class_=f"change line-{class_}")


def dot(class_: str, radius: float = 4, *, hollow: bool = False) -> str:
    """A dot, perhaps hollow."""
    kind = f"hollow line-{class_}" if hollow else class_
    return element("circle", r=radius, class_=kind)


def at(x: float, y: float, mark: str) -> str:
    """A mark at a share of the width."""
    return place(x, y, mark)


def _line(y: float) -> str:
    return element("line", class_="grid", x1=0, x2="100%", y1=y, y2=y)
