"""What an examination of the file finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: which check saw it, what it is, and what cures it."""

    check: str
    problem: str
    cure: str
