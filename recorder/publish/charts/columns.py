"""Columns side by side, each of stacked parts: days, or images, from the oldest on."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from recorder.publish.charts import panels
from recorder.publish.charts.drawing import Chart, element, link, percent, text, tip
from recorder.publish.charts.scales import Scale

_TOP, _TALL = 18, 180


class Part(NamedTuple):
    """A piece of a column: its class, its value and what a pointer on it is told."""

    class_: str
    value: float
    words: str


class Column(NamedTuple):
    """A column: what stands below it, its parts from the ground up, its link."""

    name: str
    parts: tuple[Part, ...]
    address: str | None = None


def chart(
    columns: Sequence[Column],
    scale_of: Callable[[float], Scale],
    words: Callable[[float], str],
    key: Sequence[tuple[str, str]],
    title: str,
    about: str,
) -> Chart | None:
    """The columns from left to right, to one scale; `key` names the classes of the parts."""
    if not columns:
        return None
    scale = scale_of(max(sum(part.value for part in column.parts) for column in columns) or 1.0)
    content, names, named = "", "", ""
    every = max(1, -(-len(columns) // 6))
    wide = 1 / max(len(columns), 6)
    for number, column in enumerate(columns):
        left = number * wide
        content += link(column.address, _column(column, left, wide, scale))
        if number % every == 0 and column.name != named:
            named = column.name
            names += text(named, x=percent(left + wide * 0.1), y=_TOP + _TALL + 14)
    content = panels.panel(content, scale, words, top=_TOP, height=_TALL) + names
    below = _TOP + _TALL + panels.AXIS + 4
    legend, height = panels.key_below(key, top=below)
    return Chart(content + legend, below + height, title, about, gutter=panels.GUTTER)


def _column(column: Column, left: float, wide: float, scale: Scale) -> str:
    parts, y = [], float(_TOP + _TALL)
    for part in column.parts:
        height = scale.share(part.value) * _TALL
        y -= height
        parts.append(
            element(
                "rect",
                tip(part.words),
                class_=part.class_,
                x=percent(left + wide * 0.1),
                y=y,
                width=percent(wide * 0.8),
                height=height,
            )
        )
    return "".join(parts)
