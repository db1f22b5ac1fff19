"""Makes recorded text harmless for what shows it: anyone who can build can write into it."""

import re
from typing import Any

# OWASP, "CSV Injection": what a cell must not begin with; led by apostrophes of its own, too, so
# that ours can be told from them.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")

# What a terminal would obey, and what turns the direction of the text around it; the last two are
# no characters.
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_CONTROL_BUT_LAYOUT = re.compile(rf"(?![\t\n]){_CONTROL.pattern}")


def line(text: str) -> str:
    """`text` on one line, each control character replaced by a mark that one was there."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\n", " ").replace("\t", " "))


def lines(text: str) -> str:
    """`text` with its lines and tabs, any other control character replaced by a mark."""
    return _CONTROL_BUT_LAYOUT.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula, led by an apostrophe; else `value`.

    A number is left alone, also one that is written as text.
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def original_cell(text: str) -> str:
    """The text that `cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text, 1) else text
