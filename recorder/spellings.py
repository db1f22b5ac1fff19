"""Every way in which a text may spell a value that is known to be secret."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORT = 6
"""Characters below which a value is too common to be looked for inside of words, or encoded."""


def of(value: str) -> set[str]:
    """`value` as it is, and as URLs, JSON, Go's messages, base64 and hex carry it, and its lines.

    The lines of a value of several lines are spelled too, the short ones aside: a command prints
    them one by one.
    """
    value = value.strip()
    if len(value) < SHORT:
        return {value} if value else set()
    lines = {line.strip() for line in value.splitlines()}
    parts = {value} | {line for line in lines if len(line) >= SHORT}
    return {spelled for part in parts for spelled in _spellings(part)}


def _spellings(value: str) -> Iterator[str]:
    raw = value.encode(errors="replace")
    yield value
    yield quote(value, safe="", errors="replace")
    yield quote(value, errors="replace")
    yield quote_plus(value, errors="replace")
    for ascii_only in (True, False):
        escaped = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        # As Go's encoding/json writes it.
        yield escaped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    yield raw.hex()
    yield from _base64(raw)


def _base64(raw: bytes) -> Iterator[str]:
    """What base64 makes of the bytes alone, and of them inside others: `user:value` for instance.

    Three bytes make four characters, so there are three ways to begin; the characters that depend
    on what stands before or after are left off.
    """
    yield base64.b64encode(raw).decode()
    for before in range(3):
        padded = bytes(before) + raw
        whole = len(padded) * 8 // 6  # characters that hold nothing but these bytes
        skipped = (before * 8 + 5) // 6
        for text in (base64.b64encode(padded).decode(), base64.urlsafe_b64encode(padded).decode()):
            inner = text[skipped:whole]
            if len(inner) >= SHORT:
                yield inner
