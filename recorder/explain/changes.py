"""What differs between what went into a step of two builds. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from recorder import context_paths, step_names
from recorder.explain.view import View
from recorder.model import Step

_WEAK, _UNKNOWN = "~", "?"
_WORDS = re.compile(r"[\s\",\[\]]+")
# Options that change how a RUN runs.
RUN_OPTIONS = ("add-hosts", "force-network-mode", "hostname", "shm-size", "ulimit", "cgroup-parent")


class Change(NamedTuple):
    """What changed, and how: names, and an old and a new value where one alone changed.

    `certain` is False where it may be something else of the kind. `new` and `gone` are the names of
    what came and went.
    """

    names: tuple[str, ...]
    before: str | None = None
    after: str | None = None
    certain: bool = True
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


class Unknown(NamedTuple):
    """Why it cannot be told whether something changed."""

    reason: str


Found = Change | Unknown | None
"""None: it is known, and it is the same."""


def of_bases(step: Step, now: View, then: View, old: Step) -> Found:
    """Images below the step that changed: another one, or the same name with another digest."""
    mine, theirs = now.bases(step), then.bases(old)
    new = [name for name in mine if name not in theirs]
    if new:
        gone = [name for name in theirs if name not in mine]
        return Change(tuple(new), gone[0] if len(gone) == 1 else None, new[0])
    moved = [name for name, digest in mine.items() if _both_differ(digest, theirs[name])]
    if moved:
        one = moved[0]
        return Change(tuple(moved), theirs[one], mine[one])
    lacking = sorted(name for name, digest in mine.items() if not (digest and theirs[name]))
    below = now.image_below(now.stage_of(step))
    if not mine and below not in ("", "scratch"):
        lacking = [below]  # an image without files leaves no step behind, though it sets variables
    if lacking:
        return Unknown(f"the digest of its base {lacking[0]} was not recorded")
    return None


def of_files(step: Step, now: View, then: View) -> Found:
    """Files of the context that the step takes and that changed, came or went."""
    text = step_names.parse(step.name).text
    words = {word.partition("#")[0] for word in _WORDS.split(text)}
    for url, digest in now.build.inputs.bases.items():
        old = then.build.inputs.bases.get(url)
        if "://" in url and url.partition("#")[0] in words and _both_differ(digest, old):
            return Change((url,), old, digest)
    patterns = context_paths.sources(text)
    if not patterns:
        return _elsewhere(step, now)
    mine, theirs = now.build.inputs.files, then.build.inputs.files
    if mine is None or theirs is None:
        which = "it" if mine is None else "the build before it"
        return Unknown(f"the context was not seen when {which} was recorded")
    if stopped := mine.stopped or theirs.stopped:
        return Unknown(f"the context was not read whole, as {stopped}")
    if mine.key != theirs.key:
        return Unknown("the files of the two builds were hashed under different keys")
    return _changed_files(patterns, mine.files, theirs.files)


def of_options(step: Step, now: View, then: View) -> Found:
    """Options that changed and that a RUN depends on; for all kinds the platform."""
    mine, theirs = now.build.inputs.options, then.build.inputs.options
    names = RUN_OPTIONS if step.kind == "run" else ()
    changed = [name for name in names if mine.get(name) != theirs.get(name)]
    if changed:
        one = changed[0]
        return Change(tuple(changed), theirs.get(one), mine.get(one))
    if now.build.platform != then.build.platform:
        return Change(("platform",), then.build.platform, now.build.platform)
    return None


def _changed_files(
    patterns: Sequence[context_paths.Pattern], mine: Mapping[str, str], theirs: Mapping[str, str]
) -> Found:
    changed, new, gone, weak, unsure = [], [], [], False, ""
    for path in sorted({*mine, *theirs}):
        now, then = mine.get(path), theirs.get(path)
        if (now == then and now != _UNKNOWN) or not context_paths.takes(patterns, path):
            continue
        if _UNKNOWN in (now, then):
            unsure = unsure or path
        elif now is None:
            gone.append(path)
        elif then is None:
            new.append(path)
        elif (now[0] == _WEAK) != (then[0] == _WEAK):
            unsure = unsure or path
        else:
            changed.append(path)
            weak = weak or now[0] == _WEAK
    if not all(any(context_paths.takes([each], path) for path in mine) for each in patterns):
        unsure = unsure or "what it takes"
    names = (*changed, *new, *gone)
    if names:
        only_gone, only_new = not changed and not new, not changed and not gone
        return Change(
            names,
            "there" if only_gone else None,
            "there" if only_new else None,
            certain=not weak or len(names) > 1,
            new=tuple(new),
            gone=tuple(gone),
        )
    if unsure:
        return Unknown(f"{unsure} could not be compared")
    return None


def _elsewhere(step: Step, now: View) -> Found:
    """Whether the step takes something of a named context, which is not looked at."""
    for position in now.above(step):
        other = now.by_position.get(position)
        if other and "load from client" in other.name:
            return Unknown("named contexts are not looked at")
    return None


def _both_differ(one: str | None, other: str | None) -> bool:
    return bool(one and other) and one != other
