"""Finds the line on which a key of a TOML file is set; the standard library's parser keeps none."""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

# Source: toml.io/en/v1.0.0, "String". One of several lines may end in two quotes of its own.
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'"
    r"|#[^\n]*"
    r"|(?P<opened>[\[{])"
    r"|(?P<closed>[\]}])"
    r"|(?P<ended>\n)",
    re.DOTALL,
)


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """The line, counted from 1, on which the value at `keys` begins; None where there is none.

    The beginning of a file that parses without the key, and with one more statement has it, ends
    just before that statement. So whatever TOML allows is understood as the parser does. What is
    set stays set, so that the statement is found by halving; `text` is one that parses.
    """
    starts = _starts(text)
    place = bisect_left(starts, True, key=lambda start: _has(_parsed(text[:start]), keys))
    if place == len(starts):
        return None
    return text.count("\n", 0, starts[max(place - 1, 0)]) + 1


def _starts(text: str) -> list[int]:
    """Where statements begin, empty lines and comments among them, and where the last one ends."""
    found, depth = [0], 0
    for token in _TOKEN.finditer(text):
        if token["opened"]:
            depth += 1
        elif token["closed"]:
            depth -= 1
        elif token["ended"] and not depth:
            found.append(token.end())
    return [*found, len(text)]


def _parsed(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):  # parsed elsewhere, where the stack was less deep
        return {}


def _has(content: Any, keys: Sequence[str]) -> bool:
    for key in keys:
        if not isinstance(content, dict) or key not in content:
            return False
        content = content[key]
    return True
