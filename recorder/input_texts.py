"""What went into a build as texts, one item a line, and back: as it is stored and as it travels."""

import re
from collections.abc import Mapping, Sequence

from recorder.model import NOTHING_KNOWN, Inputs, Listing, Step

KINDS = ("graph", "bases", "options", "settings", "files")
"""The parts of Inputs; the texts of two builds are equal where the parts are."""

_KEY, _STOPPED, _GONE = "key", "stopped", "gone"


def texts(inputs: Inputs, steps: Sequence[Step]) -> dict[str, str]:
    """The text of each part that is known; `steps` are the build's, in order of position.

    The graph is told by the steps in order of their `step_key`: they begin in any order, and
    equal Dockerfiles are to have equal texts.
    """
    if inputs is NOTHING_KNOWN:
        return {}
    listing = inputs.files
    found = {
        "graph": _graph_text(inputs.graph, steps),
        "bases": _pairs_text(inputs.bases),
        "options": _pairs_text(inputs.options),
        "settings": "\n".join(map(_escape, inputs.settings)),
        "files": _listing_text(listing) if listing else "",
    }
    return {kind: text for kind, text in found.items() if text}


def of_texts(found: Mapping[str, str], steps: Sequence[Step]) -> Inputs:
    """The inputs that `texts` gave for the same steps; lines that are none are passed over."""
    if not found:
        return NOTHING_KNOWN
    settings, files = found.get("settings"), found.get("files")
    return Inputs(
        graph=_graph(found.get("graph", ""), steps),
        bases=_pairs(found.get("bases", "")),
        options=_pairs(found.get("options", "")),
        settings=tuple(map(_unescape, settings.split("\n"))) if settings else (),
        files=_listing(files) if files else None,
    )


def difference(old: str, new: str) -> str:
    """What makes the files' text `new` of `old`: lines that came or changed, paths that went."""
    before, after = _by_path(old), _by_path(new)
    lines = [line for path, line in after.items() if before.get(path) != line]
    return "\n".join([*lines, *(f"{_GONE} {path}" for path in before if path not in after)])


def applied(old: str, *changes: str) -> str:
    """The text that `difference` was asked to tell, from `old` and its answers one by one."""
    lines = _by_path(old)
    for line in "\n".join(changes).split("\n"):
        word, _, path = line.partition(" ")
        if word == _GONE:
            lines.pop(path, None)
        elif line:
            lines[_place(line)] = line
    head = [lines.pop(word) for word in (f"\\{_KEY}", f"\\{_STOPPED}") if word in lines]
    return "\n".join([*head, *(lines[path] for path in sorted(lines))])


def _by_path(text: str) -> dict[str, str]:
    return {_place(line): line for line in text.split("\n") if line}


def _place(line: str) -> str:
    """What a line is about: a path, or a word of the head, written as no escaped path is."""
    word, _, rest = line.partition(" ")
    return f"\\{word}" if word in (_KEY, _STOPPED) else rest


def _graph_text(graph: Sequence[Sequence[int]], steps: Sequence[Step]) -> str:
    if not any(graph) or len(graph) != len(steps):
        return ""
    order = _by_key(steps)
    rank = {steps[i].position: number for number, i in enumerate(order)}
    needs = [sorted(rank[position] for position in graph[i] if position in rank) for i in order]
    return "\n".join(" ".join(map(str, numbers)) or "-" for numbers in needs)


def _graph(text: str, steps: Sequence[Step]) -> tuple[tuple[int, ...], ...]:
    order, lines = _by_key(steps), text.split("\n")
    if len(lines) != len(order):
        return ()
    found: list[tuple[int, ...]] = [()] * len(order)
    for i, line in zip(order, lines, strict=True):
        numbers = [int(word) for word in line.split() if word.isdecimal()]
        found[i] = tuple(sorted(steps[order[n]].position for n in numbers if n < len(order)))
    return tuple(found)


def _by_key(steps: Sequence[Step]) -> list[int]:
    return sorted(range(len(steps)), key=lambda i: (steps[i].step_key, steps[i].position))


def _pairs_text(pairs: Mapping[str, str]) -> str:
    return "\n".join(_escape(f"{name}\t{value}") for name, value in sorted(pairs.items()))


def _pairs(text: str) -> dict[str, str]:
    lines = (_unescape(line).partition("\t") for line in text.split("\n") if line)
    return {name: value for name, _, value in lines}


def _listing_text(listing: Listing) -> str:
    head = [f"{_KEY} {listing.key}"]
    if listing.stopped:
        head.append(f"{_STOPPED} {_escape(listing.stopped)}")
    files = ((_escape(path), digest) for path, digest in listing.files.items())
    return "\n".join([*head, *(f"{digest} {path}" for path, digest in sorted(files))])


def _listing(text: str) -> Listing:
    key, stopped, files = "", None, {}
    for line in text.split("\n"):
        word, _, rest = line.partition(" ")
        if word == _KEY:
            key = rest
        elif word == _STOPPED:
            stopped = _unescape(rest)
        elif rest:
            files[_unescape(rest)] = word
    return Listing(key, files, stopped)


def _escape(text: str) -> str:
    """`text` in one line, in characters that UTF-8 has."""
    if not text.isascii():
        text = text.encode(errors="replace").decode()
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    meaning = {"n": "\n", "r": "\r"}
    return re.sub(r"\\(.)", lambda found: meaning.get(found[1], found[1]), text)
