"""Rows as an Excel workbook: `.xlsx` of any query, table or row, as many rows as its JSON has.

Written by XlsxWriter, since datasette-xlsx 0.2.2 blocks the server while it writes (0.5 s for 1,000
rows), reads a table to its end for whoever asks, and labels its workbooks in Swedish.
"""

import asyncio
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from datasette import Response

from recorder.publish.site import DATABASE

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# Excel, "Specifications and limits"; sheet names have their own.
_MOST_LETTERS = 32_767
_MOST_EXACT = 10**15
_SHEET_LETTERS = 31
_WIDTHS = (8, 60)

Value = str | int | float | bytes | None


def can_render(database: str) -> bool:
    """Whether the rows are of our database."""
    return database == DATABASE


async def render(
    datasette: Any,
    database: str,
    columns: Sequence[str],
    rows: Iterable[Any],
    table: str | None,
    query_name: str | None,
) -> Response:
    """The workbook, written in a thread beside the server's own."""
    name = re.sub(r"\W", "_", query_name or table or database, flags=re.ASCII)
    cells = [[row[column] for column in columns] for row in rows]
    loop = asyncio.get_running_loop()
    body = await loop.run_in_executor(datasette.executor, workbook, name, columns, cells)
    return Response(
        body,
        content_type=CONTENT_TYPE,
        headers={"content-disposition": f'attachment; filename="{name}.xlsx"'},
    )


def workbook(name: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> bytes:
    """A workbook with one sheet: a bold row of `columns`, then `rows`.

    Text stays text, whatever it looks like: no formula, no link, no number. Excel holds 32,767
    letters in a cell and 15 digits of a number: longer text is cut, longer numbers are text.
    """
    import xlsxwriter  # here, since most servers are never asked for it

    written = io.BytesIO()
    with xlsxwriter.Workbook(written, {"in_memory": True}) as book:
        sheet = book.add_worksheet(name[:_SHEET_LETTERS])
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column, book.add_format({"bold": True}))
            longest = max((len(_shown(row[place])) for row in rows), default=0)
            least, most = _WIDTHS
            sheet.set_column(place, place, min(max(longest, len(column), least), most))
        for number, row in enumerate(rows, start=1):
            for place, value in enumerate(row):
                _write(sheet, number, place, value)
    return written.getvalue()


def _write(sheet: Any, row: int, column: int, value: Value) -> None:
    if value is None:
        return
    if isinstance(value, int | float) and abs(value) < _MOST_EXACT:
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(row, column, _shown(value)[:_MOST_LETTERS])


def _shown(value: Value) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return "" if value is None else str(value)
