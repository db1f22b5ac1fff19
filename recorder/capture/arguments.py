"""Reads what the command line of a `docker buildx build` says, without changing a word of it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Flags without a value; every other flag of `docker buildx build` takes one.
_SWITCHES = frozenset(
    "--check --compress --debug -D --force-rm --help -h --load --no-cache --pull --push --quiet -q "
    "--rm --squash --disable-content-trust".split()
)
_SHORT = {"-t": "--tag", "-f": "--file", "-o": "--output", "-c": "--cpu-shares", "-m": "--memory"}


@dataclass
class Arguments:
    """What was asked for: the flags with their values, and the context."""

    flags: dict[str, list[str]] = field(default_factory=dict)
    context: str | None = None

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
        found: set[str] = set()
        for value in self.flags.get("--secret", []):
            fields = dict(part.partition("=")[::2] for part in value.split(","))
            name = fields.get("env") or fields.get("id", "")
            source = fields.get("src") or fields.get("source")
            text = environ.get(name, "")
            if source and fields.get("type") != "env":
                try:
                    text = Path(source).expanduser().read_text(errors="replace")
                except OSError:
                    text = ""
            found.update(line.strip() for line in (text, *text.splitlines()))
        return {text for text in found if len(text) > 3}


def parse(words: Sequence[str]) -> Arguments:
    """The flags and the context in the words after `docker buildx build`."""
    found = Arguments()
    rest = iter(words)
    for word in rest:
        if word == "--":
            found.context = next(rest, found.context)
        elif word == "-" or not word.startswith("-"):
            found.context = word
        elif word in _SWITCHES:
            found.flags.setdefault(word, []).append("true")
        else:
            flag, equals, value = word.partition("=")
            if not word.startswith("--") and len(word) > 2 and word[:2] in _SHORT:
                flag, equals, value = word[:2], "=", word[2:].removeprefix("=")
            value = value if equals else next(rest, "")
            found.flags.setdefault(_SHORT.get(flag, flag), []).append(value)
    return found
