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
from recorder.workbook import Workbook

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

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
    """A workbook with one sheet: a bold row of `columns`, then `rows` as they are stored."""
    written = io.BytesIO()
    with Workbook(written) as book:
        book.add_sheets(name, [(column, "") for column in columns], rows)
    return written.getvalue()
