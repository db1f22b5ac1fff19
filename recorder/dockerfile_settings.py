"""The lines of a Dockerfile that change what its steps do, but are no steps themselves. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from recorder import redact
from recorder.dockerfile import Instruction

_KEYWORDS = frozenset({"FROM", "ARG", "ENV", "USER", "SHELL", "ONBUILD"})
_STEPS = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})


class Setting(NamedTuple):
    """Such a line: its stage, how many steps stand before it there, text, hash of documents."""

    stage: str
    after: int
    text: str
    digest: str = ""


def read(lines: Iterable[str]) -> tuple[Setting, ...]:
    """The settings of `Inputs`, which `settings` made; a line that is none is passed over."""
    found = []
    for line in lines:
        stage, after, text, digest, *_ = [*line.split("\t"), "", "", ""]
        if after.isdecimal() and text:
            found.append(Setting(stage, int(after), text, digest))
    return tuple(found)


def settings(instructions: Iterable[Instruction]) -> tuple[str, ...]:
    """Each such line after its stage and how many steps of that stand before it, in columns.

    Steps with here-documents are there with a hash of them: a step's name shows but the beginning.
    The hash is made of the text without recognised secrets, as that of a step's identity is, so
    that it tells nothing of them.
    """
    found, steps = [], Counter[str]()
    for line in instructions:
        columns = [line.stage, str(steps[line.stage]), line.text.replace("\t", " ")]
        if line.documents:
            content = redact.blank(line.documents).encode(errors="replace")
            columns.append(hashlib.sha256(content).hexdigest()[:16])
        if line.documents or line.keyword in _KEYWORDS:
            found.append("\t".join(columns))
        steps[line.stage] += line.keyword in _STEPS
    return tuple(found)
