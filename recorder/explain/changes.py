"""What differs between what went into a step of two builds. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from recorder import base_names, context_paths, dockerfile_settings, step_names
from recorder.dockerfile_settings import Setting
from recorder.model import Build, Step

_WEAK, _UNKNOWN = "~", "?"
# Options that change how a RUN runs.
RUN_OPTIONS = ("add-hosts", "force-network-mode", "hostname", "shm-size", "ulimit", "cgroup-parent")


class Change(NamedTuple):
    """What changed, and how: names, and an old and a new value where one alone changed.

    `certain` is False where it may be something else of the kind.
    """

    names: tuple[str, ...]
    before: str | None = None
    after: str | None = None
    certain: bool = True


class Unknown(NamedTuple):
    """Why it cannot be told whether something changed."""

    reason: str


Found = Change | Unknown | None
"""None: it is known, and it is the same."""


class View:
    """One build as a cause looks at it: its steps by key, what each needs, its settings."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.by_position = {step.position: step for step in build.steps}
        self.by_key = {step.step_key: step for step in build.steps}
        self.settings = dockerfile_settings.read(build.inputs.settings)
        self._needs = dict(enumerate(build.inputs.graph, 1))
        self._above: dict[int, frozenset[int]] = {}

    def above(self, step: Step) -> frozenset[int]:
        """The positions of all steps that a step needs, directly or not.

        Without a graph, those before it in its stage.
        """
        if not self._needs:
            return frozenset(
                other.position
                for other in self.build.steps
                if _place(other) == _place(step) and (other.step or 0) < (step.step or 0)
            )
        if step.position not in self._above:
            found: set[int] = set()
            waiting = [step.position]
            while waiting:
                needs = self._needs.get(waiting.pop(), ())
                waiting += [position for position in needs if position not in found]
                found.update(needs)
            self._above[step.position] = frozenset(found - {step.position})
        return self._above[step.position]

    def bases(self, step: Step) -> dict[str, str | None]:
        """The images that a step stands on, with their digests as far as they are known.

        It stands on one directly, or above steps that were taken from the cache.
        """
        known, found = self.build.inputs.bases, {}
        for position in self.above(step):
            other = self.by_position.get(position)
            if other and (base := base_names.of_step(other.name)):
                reference, digest = base
                found[reference] = known.get(reference) or digest
        return found

    def settings_of(self, step: Step) -> tuple[Setting, ...]:
        """The lines that hold for a step: those before it in its stage, and in what that is from.

        Its own here-documents are among them.
        """
        own = self._stage(step)
        rank = self._rank(step)
        lines = [line for line in self.settings if line.stage == own and line.after <= rank]
        lines = [line for line in lines if not line.digest or line.after == rank]
        seen = {own}
        while parent := _parent(lines, own, seen):
            seen.add(parent)
            lines += [line for line in self.settings if line.stage == parent and not line.digest]
            own = parent
        outer = [line for line in self.settings if line.stage == ""]
        return (*outer, *lines)

    def _stage(self, step: Step) -> str:
        if step.stage:
            return step.stage.lower()
        return next((line.stage for line in reversed(self.settings) if line.stage), "")

    def _rank(self, step: Step) -> int:
        """How many steps stand before this one in its stage."""
        return sum(
            _place(other) == _place(step)
            and step_names.is_instruction(other.kind)
            and (other.step or 0) < (step.step or 0)
            for other in self.build.steps
        )


def of_settings(step: Step, now: View, then: View, old: Step) -> Found:
    """Lines that changed before the step; for all but RUN only its own here-document counts."""
    if not now.settings or not then.settings:
        has_document = "<<" in (step.instruction or "")
        if step.kind != "run" and not has_document:
            return None
        return Unknown("the Dockerfile was not seen when one of the two was recorded")
    mine, theirs = _lines(step, now), _lines(old, then)
    new = [text for text in mine if text not in theirs]
    gone = [text for text in theirs if text not in mine]
    if not new and not gone:
        return None
    one = len(new) <= 1 and len(gone) <= 1
    before = gone[0][0] if gone and one else None
    after = new[0][0] if new and one else None
    return Change(tuple(text for text, _ in (new or gone)), before, after)


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
    if lacking:
        return Unknown(f"the digest of its base {lacking[0]} was not recorded")
    return None


def of_files(step: Step, now: View, then: View) -> Found:
    """Files of the context that the step takes and that changed, came or went."""
    text = step_names.parse(step.name).text
    for url, digest in now.build.inputs.bases.items():
        old = then.build.inputs.bases.get(url)
        if "://" in url and url in text and _both_differ(digest, old):
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


def _lines(step: Step, view: View) -> list[tuple[str, str]]:
    return [
        (line.text, line.digest)
        for line in view.settings_of(step)
        if line.digest or (step.kind == "run" and not line.text.upper().startswith("FROM"))
    ]


def _parent(lines: Sequence[Setting], stage: str, seen: set[str]) -> str:
    """The stage that `stage` is from; empty for an image, or what was seen already."""
    for line in lines:
        words = [word for word in line.text.split() if not word.startswith("--")]
        if line.stage == stage and words[0].upper() == "FROM" and len(words) > 1:
            parent = words[1].lower()
            return parent if parent not in seen else ""
    return ""


def _both_differ(one: str | None, other: str | None) -> bool:
    return bool(one and other) and one != other


def _place(step: Step) -> tuple[str | None, str | None]:
    return step.platform, step.stage
