"""Prints rows: a table at a terminal, JSON in a pipe, or as asked."""

import contextlib
import csv
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from recorder import harmless

FORMATS = ("table", "json", "csv", "tsv", "nl")
_JSON_COLUMNS = ("build_args", "image_tags")
_FIGURE = re.compile(r"—|\d[\d.,]*(?:%| [A-Za-z][\w ]*)?")

_GAP = "  "
_NARROWEST = 8
"""Letters of a text that are always shown."""
_MARKUP = re.compile(r"[\\|<>`*_\[\]]")

Row = dict[str, Any]
Column = tuple[str, Callable[[Row], str]]


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--format`, whose default depends on whether stdout is a terminal."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(FORMATS),
        help="How to print. [default: table at a terminal, json in a pipe]",
    )(command)


def emit(
    rows: Sequence[Row],
    style: str | None,
    columns: Sequence[Column],
    empty: str,
    *,
    wrap: bool = False,
) -> None:
    """Print `rows` in a style; `columns` are those of the table, `empty` what to say of no rows.

    With `wrap` the table's last column is one to read to its end.
    """
    style = style or default_style()
    if style == "table":
        if rows:
            click.echo(table([[cell(row) for _, cell in columns] for row in rows],
                             [title for title, _ in columns], wrap=wrap))  # fmt: skip
        else:
            click.echo(empty, err=True)
    elif style == "markdown":
        click.echo(markdown([[cell(row) for _, cell in columns] for row in rows],
                            [title for title, _ in columns]) if rows else empty)  # fmt: skip
    elif style in ("csv", "tsv"):
        _write_separated(rows, "," if style == "csv" else "\t")
    elif style == "nl":
        for row in rows:
            click.echo(json.dumps(parsed(row), ensure_ascii=False))
    else:
        emit_json([parsed(row) for row in rows])


def emit_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def default_style() -> str:
    """`table` when stdout is a terminal, else `json`."""
    return "table" if sys.stdout.isatty() else "json"


def to_nobody() -> None:
    """Let nothing be said any more, not even at exit: who read our pipe has gone (`| head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def let_go_of_the_rest() -> None:
    """Write what is left to say, or give it up where it cannot be written, not even at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        to_nobody()


def parsed(row: Row) -> Row:
    """The row with its JSON columns as JSON; what another tool wrote there may be none."""
    found = dict(row)
    for name in _JSON_COLUMNS:
        if found.get(name):
            with contextlib.suppress(ValueError, RecursionError):
                found[name] = json.loads(found[name])
    return found


def table(rows: Sequence[Sequence[str]], titles: Sequence[str], *, wrap: bool = False) -> str:
    """An aligned table; a column whose cells are all figures stands to the right.

    At a terminal its longest texts are cut, so that it fits; with `wrap` those of the last column
    go on below.
    """
    shown = [[safe(cell) for cell in row] for row in rows]
    figures = [
        all(re.match(r"^[-+]?[\d,.]|^$|^[-—]$", row[i]) for row in shown)
        for i in range(len(titles))
    ]
    widths = [max(map(len, column)) for column in zip(titles, *shown, strict=True)]
    if sys.stdout.isatty():
        widths = _fitting(widths, titles, figures, shutil.get_terminal_size((100, 24)).columns)
    if wrap:
        shown = [line for row in shown for line in _wrapped(row, widths[-1])]
    return "\n".join(
        _GAP.join(_filled(*cell) for cell in zip(line, widths, figures, strict=True)).rstrip()
        for line in [[title.upper() for title in titles], *shown]
    )


def markdown(rows: Sequence[Sequence[str]], titles: Sequence[str]) -> str:
    """A table as GitHub's Markdown has it; what recorded texts hold of markup is shown as text."""
    from tabulate import tabulate

    shown = [[_MARKUP.sub(r"\\\g<0>", safe(cell)) for cell in row] for row in rows]
    return tabulate(shown, headers=titles, tablefmt="pipe", disable_numparse=True)


def safe(text: str) -> str:
    """`text` on one line, without anything that a terminal would take as a command."""
    return harmless.line(text)


def shown(row: Row) -> Row:
    """The row as `parsed`, its texts safe for a terminal."""
    return {
        name: safe(value) if isinstance(value, str) else value
        for name, value in parsed(row).items()
    }


def _wrapped(row: Sequence[str], width: int) -> list[list[str]]:
    """The row, and rows below it for what its last column has no room for."""
    *others, last = row
    first, *rest = textwrap.wrap(last, width) or [""]
    return [[*others, first], *([*[""] * len(others), line] for line in rest)]


def _fitting(
    widths: Sequence[int], titles: Sequence[str], figures: Sequence[bool], room: int
) -> list[int]:
    """How wide each column may be where there is so much room: the widest texts give way."""
    widths = list(widths)
    least = [max(len(title), _NARROWEST) for title in titles]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > room:
        texts = [i for i in range(len(widths)) if not figures[i] and widths[i] > least[i]]
        if not texts:
            break
        widths[max(texts, key=lambda i: widths[i])] -= 1
    return widths


def _filled(text: str, width: int, is_figure: bool) -> str:
    """A cell as wide as its column: a figure to the right, a text cut where it is longer."""
    if is_figure:
        return text.rjust(width)
    return text.ljust(width) if len(text) <= width else f"{text[: width - 1]}…"


def _write_separated(rows: Iterable[Row], delimiter: str) -> None:
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(sys.stdout, list(row), delimiter=delimiter, lineterminator="\n")
            writer.writeheader()
        writer.writerow({name: harmless.cell(value) for name, value in row.items()})
