"""Says the parts of a comparison as people would: labels, clauses, signed figures."""

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

from recorder import base_names, figures, harmless
from recorder.explain import aligned, image_words
from recorder.explain.compared import Kind, Part
from recorder.explain.sizes import SizeKind, SizePart
from recorder.model import MICRO, Step

_P = TypeVar("_P", Part, SizePart)

LABEL = 64
"""Letters of an instruction that a sentence shows."""

MOST_LINES = 12
"""Lines of a table of parts; what is left over is one more."""

_WORTH_A_LINE = 0.01
_MUCH = 0.1
_ENOUGH, _MOST = 0.75, 3
_AGAINST = 0.5
"""From which share of the difference on a part that goes the other way is worth telling."""
_VISIBLE = 500  # microseconds, below which a figure shows as 0 ms
_BY_TIME_ALONE = frozenset({"slower", "quicker", "alone", "beside"})
_MINUS = "\N{MINUS SIGN}"
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")
_OF_STEP: dict[Kind, str] = {
    "not cached": "was not cached",
    "cached": "came from the cache",
    "slower": "took longer",
    "quicker": "was quicker",
    "new": "is new",
    "gone": "is gone",
    "changed": "was changed",
    "shared": "was shared with another build",
    "alone": "did not run beside others",
    "beside": "ran beside others",
}
_OF_BUILD: dict[Kind, str] = {
    "pulling": "pulling the base image",
    "exporting": "exporting",
    "context": "sending the context",
    "loading": "loading the Dockerfile",
    "importing": "importing the cache",
    "waiting": "waiting with no step running",
}
_TITLES: dict[Kind | SizeKind, str] = {
    "pulling": "pulling",
    "waiting": "waiting, no step ran",
    "unaccounted": "not accounted for",
    "alone": "no longer beside others",
    "beside": "beside others",
    "shared": "shared with another build",
    "context": "sending the context",
}


def signed(microseconds: int) -> str:
    """A difference in time: `+1 m 36 s`."""
    visible = microseconds if abs(microseconds) >= _VISIBLE else 0
    return f"{_sign(visible)}{figures.duration(abs(microseconds) / MICRO)}"


def signed_bytes(size: int) -> str:
    """A difference in size: `+12.3 MB`."""
    return f"{_sign(size)}{figures.megabytes(abs(size) / MICRO)}" if size else "0 B"


def title(kind: Kind | SizeKind) -> str:
    """The kind of a part, for a column."""
    return _TITLES.get(kind, kind)


def kind_of(part: Part) -> str:
    """What became of a part, for a column: its kind, unless its difference shows as nothing."""
    is_nothing = part.kind in _BY_TIME_ALONE and abs(part.difference) < _VISIBLE
    return "unchanged" if is_nothing else title(part.kind)


def beside(part: Part) -> str:
    """How much longer it ran beside other steps: `+575 ms of its own beside other steps`.

    Nothing where that is little beside what it adds.
    """
    if part.step is None or abs(part.hidden) <= _MUCH * max(abs(part.difference), MICRO):
        return ""
    return f"{signed(part.hidden)} of its own beside other steps"


def became(part: Part) -> str:
    """What became of a part, and how much of it other steps hid."""
    return "; ".join(filter(None, [kind_of(part), beside(part)]))


def label(step: Step, most: int = LABEL) -> str:
    """What a step is called in a sentence: its instruction on one line, without digests.

    In a build of several platforms each has the step, so that its platform stands before it.
    """
    platform = f"[{step.platform}] " if step.platform and step.instruction else ""
    return shortened(platform + _DIGEST.sub("", aligned.text_of(step)), most)


def of_layer(instruction: str, most: int = LABEL) -> str:
    """What a layer is called: its instruction as the Dockerfile has it."""
    return shortened(image_words.as_written(instruction), most)


def layer(part: SizePart, most: int = LABEL) -> str:
    """What a part of a size is about: a label for a table."""
    if part.instruction is None:
        return title(part.kind)
    return of_layer(part.instruction, most) if part.instruction else _base(part)


def shortened(text: str, most: int) -> str:
    """The text on one line, cut to `most` letters."""
    words = " ".join(harmless.line(text).split())
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def apart(one: str, other: str, most: int) -> tuple[str, str]:
    """Two texts, each on one line and cut to `most` letters around where they begin to differ."""
    one, other = (" ".join(harmless.line(text).split()) for text in (one, other))
    letters = zip(one, other, strict=False)
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], letters))
    longest = max(len(one), len(other))
    begin = min(same - most // 3, longest - most + 1)  # no more is cut off than is needed
    if begin > 0 and longest > most:
        begin = one.find(" ", begin, min(same, begin + most // 6)) + 1 or begin
        one, other = (f"…{text[begin:]}" for text in (one, other))
    return shortened(one, most), shortened(other, most)


def differ_in_blanks(one: str, other: str) -> bool:
    """Whether two texts that are not the same differ in nothing but blanks."""
    return one.split() == other.split()


def image(name: str) -> str:
    """What an image is called in a sentence, in which a backtick begins and ends code."""
    return shortened(name, LABEL).replace("`", "'")


def code(text: str) -> str:
    """The text as code, in a sentence that may be shown as Markdown."""
    return "`" + text.replace("`", "'") + "`"


def named(part: Part) -> str:
    """What a part is about: a label for a table."""
    return label(part.step) if part.step else title(part.kind)


def clause(part: Part) -> str:
    """A part as the clause of a sentence: "`RUN make` was not cached (+96.0 s)"."""
    amount = f"({signed(part.difference)})"
    if part.kind in _OF_STEP and part.step:
        return f"{code(label(part.step))} {_OF_STEP[part.kind]} {amount}"
    if part.kind == "unaccounted":
        return f"no steps are recorded that would say where {amount}"
    what = _loading(part.step) if part.kind == "loading" and part.step else _OF_BUILD[part.kind]
    return f"{what} took {'longer' if part.difference > 0 else 'less'} {amount}"


def size_clause(part: SizePart) -> str:
    """A part of a size as a clause: "`COPY assets` added 12.3 MB"."""
    size = figures.megabytes(abs(part.difference) / MICRO)
    if part.instruction is None:
        return f"{size} that no layer tells"
    what = {"added": f"added {size}", "gone": f"is gone ({_MINUS}{size})",
            "grown": f"grew by {size}", "shrunk": f"shrank by {size}"}[part.kind]  # fmt: skip
    name = code(of_layer(part.instruction)) if part.instruction else _base(part)
    return f"{name} {what}"


def worth_a_line(parts: Sequence[_P]) -> tuple[Sequence[_P], Sequence[_P]]:
    """The parts that are worth a line of a table, and the rest, which is one line together.

    A part is that has a hundredth of the largest, and a step of which others hid a tenth of that.
    `parts` are the largest first.
    """
    most = max((abs(part.difference) for part in parts), default=0)
    worth = [abs(p.difference) >= _WORTH_A_LINE * most or _is_hidden(p, most) for p in parts]
    places = [place for place, is_worth in enumerate(worth) if is_worth][:MOST_LINES]
    shown = [parts[place] for place in places]
    return shown, [part for place, part in enumerate(parts) if place not in places]


def _is_hidden(part: Part | SizePart, most: int) -> bool:
    if not isinstance(part, Part) or part.step is None:
        return False
    return abs(part.hidden) > _MUCH * max(most, MICRO)


def smaller(rest: Sequence[_P]) -> str:
    """What the line of the rest is called."""
    return "1 smaller part" if len(rest) == 1 else f"{len(rest)} smaller parts"


def took(part: Part, *, before: bool) -> str:
    """How long a part took on one side, or that it was cached, or a dash."""
    microseconds = part.before if before else part.now
    if microseconds is not None:
        return figures.duration(microseconds / MICRO)
    step = (part.pair.before if before else part.pair.now) if part.pair else None
    return "cached" if step and step.cached else "—"


def main_parts(parts: Sequence[_P], difference: int) -> list[_P]:
    """The parts that go the way of the difference and make most of it, three at most.

    Most of it and of what goes `against` it, as that has to be made up for.
    """
    counter = against(parts, difference)
    goal = difference - (counter.difference if counter else 0)
    found: list[_P] = []
    for part in sorted(parts, key=lambda part: -abs(part.difference)):
        if not part.difference or (part.difference > 0) != (difference > 0):
            continue
        if found and (len(found) == _MOST or sum(p.difference for p in found) / goal >= _ENOUGH):
            break
        found.append(part)
    return found


def against(parts: Sequence[_P], difference: int) -> _P | None:
    """The largest part that goes the other way, where without it much else would have come out."""
    other = [part for part in parts if part.difference * difference < 0]
    largest = max(other, key=lambda part: abs(part.difference), default=None)
    return largest if largest and abs(largest.difference) > _AGAINST * abs(difference) else None


def listed(clauses: Iterable[str]) -> str:
    """Clauses as one: `a, b and c`."""
    words = list(clauses)
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _loading(step: Step) -> str:
    if step.kind == "auth":
        return "asking for access"
    return "loading .dockerignore" if ".dockerignore" in step.name else _OF_BUILD["loading"]


def _base(part: SizePart) -> str:
    return f"base {image(part.base)}" if part.base else base_names.of_layer("")


def _sign(value: float) -> str:
    return "+" if value > 0 else _MINUS if value < 0 else "\N{PLUS-MINUS SIGN}"
