"""Finds the line on which a key of a TOML file is set; the standard library's parser keeps none."""

import tomllib
from collections.abc import Sequence
from typing import Any


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """The line, counted from 1, on which the value at `keys` begins; None where there is none.

    The beginning of a file that parses without the key, and with one more statement has it, ends
    just before that statement. So whatever TOML allows is understood as the parser does.
    """
    lines = text.splitlines(keepends=True)
    before = 0
    for count in range(len(lines) + 1):
        try:
            content: Any = tomllib.loads("".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue  # inside a value of several lines
        if _has(content, keys):
            return before + 1
        before = count
    return None


def _has(content: Any, keys: Sequence[str]) -> bool:
    for key in keys:
        if not isinstance(content, dict) or key not in content:
            return False
        content = content[key]
    return True
