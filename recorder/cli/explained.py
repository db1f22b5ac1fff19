"""What `why`, `diff` and `what-if` share: the option `--format`, and tables of parts."""

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import click

from recorder import figures
from recorder.cli import output
from recorder.explain import facts, sentences
from recorder.explain.compared import Part
from recorder.explain.facts import Change
from recorder.explain.sizes import SizeComparison

FORMATS = ("table", "json", "markdown")

_BAR = 12
_NARROW = 60  # columns
_LABEL = 12
_VALUE = 60


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--format` of an explanation, whose default depends on where stdout goes."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(FORMATS),
        help="How to print. [default: table at a terminal, json in a pipe]",
    )(command)


def answer(sentence: str) -> str:
    """The first line: the answer, its code as the terminal's own emphasis."""
    return click.style(output.safe(sentence), bold=True)


def parts(found: Sequence[Part], difference: int, sides: tuple[str, str], titles: tuple[str, str]
          ) -> list[str]:  # fmt: skip
    """The lines of a table of parts: what each took on either side, and what it adds.

    `sides` are the durations of both builds in words, `titles` what they are called. What is
    too small for a line is one line together, so that the last line is the sum of all above.
    """
    if not found:
        return []
    shown, rest = sentences.worth_a_line(found)
    most = max(abs(part.difference) for part in found) or 1
    rows = [
        _Line(
            sentences.named(part) if part.step else sentences.title(part.kind),
            sentences.kind_of(part) if part.step else "",
            sentences.took(part, before=True),
            sentences.took(part, before=False),
            sentences.signed(part.difference),
            part.difference / most,
            sentences.beside(part),
        )
        for part in shown
    ]
    if rest:
        total = sum(part.difference for part in rest)
        rows.append(_Line(sentences.smaller(rest), "", "", "", sentences.signed(total), 0.0))
    rows.append(_Line("in all", "", *sides, sentences.signed(difference), 0.0))
    return _table(rows, ("STEP", "", *(title.upper() for title in titles), "ADDS"))


def layers(size: SizeComparison | None) -> list[str]:
    """The lines of a table of layers that differ."""
    if size is None or not size.parts:
        return []
    most = max(abs(part.difference) for part in size.parts)
    shown, rest = sentences.worth_a_line(size.parts)
    rows = [
        _Line(
            sentences.layer(part),
            "" if part.kind == "unaccounted" else part.kind,
            _bytes(part.before),
            _bytes(part.now),
            sentences.signed_bytes(part.difference),
            part.difference / most,
        )
        for part in shown
    ]
    if rest:
        total = sum(part.difference for part in rest)
        rows.append(_Line(sentences.smaller(rest), "", "", "", sentences.signed_bytes(total), 0.0))
    rows.append(_Line("in all", "", _bytes(size.before), _bytes(size.now),
                      sentences.signed_bytes(size.difference), 0.0))  # fmt: skip
    return _table(rows, ("LAYER", "", "BEFORE", "NOW", "ADDS"))


def changes(found: Iterable[Change]) -> list[str]:
    """A line for each thing that differs beside steps and layers."""
    lines = []
    for change in found:
        before, now = sentences.apart(*facts.shown(change), _VALUE)
        name = sentences.shortened(facts.title(change), 100)
        if change.what == "warning":
            lines.append(f"  {name}: {now}")
        else:
            lines.append(f"  {name}: {before or 'none'} → {now or 'none'}")
    return lines


def dim(text: str) -> str:
    """What is not the answer."""
    return click.style(text, dim=True)


class _Line(NamedTuple):
    """A line of a table; `share` is what its bar shows, `remark` stands below it."""

    label: str
    kind: str
    before: str
    now: str
    adds: str
    share: float
    remark: str = ""


def _table(rows: Sequence[_Line], titles: Sequence[str]) -> list[str]:
    width = min(shutil.get_terminal_size((100, 24)).columns, 140)
    if width < _NARROW:  # what became of a step has no room
        rows = [row._replace(kind="") for row in rows]
    wide = [max(len(str(row[i])) for row in [titles, *rows]) for i in range(5)]
    bar = _BAR if width >= 90 else 0
    gaps = 2 * sum(1 for cells in wide if cells)
    room = width - sum(wide[1:]) - gaps - (bar + 2 if bar else 0)
    label = max(_LABEL, min(wide[0], room))
    lines = [dim(_joined(titles, label, wide))]
    for place, row in enumerate(rows):
        text = _joined([sentences.shortened(row.label, label), *row[1:5]], label, wide)
        color = "yellow" if row.share > 0 else "green" if row.share < 0 else None
        drawn = _bar(row.share, bar)
        last = place == len(rows) - 1
        line = click.style(text, bold=True) if last else text
        lines.append(line + (click.style(f"  {drawn}", fg=color) if drawn else ""))
        if row.remark:
            lines.append(dim(f"    {row.remark}"))
    return lines


def _joined(cells: Sequence[str], label: int, wide: Sequence[int]) -> str:
    first = f"  {cells[0]:<{label}}" + (f"  {cells[1]:<{wide[1]}}" if wide[1] else "")
    return first + "".join(f"  {cells[i]:>{wide[i]}}" for i in (2, 3, 4))


def _bar(share: float, width: int) -> str:
    length = round(abs(share) * width)
    mark = "█" if _can_show("█") else "#"
    return mark * length


def _can_show(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _bytes(size: int | None) -> str:
    return figures.megabytes(size / 1e6) if size else "—"
