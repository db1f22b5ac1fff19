"""Says which files of a context `.dockerignore` keeps away from the builder.

Source: moby/patternmatcher. Its rules differ from those of `.gitignore`: a pattern without a slash
holds at the top alone. The libraries there are follow git, or come with the docker SDK (0.1 s).
"""

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Rule(NamedTuple):
    """A line of the file: what it matches, and whether it lets that through again (`!`)."""

    pattern: re.Pattern[str]
    exception: bool


def read(context: Path, dockerfile: Path) -> tuple[Rule, ...]:
    """The rules for a build of `context`: those of the Dockerfile's own file before the common."""
    for path in (
        dockerfile.with_name(f"{dockerfile.name}.dockerignore"),
        context / ".dockerignore",
    ):
        try:
            return rules(path.read_text(errors="surrogateescape"))
        except OSError:
            continue
    return ()


def rules(text: str) -> tuple[Rule, ...]:
    """The rules in the text of a `.dockerignore`; a pattern that is none is passed over."""
    found = []
    for line in text.removeprefix("\ufeff").splitlines():
        if line.startswith("#"):
            continue
        pattern = line.strip()
        exception = pattern.startswith("!")
        pattern = pattern.removeprefix("!").strip()
        if not pattern:
            continue
        pattern = posixpath.normpath(pattern).lstrip("/")
        if pattern in ("", "."):
            continue
        try:
            found.append(Rule(re.compile(_translated(pattern), re.DOTALL), exception))
        except re.error:
            continue
    return tuple(found)


def is_ignored(found: Sequence[Rule], path: str) -> bool:
    """Whether the last rule that matches `path`, or a folder above it, keeps it away."""
    names = path.split("/")
    above = ["/".join(names[: end + 1]) for end in range(len(names))]
    ignored = False
    for rule in found:
        if rule.exception == ignored and any(map(rule.pattern.fullmatch, above)):
            ignored = not rule.exception
    return ignored


def _translated(pattern: str) -> str:
    """The pattern as a regular expression (patternmatcher `compile`)."""
    out, at, in_set = [], 0, False
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if in_set:
            in_set = character != "]"
            plain = character in "]^" or (character == "-" and pattern[at - 2] != "-")
            out.append(character if plain else re.escape(character))  # of `--` the second
        elif character == "*":
            if pattern[at : at + 1] != "*":
                out.append("[^/]*")
                continue
            at += 1
            at += pattern[at : at + 1] == "/"
            out.append(".*" if at >= len(pattern) else "(?:.*/)?")
        elif character == "?":
            out.append("[^/]")
        elif character == "\\" and at < len(pattern):
            out.append(re.escape(pattern[at]))
            at += 1
        elif character == "[":
            in_set = True
            out.append(character)
        else:
            out.append(re.escape(character))
    return "".join(out)
