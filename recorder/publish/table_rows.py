"""The rows of Datasette's tables as HTML, which written by a template would take most of a page."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datasette.utils import to_css_class
from markupsafe import Markup, escape


def of_query(columns: Sequence[str], shown: Iterable[Any], rows: Iterable[Any]) -> Markup:
    """The rows of a canned query: `shown` has what each cell shows, `rows` its values."""
    names = [f"col-{to_css_class(column)}" for column in columns]
    return _rows(
        "".join(
            f'<td class="{name} n">{escape(cell)}</td>'
            if isinstance(value, int | float)
            else f'<td class="{name}">{escape(cell)}</td>'
            for name, cell, value in zip(names, cells, values, strict=True)
        )
        for cells, values in zip(shown, rows, strict=True)
    )


def of_table(rows: Iterable[Iterable[Mapping[str, Any]]]) -> Markup:
    """The rows of a table, cells of Datasette's: `column`, `raw` and the `value` shown."""
    names: dict[str, str] = {}
    return _rows(
        "".join(
            f'<td class="{names.get(cell["column"]) or _named(names, cell["column"])}'
            f'{" n" if isinstance(cell["raw"], int | float) else ""}">{escape(cell["value"])}</td>'
            for cell in row
        )
        for row in rows
    )


def _named(names: dict[str, str], column: str) -> str:
    names[column] = f"col-{to_css_class(column)}"
    return names[column]


def _rows(lines: Iterable[str]) -> Markup:
    """Each line in a row; what it shows is escaped."""
    return Markup("\n").join(Markup(f"<tr>{line}</tr>") for line in lines)  # noqa: S704
