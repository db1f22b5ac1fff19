"""Reads a Dockerfile as far as a cause can lie in it: its instructions, stages, here-documents.

Source: BuildKit frontend/dockerfile/parser.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

# Patterns that few lines need are compiled when one does: this is loaded beside a short build.
_DIRECTIVE = r"#\s*(\w+)\s*=\s*(\S+)\s*"
_HEREDOC = r"(?<!<)\d*<<-?\s*([\"']?)([A-Za-z_][\w.]*)\1"
_WITH_HEREDOC = frozenset({"RUN", "COPY", "ADD"})
# A file that is longer is no Dockerfile that anybody wrote.
_MOST_CHARACTERS = 1_000_000


class Instruction(NamedTuple):
    """One instruction: the stage that it stands in, its keyword, its words, its here-documents.

    `stage` is its name in lower case, or `stage-N` for the Nth from 0 on; empty before the first.
    """

    stage: str
    keyword: str
    text: str
    documents: str = ""


def parse(text: str) -> tuple[Instruction, ...]:
    """The instructions of a Dockerfile, each in one line; what is none is passed over."""
    return tuple(_instructions(text[:_MOST_CHARACTERS]))


def _instructions(text: str) -> Iterator[Instruction]:
    lines = iter(text.removeprefix("\ufeff").splitlines())
    escape, stage, stages, directives = "\\", "", 0, True
    for line in lines:
        if directives:
            directive = "#" in line and re.fullmatch(_DIRECTIVE, line.strip())
            directives = bool(directive)
            if directive and directive[1].lower() == "escape":
                escape = directive[2]
        words = _logical_line(line, lines, escape)
        if not words:
            continue
        keyword = words.split(None, 1)[0].upper()
        if keyword == "FROM":
            *_, word, name = ["", *words.split()]
            stage = name.lower() if word.upper() == "AS" else f"stage-{stages}"
            stages += 1
        documents = _documents(words, lines) if keyword in _WITH_HEREDOC else ""
        yield Instruction(stage, keyword, words, documents)


def _logical_line(line: str, lines: Iterator[str], escape: str) -> str:
    """The line with those that continue it, in single spaces; empty for a comment."""
    parts: list[str] = []
    current: str | None = line
    while current is not None:
        stripped = current.strip()
        if stripped.startswith("#") or (parts and not stripped):
            current = next(lines, None) if parts else None
            continue
        goes_on = stripped.endswith(escape)
        parts.append(stripped.removesuffix(escape).rstrip())
        current = next(lines, None) if goes_on else None
    return " ".join(part for part in parts if part)


def _documents(words: str, lines: Iterator[str]) -> str:
    """The here-documents that `words` announce, with the lines that end them."""
    found = []
    for _, name in re.findall(_HEREDOC, words) if "<<" in words else ():
        for line in lines:
            found.append(line)
            if line.strip("\t") == name:
                break
    return "\n".join(found)
