"""Horizontal bars, one below the other: what takes the most, and of what it is made."""

from collections.abc import Sequence
from typing import NamedTuple

from recorder.publish.charts.drawing import Chart, clipped, element, link, percent, text, tip
from recorder.publish.words import counted

_ROW, _TOP = 34, 4


class Part(NamedTuple):
    """A piece of a bar: its class, its value and what a pointer on it is told."""

    class_: str
    value: float
    words: str


class Bar(NamedTuple):
    """A bar: its name, its value in words, its parts from left to right, its link."""

    name: str
    words: str
    parts: tuple[Part, ...]
    address: str | None = None


def chart(bars: Sequence[Bar], title: str, key: Sequence[tuple[str, str]] = ()) -> Chart | None:
    """The bars in their order, to one scale; `key` names the classes of the parts."""
    if not bars:
        return None
    most = max(sum(part.value for part in bar.parts) for bar in bars) or 1.0
    content, y = "", float(_TOP)
    if key:
        x = 0.0
        for class_, words in key:
            content += element("rect", class_=class_, x=x, y=y + 2, width=10, height=10, rx=2)
            content += text(words, x=x + 15, y=y + 11)
            x += 34 + 6.4 * len(words)
        y += 20
    for bar in bars:
        content += _bar(bar, most, y)
        y += _ROW
    first = f"the first {bars[0].name}: {bars[0].words}"
    about = f"{counted(len(bars), 'bar')}, {first}. The table has the same."
    return Chart(content, y + _TOP, title, about)


def _bar(bar: Bar, most: float, y: float) -> str:
    name = clipped(tip(bar.name) + text(bar.name, x=0, y=14, class_="ink"), x=0, y=y, width=0.78,
                   height=18)  # fmt: skip
    content = link(bar.address, name)
    content += text(bar.words, x="100%", y=y + 14, text_anchor="end")
    x = 0.0
    for part in bar.parts:
        share = max(part.value, 0) / most
        content += element(
            "rect", tip(part.words), class_=part.class_, x=percent(x), y=y + 19,
            width=percent(share), height=9, rx=2 if len(bar.parts) == 1 else None,
        )  # fmt: skip
        x += share
    return content
