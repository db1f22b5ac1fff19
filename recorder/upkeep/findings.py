"""What an examination of the file finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: which check saw it, what it is, and what cures it.

    A `warning` is of what may go wrong, and is no fault of the file.
    """

    check: str
    problem: str
    cure: str
    warning: bool = False


FIX = "run `buildrec doctor --fix`"
"""The cure of what `doctor --fix` mends."""
