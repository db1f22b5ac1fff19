"""Says the instructions of an image's history as a Dockerfile has them. Pure."""

import ast
import json
import re
from collections.abc import Callable, Sequence

_SHELL = re.compile(r"^(RUN )?(?:\|\d+ .*?)?/bin/sh -c (?:#\(nop\)\s+)?")
_ESCAPED = r"""\\[abfnrtvxuU\\"']"""
_TEXT = rf'"(?:[^"\\]|{_ESCAPED})*"'
_TEXTS = re.compile(_TEXT)
_COMMAND = re.compile(rf"\[((?:{_TEXT})?(?: {_TEXT})*)\]")
_LETTER = rf"'(?:[^'\\]|{_ESCAPED}[0-9a-f]*)'"
_CHECK = re.compile(rf"&\{{\[({_TEXT}(?: {_TEXT})*)\]((?: {_TEXT}){{3,4}}) ({_LETTER})\}}")
_LIST = re.compile(r"\[(.*)\]")
_MAP = re.compile(r"map\[(.*)\]")
_OPTIONS = ("interval", "timeout", "start-period", "start-interval")
_NONE_GIVEN = "0s"
_BY_SHELL = ("/bin/sh", "-c")


def as_written(instruction: str) -> str:
    """The instruction without what the history wraps around it, and its lists as one writes them.

    The history has the fields of the builder's own structures, such as `CMD ["echo" "hello"]`. A
    command that `/bin/sh -c` runs is shown in the form without brackets, which gives the same.
    What does not read so, as it was masked or comes from another builder, is left as it is.
    """
    text = _SHELL.sub(lambda found: found[1] or "", instruction.removesuffix(" # buildkit"))
    keyword, _, rest = text.partition(" ")
    read = _READERS.get(keyword)
    try:
        written = read(rest.strip()) if read else None
        (written or "").encode()  # half of a letter is no text
    except (LookupError, SyntaxError, TypeError, ValueError):
        return text
    return text if written is None else f"{keyword} {written}".rstrip()


def _command(rest: str) -> str | None:
    found = _COMMAND.fullmatch(rest)
    if not found:
        return None
    words = _words(found[1])
    is_by_shell = len(words) == 3 and tuple(words[:2]) == _BY_SHELL
    return words[2] if is_by_shell else _listed(words)


def _check(rest: str) -> str | None:
    found = _CHECK.fullmatch(rest)
    if not found:
        return None
    (how, *words), times = _words(found[1]), _words(found[2])
    if how == "NONE":
        return how
    told = [
        f"--{name}={value}"
        for name, value in zip(_OPTIONS, times, strict=False)
        if value != _NONE_GIVEN
    ]
    retries = ord(ast.literal_eval(found[3]))  # the history has a number as that letter
    told += [f"--retries={retries}"] if retries else []
    return " ".join([*told, "CMD", words[0] if how == "CMD-SHELL" else _listed(words)])


def _set(rest: str) -> str | None:
    """Ports and folders, whose order the builder has sorted."""
    if found := _MAP.fullmatch(rest):
        return " ".join(word.removesuffix(":{}") for word in found[1].split())
    return found[1] if (found := _LIST.fullmatch(rest)) and '"' not in rest else None


def _shell(rest: str) -> str | None:
    found = _LIST.fullmatch(rest)
    return _listed(found[1].split()) if found and '"' not in rest else None


def _words(text: str) -> list[str]:
    """The texts in quotes; the builder's escapes are those of Python, too."""
    return [ast.literal_eval(quoted) for quoted in _TEXTS.findall(text)]


def _listed(words: Sequence[str]) -> str:
    return json.dumps([*words], ensure_ascii=False)


_READERS: dict[str, Callable[[str], str | None]] = {
    "CMD": _command,
    "ENTRYPOINT": _command,
    "HEALTHCHECK": _check,
    "EXPOSE": _set,
    "VOLUME": _set,
    "SHELL": _shell,
}
