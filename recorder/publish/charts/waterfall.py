"""The steps of a build on its time: when each ran, which were waited for, which came cached."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from recorder import figures
from recorder.publish.charts.drawing import Chart, clipped, element, percent, text, tip
from recorder.publish.charts.scales import seconds, short
from recorder.publish.words import counted

_ROW, _TOP, _NAMES = 22, 24, 0.4
_KEY = (
    ("ran", "ran"), ("critical", "critical path"), ("cached", "cached"), ("c4", "shared"),
    ("bad", "failed"),
)  # fmt: skip


class Bar(NamedTuple):
    """A step with its place on the build's time, as shares of the whole, and its class."""

    step: Mapping[str, Any]
    left: float
    width: float
    class_: str


class Lane(NamedTuple):
    """The bars of one stage, in the order in which they began."""

    stage: str
    bars: list[Bar]


def bars(steps: Iterable[Mapping[str, Any]], build_seconds: float) -> list[Bar]:
    """The steps as bars over the time of the build; a step that never ran has no width.

    A step that another build had begun starts with the build: its duration is the part inside.
    """
    rows = list(steps)
    whole = length(rows, build_seconds) or 1.0
    return [
        Bar(row, _began(row) / whole, (row["duration"] or 0.0) / whole, _class(row)) for row in rows
    ]


def length(steps: Iterable[Mapping[str, Any]], build_seconds: float = 0.0) -> float:
    """The seconds that the time axis holds: the build's, or up to the end of its last step."""
    return max([build_seconds, *(_began(row) + (row["duration"] or 0.0) for row in steps)])


def lanes(found: Sequence[Bar]) -> list[Lane]:
    """The bars by stage, in the order in which the stages began."""
    first: dict[str, int] = {}
    for number, bar in enumerate(found):
        first.setdefault(_stage(bar), number)
    ordered = sorted(found, key=lambda bar: first[_stage(bar)])
    return [Lane(stage, list(group)) for stage, group in groupby(ordered, _stage)]


def marks(whole: float) -> list[tuple[float, str]]:
    """Round instants of the time axis of `length`, as shares of it, with their words."""
    if whole <= 0:
        return []
    return [(tick / whole, short(tick)) for tick in seconds(whole, 5).ticks if tick <= whole]


def chart(steps: Sequence[Mapping[str, Any]], title: str) -> Chart | None:
    """The waterfall as one drawing, from the rows of `steps_of_build`."""
    if not steps:
        return None
    whole = length(steps)
    found = bars(steps, whole)
    height = _TOP + _ROW * len(found)
    content, x = "", 0.0
    present = {bar.class_ for bar in found}
    for class_, words in _KEY:
        if class_ in present:
            content += element("rect", class_=class_, x=x, y=2, width=10, height=10, rx=2)
            content += text(words, x=x + 15, y=11)
            x += 30 + 6.2 * len(words)
    wide = 1 - _NAMES
    for share, words in marks(whole):
        at = percent(_NAMES + share * wide)
        content += element("line", class_="grid", x1=at, x2=at, y1=_TOP, y2=height)
        content += text(words, x=at, y=height + 14, text_anchor="end")
    for number, bar in enumerate(found):
        content += _row(bar, _TOP + number * _ROW, wide)
    shown = f"{counted(len(found), 'step')} over {figures.duration(whole)}"
    about = f"{shown}. The table has the same steps."
    return Chart(content, height + 20, title, about)


def _row(bar: Bar, y: float, wide: float) -> str:
    words = f"{bar.step['name']}: {took(bar.step)}"
    name = text(bar.step["name"], x=0, y=15, class_="ink")
    left = min(_NAMES + bar.left * wide, 0.998)
    return clipped(tip(words) + name, x=0, y=y, width=_NAMES - 0.02, height=_ROW) + element(
        "rect", tip(words), class_=bar.class_, x=percent(left), y=y + 5,
        width=percent(max(bar.width * wide, 0.002)), height=12, rx=2,
    )  # fmt: skip


def took(step: Mapping[str, Any]) -> str:
    """What a step took, in words: `12.3 s`, `cached`, `not run`, `cut off`."""
    if step["cached"]:
        return "cached"
    if step["started"] is None:
        return "not run"
    return "cut off" if step["duration"] is None else figures.duration(step["duration"])


def _began(step: Mapping[str, Any]) -> float:
    return max(step["started"] or 0.0, 0.0)


def _stage(bar: Bar) -> str:
    return bar.step["stage"] or ("export" if bar.step["kind"] == "export" else "")


def _class(step: Mapping[str, Any]) -> str:
    if step["error"]:
        return "bad"
    if step["cached"]:
        return "cached"
    if step["shared"]:
        return "c4"
    return "critical" if step["critical"] else "ran"
