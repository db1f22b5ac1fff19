"""Draws what runs as a few lines at the end of a terminal, and keeps what ended above them."""

import shutil
import sys
import unicodedata
from collections.abc import Sequence

import click

from recorder import figures, times
from recorder.capture.watch import Ended
from recorder.cli import output
from recorder.live import LiveBuild

_COLORS = {"failed": "red", "canceled": "yellow"}
_SLOW = 1.5
"""How many times its usual duration a build may run before its time is yellow."""


class Screen:
    """A line for each build that ended; at a terminal, below them, those that run."""

    def __init__(self) -> None:
        self._drawn = 0
        self._builds: Sequence[LiveBuild] = ()
        self._live = sys.stdout.isatty()

    def caught_up(self, builder: str, new: int, known: int) -> None:
        """Say what had ended before."""
        builds = "build" if new == 1 else "builds"
        self._say(f"{output.safe(builder)}: {new} {builds} came in, {known} known", dim=True)

    def waiting(self, builder: str, problem: str) -> None:
        """Say why a builder is not seen."""
        self._say(f"{output.safe(builder)}: waiting: {output.safe(problem)}", fg="yellow")

    def ended(self, ended: Ended) -> None:
        """Say how a build was."""
        build = ended.build
        self._builds = [running for running in self._builds if running.ref != build.ref]
        moment = times.local_text(build.completed_at, build.zone)[11:19]
        line = f"{moment}  {output.safe(build.image_name)}  {ended.verdict}"
        self._say(line, fg=_COLORS.get(build.status))
        if ended.problem:
            self._say(f"not stored yet: {output.safe(ended.problem)}", fg="yellow")

    def changed(self, builds: Sequence[LiveBuild]) -> None:
        """Draw what runs now."""
        self._builds = builds
        if self._live:
            self._write(self._up() + self._frame())

    def show_once(self) -> None:
        """Leave what runs now on the screen."""
        self._close()
        width = shutil.get_terminal_size((100, 24)).columns
        for line in table(self._builds, width - 1) or ["nothing runs"]:
            click.echo(line)

    def close(self) -> None:
        """Leave the lines of the builds that ended, and no other."""
        self._close()

    def _close(self) -> None:
        if self._live:
            self._write(f"{self._up()}\x1b[J")
        self._live, self._drawn = False, 0

    def _say(self, line: str, **style: object) -> None:
        text = click.style(line, **style)  # type: ignore[arg-type]
        if self._live:
            self._write(f"{self._up()}{text}\x1b[K\n{self._frame()}")
        else:
            click.echo(text)

    def _up(self) -> str:
        return f"\x1b[{self._drawn}F" if self._drawn else ""

    def _frame(self) -> str:
        """The lines of what runs; each clears what was there, so that nothing flickers."""
        width, height = shutil.get_terminal_size((100, 24))
        lines = table(self._builds, width - 1)
        room = max(1, height - 2)
        if len(lines) > room:
            lines = [*lines[: room - 1], _dim(f"… and {len(lines) - room + 1} more", width - 1)]
        lines = lines or [_dim("nothing runs; Ctrl-C ends the watch", width - 1)]
        self._drawn = len(lines)
        return "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J"

    @staticmethod
    def _write(text: str) -> None:
        click.echo(text, nl=False)
        sys.stdout.flush()


def table(builds: Sequence[LiveBuild], width: int) -> list[str]:
    """A line on each build, none wider than `width`; the columns at the end go first."""
    rows = [_cells(build) for build in builds]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    if widths:
        widths[0] = min(widths[0], max(8, width // 3))
    return [_line(build, row, widths, width) for build, row in zip(builds, rows, strict=True)]


def _cells(build: LiveBuild) -> list[str]:
    usual = build.usual_duration
    return [
        output.safe(build.image_name),
        figures.duration(build.elapsed),
        f"usual {figures.duration(usual)}" if usual else "",
        f"{build.completed_steps}/{build.steps} steps",
        f"{build.cached_steps} cached",
    ]


def _line(build: LiveBuild, cells: Sequence[str], widths: Sequence[int], width: int) -> str:
    slow = build.usual_duration and build.elapsed > _SLOW * build.usual_duration
    line, left = "", width
    for place, (cell, wide) in enumerate(zip(cells, widths, strict=True)):
        if not wide:
            continue
        needed = wide + (2 if line else 0)
        if needed > left:
            return line
        text = fit(cell, wide)
        blank = " " * (wide - _width(text))
        text = text + blank if place == 0 else blank + text
        if place == 1 and slow:
            text = click.style(text, fg="yellow")
        line += ("  " if line else "") + text
        left -= needed
    if build.current_step and left > 10:
        line += "  " + _dim(output.safe(build.current_step), left - 2)
    return line


def _dim(text: str, width: int) -> str:
    return click.style(fit(text, width), dim=True)


def fit(text: str, width: int) -> str:
    """`text` cut to `width` columns of a terminal; an ellipsis stands for the rest."""
    if _width(text) <= width:
        return text
    used, kept = 1, ""
    for letter in text:
        used += _columns(letter)
        if used > width:
            break
        kept += letter
    return f"{kept}…"


def _width(text: str) -> int:
    return sum(map(_columns, text))


def _columns(letter: str) -> int:
    """How many columns a character takes: two when it is wide, none when it joins another."""
    if letter.isascii():
        return 1
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
