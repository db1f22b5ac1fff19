"""Checks the parameters of our canned queries: text where a number is due is an error, not 0."""

import re
from collections.abc import Iterable
from urllib.parse import parse_qs

BOUNDS = {"limit": (1, 1000), "days": (1, 36500)}
"""The numbers that may be asked for; an empty value means the query's own default."""

_NUMBER = re.compile(r"[0-9]{1,9}")

_COUNTED_IN_VAIN = re.compile(r"/(?:build_steps|steps)(?:\.\w+)?")


def uncounted(page: str, query_string: str) -> str:
    """`query_string` with `_nocount` for a page of all steps, `page` being its path below ours.

    Datasette counts the rows of each table page. Of a large history's steps that costs the whole
    time limit and gives no number; those of one build are counted as ever.
    """
    if not _COUNTED_IN_VAIN.fullmatch(page) or re.search(r"build_id|_nocount", query_string):
        return query_string
    return "&".join(filter(None, [query_string, "_nocount=1"]))


def problem(query_string: str, names: Iterable[str]) -> str | None:
    """What is wrong with the parameters `names` in `query_string`, as a sentence; None if nothing.

    Every value of a repeated parameter must be right, as readers differ in which one they take.
    """
    given = parse_qs(query_string, keep_blank_values=True)
    for name in names:
        if name not in BOUNDS:
            continue
        least, most = BOUNDS[name]
        for value in given.get(name, ()):
            text = value.strip()
            if text and not (_NUMBER.fullmatch(text) and least <= int(text) <= most):
                return f"{name} must be a whole number from {least} to {most}, not {text[:40]!r}."
    return None
