"""What differs between two builds beside steps and layers: arguments, bases, origin, warnings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from recorder import figures
from recorder.explain import image_base, sentences, written
from recorder.explain.aligned import Pair
from recorder.model import MICRO, Build

What = Literal["argument", "instruction", "base", "fact", "warning"]

_FACTS = {
    "image_name": "image",
    "status": "status",
    "target": "target",
    "platform": "platform",
    "builder": "builder",
    "dockerfile_path": "Dockerfile",
    "git_branch": "branch",
    "git_commit": "commit",
    "context_bytes": "context sent",
}
_EMPTY: dict[What, str] = {"argument": "empty", "base": "digest unknown"}
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs: its value before and now, None where there was none.

    An instruction has its keyword as the name, its texts as the values.
    """

    what: What
    name: str
    before: str | None
    now: str | None


def changes(before: Build, now: Build) -> tuple[Change, ...]:
    """All that differs, as text: arguments, instructions, base images, facts, warnings.

    A masked argument still tells that it changed, since its mask is a keyed hash. A fact that reads
    the same on both sides, such as two sizes that differ by a byte, is none; nor is what a build
    that did not complete never came to tell.
    """
    found = _differing("argument", *written.arguments(before, now))
    found += map(_of_instruction, written.instructions(before, now))
    found += _differing("base", image_base.bases(before), image_base.bases(now))
    for name in _FACTS:
        first, second = getattr(before, name), getattr(now, name)
        unknown = name == "platform" and None in (first, second)  # only an image tells it
        change = Change("fact", name, _text(first), _text(second))
        if first != second and not unknown and len({*shown(change)}) > 1:
            found.append(change)
    found += _differing("warning", _warnings(before), _warnings(now))
    return tuple(change for change in found if _is_known(change, before, now))


def title(change: Change, named: Callable[[str], str] = str) -> str:
    """What changed: `argument VERSION`, `commit`; `named` is how a recorded name is written."""
    if change.what == "fact":
        return _FACTS[change.name]
    if change.what == "instruction":
        return "instruction"
    return f"{change.what} {named(change.name)}"


def shown(change: Change) -> tuple[str, str]:
    """The values before and now, for people; empty where there was none."""
    if change.what == "warning":
        return ("", "new") if change.before is None else ("was there", "gone")
    if change.what == "instruction" and change.before and change.now:
        if change.before == change.now:
            return change.before, "another here-document"
        if sentences.differ_in_blanks(change.before, change.now):
            return change.before, "the same but for blanks"
    return _shown(change, change.before), _shown(change, change.now)


def _shown(change: Change, value: str | None) -> str:
    if not value:
        return "" if value is None else _EMPTY.get(change.what, "")
    if change.what == "fact" and change.name == "context_bytes":
        return figures.megabytes(int(value) / MICRO)
    if change.what == "fact" and change.name == "git_commit":
        return value[:_SHORT]
    return f"{value[: _SHORT + 7]}…" if value.startswith("sha256:") else value


def _of_instruction(pair: Pair[str]) -> Change:
    keyword, *_ = (pair.now or pair.before or "").split(None, 1)
    return Change("instruction", keyword.upper(), pair.before, pair.now)


def _is_known(change: Change, before: Build, now: Build) -> bool:
    """Whether what either build does not tell of it was not there: no digest is no other one."""
    values = (change.before, change.now)
    if change.what == "base" and "" in values and None not in values:
        return False
    is_told_late = change.what in ("base", "warning") or change.name == "context_bytes"
    sides = zip((before, now), values, strict=True)
    return not is_told_late or all(build.success or value is not None for build, value in sides)


def _warnings(build: Build) -> dict[str, str]:
    """What the builder warned of, without the line, which moves with every line above it."""
    texts = [(lint.rule, lint.message.removesuffix(f" (line {lint.line})")) for lint in build.lints]
    return {f"{rule}: {text}": text for rule, text in texts}


def _differing(
    what: What, before: Mapping[str, str | None], now: Mapping[str, str | None]
) -> list[Change]:
    found = []
    for name in sorted({*before, *now}):
        if name not in before or name not in now or before[name] != now[name]:
            first = before[name] or "" if name in before else None
            second = now[name] or "" if name in now else None
            found.append(Change(what, name, first, second))
    return found


def _text(value: object) -> str | None:
    return None if value is None else str(value)
