"""Draws the steps of a build on its time axis, for a terminal."""

import sys
from typing import NamedTuple

import click

from recorder import figures
from recorder.cli import output
from recorder.cli.output import Row


class Marks(NamedTuple):
    """How the kinds of step are drawn."""

    critical: str
    other: str
    shared: str
    dash: str


_BLOCKS = Marks("█", "▒", "░", "—")
_PLAIN = Marks("#", "=", ":", "-")


def waterfall(build: Row, steps: list[Row], width: int) -> list[str]:
    """The lines of a waterfall `width` characters wide: name, bar, duration; then the key.

    `steps` are rows of the view `steps`; a bar's place and length are its time in the build.
    """
    marks = _marks()
    total = max([build["build_duration"], *(_end(step) for step in steps)]) or 1.0
    bar = max(16, width * 2 // 5)
    name = width - bar - 14
    axis = f"0{figures.duration(total):>{bar - 1}}"
    lines = [click.style(f"  {'STEP':<{name}} {axis} {'TOOK':>10}", dim=True)]
    lines += [_line(step, total, name, bar, marks) for step in steps]
    used = {_kind(step) for step in steps}
    words = [("critical", f"{marks.critical} critical path"), ("other", f"{marks.other} beside it"),
             ("shared", f"{marks.shared} shared with another build")]  # fmt: skip
    key = "   ".join(word for kind, word in words if kind in used)
    return [*lines, *([click.style(f"  {key}", dim=True)] if key else [])]


def _line(step: Row, total: float, name: int, bar: int, marks: Marks) -> str:
    label = output.safe(step["name"])
    if len(label) > name:
        label = label[: name - 1] + ("…" if marks is _BLOCKS else "~")
    color = _color(step)
    drawn = _bar(step, total, bar, marks)
    took = _took(step, marks)
    flag = "!" if step["error"] and not _was_canceled(step) else " "
    return (
        click.style(f"{flag} {label:<{name}} ", fg=color, bold=bool(step["critical"]))
        + click.style(f"{drawn:<{bar}}", fg=color)
        + click.style(f" {took:>10}", fg=color)
    )


def _bar(step: Row, total: float, width: int, marks: Marks) -> str:
    if step["cached"] or step["started"] is None:
        return ""
    begin = int(min(width - 1, max(0, round(step["started"] / total * width))))
    length = max(1, round(_end(step) / total * width) - begin)
    mark = {"critical": marks.critical, "shared": marks.shared}.get(_kind(step), marks.other)
    return " " * begin + str(mark) * min(length, width - begin)


def _end(step: Row) -> float:
    if step["started"] is None:
        return 0.0
    return float(max(step["started"], 0.0) + (step["duration"] or 0.0))


def _took(step: Row, marks: Marks) -> str:
    if step["cached"]:
        return "cached"
    if step["started"] is None:
        return "not run"
    if step["duration"] is None:
        return "cut off"
    return figures.duration(step["duration"]).replace("—", marks.dash)


def _kind(step: Row) -> str:
    if step["cached"] or step["started"] is None:
        return ""
    if step["shared"]:
        return "shared"
    return "critical" if step["critical"] else "other"


def _color(step: Row) -> str | None:
    if step["error"]:
        return "yellow" if _was_canceled(step) else "red"
    return "green" if step["cached"] else None


def _was_canceled(step: Row) -> bool:
    return str(step["error"] or "").endswith("context canceled")


def _marks() -> Marks:
    """Blocks where the output can show them, else ASCII."""
    try:
        "".join(_BLOCKS).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return _PLAIN
    return _BLOCKS
