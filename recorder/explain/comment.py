"""Sections of ours in a comment that others may write into, each found by its hidden marks."""

import hashlib
import re
from collections.abc import Sequence

_END = "<!-- buildrec: end -->"


def section(image_name: str, text: str) -> str:
    """The report of an image between its marks."""
    return f"{_begin(image_name)}\n{text}\n{_END}"


def updated(comment: str, sections: Sequence[tuple[str, str]]) -> str:
    """The comment with the sections of these images, and all that others wrote.

    Each takes the place of the image's section of before; a new one comes at the end. Of a section
    that somebody has cut the end off, only the mark goes: the rest may be theirs.
    """
    for image_name, text in sections:
        mark = _begin(image_name)
        fresh = section(image_name, text)
        # Up to its end, and not beyond the next section's beginning.
        old = re.compile(f"{re.escape(mark)}(?:(?!<!-- buildrec: ).)*{re.escape(_END)}", re.DOTALL)
        first = old.search(comment)
        if first:
            rest = old.sub("", comment[first.end() :])
            comment = f"{comment[: first.start()]}{fresh}{rest}"
        else:
            others = comment.replace(mark, "").rstrip()
            comment = f"{others}\n\n{fresh}" if others else fresh
    return comment.rstrip("\n") + "\n"


def _begin(image_name: str) -> str:
    digest = hashlib.sha256(image_name.encode(errors="replace")).hexdigest()[:16]
    return f"<!-- buildrec: {digest} -->"
