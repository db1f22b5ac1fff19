"""Checks the parameters of our canned queries: a value that means nothing is an error.

Text where a number is due is HTTP 400. A build, an image or a step that nothing is recorded of is
404, so that a misspelt name is not taken for an empty history. An empty value always means the
query's own default.
"""

import re
import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qs

from recorder.alert_tables import STATES

BOUNDS = {"limit": (1, 1000), "days": (1, 36500)}
"""The whole numbers that may be asked for, least and most."""

CHOICES = {"state": (*STATES, "all")}
"""The words that may be asked for, in small or capital letters."""

_BUILD = ("build", "SELECT 1 FROM docker_builds WHERE ref = trim(:text) OR id = :number")
KNOWN: Mapping[str, tuple[str, str]] = {
    "image_name": ("image", "SELECT 1 FROM build_statistics WHERE image_name = :text"),
    "build": _BUILD,
    "a": _BUILD,
    "b": _BUILD,
    "step_key": ("step", "SELECT 1 FROM step_names WHERE step_key = :text"),
    "run": ("run of benchmarks", "SELECT 1 FROM benchmark_runs WHERE id = :number"),
    "suite": ("suite", "SELECT 1 FROM benchmark_measurements WHERE suite = :text"),
    "benchmark": (
        "benchmark",
        "SELECT 1 FROM benchmark_measurements WHERE suite || '/' || benchmark = :text",
    ),
}
"""Names of what is recorded: what each means, and the query that finds it."""

_NUMBER = re.compile(r"[0-9]{1,9}")
_ID = re.compile(r"[0-9]{1,18}")
_SHOWN = 40


class Wrong(NamedTuple):
    """Why a request cannot be answered: the HTTP status and a sentence."""

    status: int
    message: str


Given = Mapping[str, list[str]]


def given(query_string: str, names: Iterable[str]) -> Given:
    """What `query_string` says of the parameters `names`, empty values left out.

    Of a repeated parameter every value, as readers differ in which one they take.
    """
    found = parse_qs(query_string)
    return {name: [v for v in found[name] if v.strip()] for name in names if name in found}


def wrong_value(asked: Given) -> Wrong | None:
    """The first value that is not the number, or not one of the words, that it should be."""
    for name, (least, most) in BOUNDS.items():
        for value in asked.get(name, ()):
            text = value.strip()
            if not (_NUMBER.fullmatch(text) and least <= int(text) <= most):
                return Wrong(
                    400,
                    f"{name} must be a whole number from {least} to {most}, not {_shown(text)}.",
                )
    for name, words in CHOICES.items():
        for value in asked.get(name, ()):
            if value.strip().lower() not in words:
                known = f"{', '.join(words[:-1])} or {words[-1]}"
                return Wrong(400, f"{name} must be {known}, not {_shown(value)}.")
    return None


def names_of_records(asked: Given) -> bool:
    """Whether anything was asked for by a name that the database must know."""
    return any(asked.get(name) for name in KNOWN)


def wrong_name(connection: sqlite3.Connection, asked: Given) -> Wrong | None:
    """The first value that names nothing in the database."""
    for name, (what, query) in KNOWN.items():
        for value in asked.get(name, ()):
            number = int(value) if _ID.fullmatch(value.strip()) else None
            if not connection.execute(query, {"text": value, "number": number}).fetchone():
                return Wrong(404, f"There is no {what} {_shown(value)}.")
    return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
