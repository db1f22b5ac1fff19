"""Reads what the command line of a `docker buildx build` says, without changing a word of it."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Flags without a value; every other flag of `docker buildx build` takes one.
_SWITCHES = frozenset(
    "--check --compress --debug --disable-content-trust --force-rm --help --load --no-cache --pull "
    "--push --quiet --rm --squash".split()
)
_SHORT = {
    "t": "--tag",
    "f": "--file",
    "o": "--output",
    "c": "--cpu-shares",
    "m": "--memory",
    "D": "--debug",
    "h": "--help",
    "q": "--quiet",
}
_LARGEST_SECRET = 512_000  # bytes; BuildKit takes no larger one


@dataclass
class Arguments:
    """What was asked for: the flags with their values, and the rest, which is the context."""

    flags: dict[str, list[str]] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)

    @property
    def context(self) -> str | None:
        """The context; None in wrong usage, which has none or several."""
        return self.rest[0] if len(self.rest) == 1 else None

    def last(self, flag: str) -> str | None:
        """The value that counts of a flag that may be given once."""
        values = self.flags.get(flag)
        return values[-1] if values else None

    def build_args(self, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The build arguments; one without a value takes it from the environment."""
        pairs = {}
        for value in self.flags.get("--build-arg", []):
            name, equals, text = value.partition("=")
            pairs[name] = text if equals else environ.get(name, "")
        return pairs

    def secrets(self, environ: Mapping[str, str] = os.environ) -> set[str]:
        """The values behind `--secret`, whole and line by line, as far as they can be read."""
        import csv  # here, as few builds have a secret

        found: set[str] = set()
        for value in self.flags.get("--secret", []):
            parts = next(csv.reader([value]), [])
            fields = {name.lower(): text for name, _, text in (p.partition("=") for p in parts)}
            file, variable = fields.get("src") or fields.get("source"), fields.get("env")
            if fields.get("type") == "env" and not variable:
                file, variable = None, file
            if not file and not variable:  # then the id is a variable's name, or else a file's
                file = variable = fields.get("id", "")
            text = environ.get(variable or "") or _content(file or "")
            found.update(line.strip() for line in (text, *text.splitlines()))
        return {text for text in found if len(text) > 3}


def parse(words: Sequence[str], switches: frozenset[str] = frozenset()) -> Arguments:
    """The flags and the context in the words after `docker buildx build`.

    `switches` are further flags without a value, of another builder than buildx.
    """
    found = Arguments()
    rest = iter(words)
    for word in rest:
        if word == "--":
            found.rest += rest
            break
        if word == "-" or not word.startswith("-"):
            found.rest.append(word)
            continue
        for flag, value in _flags(word, rest, _SWITCHES | switches):
            found.flags.setdefault(flag, []).append(value)
    return found


def _flags(word: str, rest: Iterator[str], switches: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The flags in one word with their values: several short ones may share it, as in `-qt app`."""
    if word.startswith("--"):
        flag, equals, value = word.partition("=")
        yield flag, value if equals else "true" if flag in switches else next(rest, "")
        return
    letters = word[1:]
    while letters:
        flag = _SHORT.get(letters[0], f"-{letters[0]}")
        letters = letters[1:]
        if flag in switches and not letters.startswith("="):
            yield flag, "true"
            continue
        yield flag, letters.removeprefix("=") if letters else next(rest, "")
        return


def _content(file: str) -> str:
    """The text of a regular `file`; of a pipe, such as `<(...)`, the build alone may read."""
    try:
        about = Path(file).stat()
        if stat.S_ISREG(about.st_mode) and about.st_size <= _LARGEST_SECRET:
            return Path(file).read_text(errors="replace")
    except OSError:
        pass
    return ""
