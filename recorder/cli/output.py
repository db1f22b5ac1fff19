"""Prints rows: a table at a terminal, JSON in a pipe, or as asked."""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

FORMATS = ("table", "json", "csv", "tsv", "nl")
_JSON_COLUMNS = ("build_args", "image_tags")
# What a terminal would obey, and what turns the direction of the text around it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_FIGURE = re.compile(r"—|\d[\d.,]*(?:%| [A-Za-z][\w ]*)?")

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


def emit(rows: Sequence[Row], style: str | None, columns: Sequence[Column], empty: str) -> None:
    """Print `rows` in a style; `columns` are those of the table, `empty` what to say of no rows."""
    style = style or default_style()
    if style == "table":
        if rows:
            click.echo(table([[cell(row) for _, cell in columns] for row in rows],
                             [title for title, _ in columns]))  # fmt: skip
        else:
            click.echo(empty, err=True)
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


def parsed(row: Row) -> Row:
    """The row with its JSON columns as JSON."""
    return {
        name: json.loads(value) if name in _JSON_COLUMNS and value else value
        for name, value in row.items()
    }


def table(rows: Sequence[Sequence[str]], titles: Sequence[str]) -> str:
    """An aligned table; a column whose cells are all figures stands to the right."""
    from tabulate import tabulate

    shown = [[safe(cell) for cell in row] for row in rows]
    figures = [
        all(re.match(r"^[-+]?[\d,.]|^$|^[-—]$", row[i]) for row in shown)
        for i in range(len(titles))
    ]
    return tabulate(
        shown,
        headers=[title.upper() for title in titles],
        tablefmt="plain",
        disable_numparse=True,
        colalign=["right" if figure else "left" for figure in figures],
    )


def safe(text: str) -> str:
    """`text` on one line, without anything that a terminal would take as a command."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\n", " ").replace("\t", " "))


def _write_separated(rows: Iterable[Row], delimiter: str) -> None:
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(sys.stdout, list(row), delimiter=delimiter, lineterminator="\n")
            writer.writeheader()
        writer.writerow({name: _harmless(value) for name, value in row.items()})


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula is led by an apostrophe (OWASP)."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
