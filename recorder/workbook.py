"""Excel workbooks, written row by row, so that memory does not grow with them."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

# Excel, "Specifications and limits".
MOST_ROWS = 1_048_576
_MOST_LETTERS = 32_767
_SHEET_LETTERS = 31
_MOST_EXACT = 10**15
_FIRST_YEAR = 1900
_WIDTHS = {"time": 19, "text": 24, "number": 12}
_FORMATS = {
    "time": "yyyy-mm-dd hh:mm:ss",
    "seconds": "#,##0.0##",
    "MB": "#,##0.0##",
    "bytes": "#,##0",
    "0 to 1": "0%",
}


class Workbook:
    """A workbook in a file, or in an open one, to use in a `with`.

    Text stays text, whatever it looks like: no formula, no link, no number. Excel holds 32,767
    letters in a cell and 15 digits of a number: longer text is cut, longer numbers are text.
    """

    def __init__(self, target: Path | IO[bytes]) -> None:
        import xlsxwriter  # here, since few commands and few servers ever write one

        place = str(target) if isinstance(target, Path) else target
        self._book = xlsxwriter.Workbook(place, {"constant_memory": True})
        self._bold = self._book.add_format({"bold": True, "bottom": 1})
        self._formats = {
            name: self._book.add_format({"num_format": form}) for name, form in _FORMATS.items()
        }

    def __enter__(self) -> "Workbook":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._book.close()

    def add_sheets(
        self, name: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]
    ) -> int:
        """Write `rows` under the titles of `columns`, on as many sheets as Excel's limit asks for.

        A column is a title and what its values are: a unit, `time` for ISO timestamps, which are
        written as they stand, without their offset, or empty. Gives how many rows there were.
        """
        sheet, count = None, 0
        for values in rows:
            line = count % (MOST_ROWS - 1)
            if line == 0:
                self._finish(sheet, columns, MOST_ROWS)
                number = count // (MOST_ROWS - 1) + 1
                sheet = self._begin(name if number == 1 else f"{name} {number}", columns)
            self._write(sheet, line + 1, columns, values)
            count += 1
        if sheet is None:
            sheet = self._begin(name, columns)
        self._finish(sheet, columns, count % (MOST_ROWS - 1) + 1)
        return count

    def _begin(self, name: str, columns: Sequence[tuple[str, str]]) -> Any:
        sheet = self._book.add_worksheet(name[:_SHEET_LETTERS])
        sheet.freeze_panes(1, 0)
        for place, (title, kind) in enumerate(columns):
            width = _WIDTHS.get(kind, _WIDTHS["number"] if kind else _WIDTHS["text"])
            sheet.set_column(place, place, max(width, len(title) + 2))
            sheet.write_string(0, place, title, self._bold)
        return sheet

    @staticmethod
    def _finish(sheet: Any, columns: Sequence[tuple[str, str]], lines: int) -> None:
        if sheet is not None:
            sheet.autofilter(0, 0, max(lines - 1, 0), len(columns) - 1)

    def _write(
        self, sheet: Any, line: int, columns: Sequence[tuple[str, str]], values: Sequence[Any]
    ) -> None:
        for place, ((_, kind), value) in enumerate(zip(columns, values, strict=True)):
            form = self._formats.get(kind)
            if value is None or value == "":
                continue
            if kind == "time" and (moment := _moment(value)):
                sheet.write_datetime(line, place, moment, form)
            elif isinstance(value, int | float) and _is_exact(value):
                sheet.write_number(line, place, value, form)
            else:
                sheet.write_string(line, place, _text(value)[:_MOST_LETTERS])


def _text(value: object) -> str:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
    except (TypeError, ValueError):
        return None
    return moment if moment.year >= _FIRST_YEAR else None


def _is_exact(value: float) -> bool:
    return math.isfinite(value) and abs(value) < _MOST_EXACT
