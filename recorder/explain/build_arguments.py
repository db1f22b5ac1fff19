"""What build arguments are where a step stands, and which of them changed it. Pure."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

from recorder.dockerfile_settings import Setting
from recorder.explain.changes import Change, Found
from recorder.explain.view import View
from recorder.model import Step

# Arguments of the builder's own that no step's cache depends on.
_NOT_IN_CACHE = frozenset(
    name
    for upper in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (upper, upper.lower())
)
_USED = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_PUT_BACK = re.compile(r"\$\{(\w+)\}")

_Values = Mapping[str, tuple[str, str]]
"""The value before and now of each argument that changed."""


def values(step: Step, view: View) -> dict[str, str]:
    """The value of each argument where the step stands: the given one, or its default."""
    given = view.build.build_args
    _, inner = _scopes(from_the_outside(view.settings_of(step)), given)
    return {**given, **inner}


def _seen(step: Step, view: View) -> dict[str, str]:
    """The arguments that the step can take: one that no ARG line declares for it is none."""
    declared = _declared_for(step, view)
    return {name: value for name, value in values(step, view).items() if name in declared}


def of_build(view: View) -> dict[str, str]:
    """The value of each argument in a build; several where stages have defaults of their own."""
    given = view.build.build_args
    found: dict[str, list[str]] = {}
    for stage in dict.fromkeys(line.stage for line in view.settings):
        lines = (line for line in view.settings if line.stage in ("", stage))
        for scope in _scopes(lines, given):
            for name, value in scope.items():
                found.setdefault(name, []).append(value)
    return {**given, **{name: ", ".join(dict.fromkeys(each)) for name, each in found.items()}}


def _scopes(
    lines: Iterable[Setting], given: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The value of each argument that is declared before the first stage, and in a stage."""
    outer: dict[str, str] = {}
    inner: dict[str, str] = {}
    for line in lines:
        scope = inner if line.stage else outer
        for name, default in declared(line):
            value = given.get(name)
            if value is None:
                value = outer.get(name) if default is None else _expanded(default, scope)
            if value is not None:
                scope[name] = value
    return outer, inner


def text_of(step: Step, view: View) -> str:
    """The instruction as it ran: with the values of the given arguments in place of the names."""
    given = view.build.build_args
    return _PUT_BACK.sub(lambda found: given.get(found[1], found[0]), step.instruction or "")


def of_arguments(step: Step, now: View, then: View, old: Step) -> Found:
    """Arguments that changed and that the step takes: by its text, or a RUN by its environment."""
    mine, theirs = now.build.build_args, then.build.build_args
    given = {*mine, *theirs}
    if now.settings and then.settings:
        mine, theirs = _seen(step, now), _seen(old, then)
    changed = [
        name
        for name in sorted({*mine, *theirs})
        if mine.get(name) != theirs.get(name)
        and name not in _NOT_IN_CACHE
        and (name in given or (name in mine and name in theirs))
    ]
    is_same_text = text_of(step, now) == text_of(old, then)
    named = [name for name in changed if f"${{{name}}}" in (step.instruction or "")]
    named = [] if is_same_text else named
    certain = True
    if step.kind == "run":
        if now.settings:
            declared = _declared_for(step, now)
            named = [name for name in changed if name in declared or name in named]
        elif not named:
            named, certain = changed, False
    if not named:
        return None
    one = named[0] if len(named) == 1 else ""
    return Change(tuple(named), theirs.get(one), mine.get(one), certain)


def between(step: Step, now: View, then: View, old: Step) -> Change | None:
    """The arguments whose values alone make the text of `old` that of `step`; None if none do.

    `certain` is False where a value of one letter alone tells it, as the Dockerfile was not seen:
    that may be a coincidence.
    """
    mine, theirs = values(step, now), values(old, then)
    changed = {
        name: (theirs.get(name, ""), mine.get(name, ""))
        for name in sorted({*mine, *theirs} - _NOT_IN_CACHE)
        if mine.get(name, "") != theirs.get(name, "")
    }
    if now.settings:
        changed = {name: pair for name, pair in changed.items() if name in _declared_for(step, now)}
    before, after = text_of(old, then), text_of(step, now)
    for tried in ({name: pair} for name, pair in changed.items()):
        if turns(before, after, tried):
            [(name, (first, second))] = tried.items()
            certain = bool(now.settings) or min(len(first), len(second)) > 1
            return Change((name,), theirs.get(name), mine.get(name), certain)
    names = turns(before, after, changed)
    return Change(tuple(sorted(names))) if names else None


def turns(before: str, after: str, changed: _Values) -> frozenset[str]:
    """The arguments whose new values make `after` of `before`; none where they do not."""
    back = {name: (new, old) for name, (old, new) in changed.items()}
    return _replaced(before, after, changed) or _replaced(after, before, back)


def _replaced(before: str, after: str, changed: _Values) -> frozenset[str]:
    """The arguments to replace in `before` to get `after`, of those that have a value there."""
    found = sorted({old for old, _ in changed.values() if old}, key=len, reverse=True)
    if not found:
        return frozenset()
    pieces = re.split(f"({'|'.join(map(re.escape, found))})", before)
    ends: dict[int, frozenset[str]] = {0: frozenset()}
    for piece in pieces:
        further: dict[int, frozenset[str]] = {}
        for place, used in ends.items():
            ways = [(piece, used)]
            ways += [(new, used | {name}) for name, (old, new) in changed.items() if old == piece]
            for text, names in ways:
                if after.startswith(text, place):
                    further.setdefault(place + len(text), names)
        ends = further
    return ends.get(len(after), frozenset())


def from_the_outside(lines: tuple[Setting, ...]) -> Iterator[Setting]:
    """The lines before the first stage, those of the stages it is from, its own."""
    first, *others = ["", *dict.fromkeys(line.stage for line in lines if line.stage)]
    for stage in (first, *reversed(others)):
        yield from (line for line in lines if line.stage == stage)


def _declared_for(step: Step, view: View) -> frozenset[str]:
    """The arguments that ARG lines declare for the step."""
    lines = view.settings_of(step)
    return frozenset(name for line in lines if line.stage for name, _ in declared(line))


def declared(line: Setting) -> Iterator[tuple[str, str | None]]:
    """The arguments that an ARG line declares, each with its default."""
    return assigned(line, "ARG")


def assigned(line: Setting, keyword: str) -> Iterator[tuple[str, str | None]]:
    """The names in a line of this keyword, each with the value that it gives."""
    first, _, rest = line.text.partition(" ")
    if first.upper() != keyword:
        return
    try:
        words = shlex.split(rest)
    except ValueError:  # a quote that is not closed, as in text that was cut or masked
        words = rest.split()
    if keyword == "ENV" and words and "=" not in words[0]:  # as in `ENV NAME a value`
        words = [f"{words[0]}={rest.strip().removeprefix(words[0]).strip()}"]
    for word in words:
        name, has_value, value = word.partition("=")
        yield name, value if has_value else None


def _expanded(text: str, known: Mapping[str, str]) -> str:
    return _USED.sub(lambda found: known.get(found[1] or found[2], ""), text)
