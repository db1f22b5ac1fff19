"""Makes the CSV that Datasette writes safe to open in a spreadsheet."""

import csv
import io
from urllib.parse import parse_qs

from recorder import harmless
from recorder.publish.headers import Message, Send

# The reader's own limit is 128 KB, and a cell may hold more: it comes from our own writer.
csv.field_size_limit(2**31 - 1)

RAW = "_raw"
"""Whoever asks with `_raw=1` gets the cells as they are stored."""


def guarded(send: Send, query_string: str) -> Send:
    """A `send` that leads cells which a spreadsheet would run as formulas with an apostrophe."""
    if parse_qs(query_string).get(RAW, [""])[-1] == "1":
        return send
    is_csv = False
    pending = b""

    async def send_harmless(message: Message) -> None:
        nonlocal is_csv, pending
        if message["type"] == "http.response.start":
            kinds = [v for name, v in message.get("headers", []) if name.lower() == b"content-type"]
            is_csv = message["status"] == 200 and not any(b"html" in kind for kind in kinds)
        elif is_csv and message["type"] == "http.response.body":
            pending += message.get("body", b"")
            rows = b""
            # A quote inside a cell is doubled, so where all are paired the last row is whole.
            paired = pending.endswith(b"\n") and pending.count(b'"') % 2 == 0
            if paired or not message.get("more_body"):
                rows, pending = _rewritten(pending), b""
            message = {**message, "body": rows}
        await send(message)

    return send_harmless


def _rewritten(text: bytes) -> bytes:
    rows = csv.reader(io.StringIO(text.decode(), newline=""))
    written = io.StringIO(newline="")
    csv.writer(written).writerows([harmless.cell(cell) for cell in row] for row in rows)
    return written.getvalue().encode()
