"""Which paths of the build context a COPY, an ADD or a RUN with a bind mount takes. Pure."""

import json
import posixpath
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

Pattern = tuple[str, ...]
"""A source, name by name, perhaps with wildcards; it takes all below. Empty: the whole context."""

# Compiled when a line needs them: this is loaded beside a short build.
_WORD = r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|(\S+)"
_MOUNT = r"--mount=(\S+)"


def sources(instruction: str) -> tuple[Pattern, ...]:
    """The paths of the context that an instruction names; none for one that takes nothing of it.

    A name with a variable that is not expanded stands for whatever may be there, and below.
    """
    keyword, _, rest = instruction.strip().partition(" ")
    if keyword.upper() == "RUN":
        return tuple(_mounts(rest))
    if keyword.upper() not in ("COPY", "ADD"):
        return ()
    rest = rest.strip()
    while rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        rest = rest.strip()
        if flag.startswith("--from="):
            return ()
    return tuple(
        _pattern(path)
        for path in _words(rest)[:-1]
        if not path.startswith(("<<", "git@")) and "://" not in path
    )


def takes(patterns: Iterable[Pattern], path: str) -> bool:
    """Whether any of the patterns takes the file at `path`, or the folder that ends in a slash.

    Such a folder stands for the files right in it; `/` is the context itself.
    """
    names = [name for name in path.split("/") if name]
    deepest = len(names) + path.endswith("/")
    return any(len(pattern) <= deepest and reaches(pattern, names) for pattern in patterns)


def reaches(pattern: Pattern, names: Sequence[str]) -> bool:
    """Whether the pattern takes something at the path of these names, below it, or above it."""
    return all(fnmatchcase(name, part) for name, part in zip(names, pattern, strict=False))


def _mounts(rest: str) -> Iterable[Pattern]:
    for mount in re.findall(_MOUNT, rest) if "--mount=" in rest else ():
        fields = dict(field.partition("=")[::2] for field in mount.split(","))
        if fields.get("type", "bind") == "bind" and "from" not in fields:
            yield _pattern(fields.get("source") or fields.get("src") or ".")


def _words(text: str) -> list[str]:
    if text.startswith("["):
        try:
            return [str(word) for word in json.loads(text)]
        except ValueError:
            if text.endswith("]") and ", " in text:  # as BuildKit writes such a list in its names
                return text[1:-1].split(", ")
    if '"' not in text and "'" not in text:
        return text.split()
    return [double or single or bare for double, single, bare in re.findall(_WORD, text)]


def _pattern(source: str) -> Pattern:
    path = posixpath.normpath("/" + source.replace("[^", "[!")).lstrip("/")
    names: list[str] = []
    for name in path.split("/") if path else ():
        if "$" in name or name == "**":
            break
        names.append(name)
    return tuple(names)
