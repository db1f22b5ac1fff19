"""Why a step was not taken from the cache, as far as two builds' inputs tell. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from recorder import step_names
from recorder.explain import aligned, build_arguments, cause_words, changes, lines
from recorder.explain.changes import Change, Found, Unknown
from recorder.explain.view import View
from recorder.model import Build, Step

Kind = Literal[
    "instruction",
    "argument",
    "base",
    "file",
    "option",
    "evicted",
    "no_cache",
    "parent",
    "new",
    "unknown",
]


@dataclass(frozen=True)
class Cause:
    """Why `step` ran instead of coming from the cache.

    `names` are what changed (files, arguments, images, lines), `before` and `after` the old and the
    new value where one thing alone changed. A `parent` is an earlier step that ran: its own cause
    is `root`. `certain` is False where the cause is inferred from what else is excluded. `words`
    are a clause that goes after "because".
    """

    kind: Kind
    step: Step
    names: tuple[str, ...] = ()
    before: str | None = None
    after: str | None = None
    root: "Cause | None" = None
    certain: bool = True
    words: str = ""


def has_missed(step: Step) -> bool:
    """Whether an instruction ran, though it might have come from the cache."""
    return step_names.is_instruction(step.kind) and not step.cached and step.started is not None


def first_miss(build: Build, before: Build | None) -> Cause | None:
    """Why the first step that ran did, of all that ran on their own account the costliest.

    A step's cost is its duration and that of all that had to run because of it. `before` is the
    build to compare with, best the latest one of its series. None when no instruction ran.
    """
    now = View(build)
    missed = [step for step in build.steps if has_missed(step)]
    if not missed:
        return None
    cost = {step.position: step.duration or 0.0 for step in missed}
    first = [step for step in missed if not any(place in cost for place in now.ran_above(step))]
    total = {
        root.position: sum(
            cost[step.position]
            for step in missed
            if step is root or root.position in now.ran_above(step)
        )
        for root in first
    }
    dearest = max(first or missed, key=lambda step: (total.get(step.position, 0), -step.position))
    return _cause(dearest, now, View(before) if before else None)


def cause_of(build: Build, before: Build | None, position: int) -> Cause:
    """Why the step at `position` of a build ran; raises KeyError when there is none."""
    now = View(build)
    return _cause(now.by_position[position], now, View(before) if before else None)


def of_itself(build: Build, before: Build, position: int) -> Cause:
    """What changed of the step at `position` since `before`, whatever else made it run."""
    now = View(build)
    return _of_itself(now.by_position[position], now, View(before))


def is_written_anew(cause: Cause) -> bool:
    """Whether the cause is that nothing like its step was there before."""
    own = (cause.step.instruction or "",)
    is_one = cause.before is None and cause.after is None
    return cause.kind == "instruction" and is_one and cause.names == own


def _cause(step: Step, now: View, then: View | None) -> Cause:
    if asked := _asked_for(step, now):
        return asked
    above = (now.by_position.get(place) for place in now.ran_above(step))
    missed = [other for other in above if other and has_missed(other)]
    if missed:
        return _of_parent(step, missed, now, then)
    if then is None:
        return Cause("new", step, words="there is no build before it to compare with")
    own = _of_itself(step, now, then)
    if own.kind not in ("evicted", "unknown"):
        return own
    parent = _of_cached_parent(step, now, then)
    return own if parent is None or parent.kind == own.kind else parent


def _of_cached_parent(step: Step, now: View, then: View) -> Cause | None:
    """A step above that changed since the build before, though the cache had it from another one.

    So it is with a file that is put back as it once was. None where nothing above is known to have
    changed, and nothing is unknown.
    """
    above = (now.by_position.get(place) for place in now.above(step))
    steps = [other for other in above if other and other.cached]
    steps = [other for other in steps if step_names.is_instruction(other.kind)]
    unknown = None
    for other in sorted(steps, key=lambda other: len(now.above(other))):
        cause = _of_itself(other, now, then)
        if cause.kind not in _VAGUE:
            # What it took from an image may be the same, though the image is another.
            return _as_parent(step, replace(cause, certain=cause.certain and cause.kind != "base"))
        if cause.kind == "unknown":
            unknown = unknown or Cause(
                "unknown",
                step,
                certain=False,
                words=f"{cause.words}, of {cause_words.instruction(other)}",
            )
    return unknown


def _of_itself(step: Step, now: View, then: View) -> Cause:
    """What changed of the step alone; evicted where nothing did."""
    old = then.by_key.get(step.step_key)
    if old is None:
        return _of_new_instruction(step, now, then)
    return _of_unfinished(step, old) or _of_change(step, now, then, old)


def _of_unfinished(step: Step, old: Step) -> Cause | None:
    """The cause where the build before left nothing of the step to take; else None."""
    if old.error or not (old.cached or old.duration is not None):
        return Cause("new", step, words="the build before it did not get past this step")
    return None


def _of_parent(step: Step, missed: list[Step], now: View, then: View | None) -> Cause:
    """The cause of the step that ran first, of those above `step` that ran on their own account."""
    places = {other.position for other in missed}
    first = [other for other in missed if not places & now.ran_above(other)]
    causes = [_cause(other, now, then) for other in first or missed[:1]]
    root = max(causes, key=lambda cause: (cause.kind not in _VAGUE, cause.step.duration or 0.0))
    return _as_parent(step, root)


def _as_parent(step: Step, root: Cause) -> Cause:
    words = root.words
    name = cause_words.instruction(root.step)
    if aligned.is_same_text(step, root.step):
        name = f"another {name}"
    if is_written_anew(root):
        words = f"{name} before it is new"
    elif root.kind in _VAGUE or root.kind == "instruction":
        words = f"of {name} before it: {root.words}"
    return Cause(
        "parent", step, root.names, root.before, root.after, root, root.certain, words=words
    )


_VAGUE = frozenset({"unknown", "evicted", "new"})


def _of_new_instruction(step: Step, now: View, then: View) -> Cause:
    """The step is not in the build before: it was written, or written anew."""
    if not then.build.steps:
        return Cause("new", step, words="the steps of the build before it are not known")
    if now.build.target != then.build.target:
        words = "the build before it had another target, which may not have needed it"
        return Cause("new", step, words=words, certain=False)
    stage = now.stage_of(step)
    if stage in {line.stage for line in then.settings} and stage not in then.stages:
        return Cause("new", step, words=f"the build before it had no need of the stage {stage}")
    gone = [
        old
        for old in then.build.steps
        if old.step_key not in now.by_key
        and (old.kind, old.stage, old.platform) == (step.kind, step.stage, step.platform)
    ]
    gone.sort(key=lambda old: abs((old.step or 0) - (step.step or 0)))
    if by_argument := _of_expanded(step, now, then, gone):
        return by_argument
    pairs = aligned.of_builds(then.build, now.build)
    old = next((pair.before for pair in pairs if pair.now is step), None)
    return _of_edited(step, now, then, old) if old else _of_added(step, then)


def _of_edited(step: Step, now: View, then: View, old: Step) -> Cause:
    """The cause of a step whose text is another one than that of `old`, or whose stage is."""
    if build_arguments.text_of(step, now) == build_arguments.text_of(old, then):
        return _of_unfinished(step, old) or _of_change(step, now, then, old)
    if line := lines.of_environment(step, now, then, old):
        return _of_found("instruction", step, line, cause_words.of_setting(line))
    return Cause(
        "instruction",
        step,
        (step.instruction or "",),
        old.instruction,
        step.instruction,
        words=cause_words.of_edit(old, step),
    )


def _of_added(step: Step, then: View) -> Cause:
    """The cause of a step that nothing of the build before is like."""
    if not then.build.success and not any(
        each.step == step.step and each.stage == step.stage for each in then.build.steps
    ):
        return Cause("new", step, words="the build before it ended before this step")
    words = f"{cause_words.instruction(step)} is new"
    return Cause("instruction", step, (step.instruction or "",), words=words)


def _of_expanded(step: Step, now: View, then: View, gone: Sequence[Step]) -> Cause | None:
    """The cause where one of the `gone` is the step, but for values of arguments; else None."""
    for old in gone:
        if build_arguments.text_of(step, now) == build_arguments.text_of(old, then):
            return _of_unfinished(step, old) or _of_change(step, now, then, old)
        if found := build_arguments.between(step, now, then, old):
            if unfinished := _of_unfinished(step, old):
                return unfinished
            return _of_found("argument", step, found, cause_words.of_argument(found))
    return None


def _of_change(step: Step, now: View, then: View, old: Step) -> Cause:
    """What differs of all that goes into the step; evicted where nothing does."""
    looks: list[tuple[Kind, Callable[[], Found], Callable[[Change], str]]] = [
        (
            "base",
            lambda: changes.of_bases(step, now, then, old),
            lambda found: cause_words.of_base(found, step),
        ),
        ("file", lambda: changes.of_files(step, now, then), cause_words.of_files),
        (
            "argument",
            lambda: build_arguments.of_arguments(step, now, then, old),
            cause_words.of_argument,
        ),
        ("instruction", lambda: lines.of_settings(step, now, then, old), cause_words.of_setting),
        ("option", lambda: changes.of_options(step, now, then), cause_words.of_option),
        ("instruction", lambda: lines.of_order(step, now, then, old), cause_words.of_order),
        ("instruction", lambda: lines.of_stage(step, now, then, old), cause_words.of_stage),
    ]
    reasons = []
    for kind, look, worded in looks:
        found = look()
        if isinstance(found, Change):
            return _of_found(kind, step, found, worded(found))
        if isinstance(found, Unknown):
            reasons.append(found.reason)
    if not now.build.inputs.graph and not reasons:
        reasons.append("how its steps depend on one another was not recorded")
    if reasons:
        return Cause("unknown", step, certain=False, words=f"it cannot be known why: {reasons[0]}")
    if now.build.builder != then.build.builder:
        words = f"the builder {now.build.builder} did not have it in its cache"
    else:
        words = "the cache no longer had it, as all that goes into it is the same"
    return Cause("evicted", step, certain=False, words=words)


def _of_found(kind: Kind, step: Step, found: Change, words: str) -> Cause:
    values = (found.names, found.before, found.after)
    return Cause(kind, step, *values, certain=found.certain, words=words)


def _asked_for(step: Step, now: View) -> Cause | None:
    """The cause where the step was told to run in any case; else None.

    A stage that stands alone has no name in its steps: where the Dockerfile was not seen either,
    it may be the one that was named.
    """
    asked = now.build.inputs.options.get("no-cache")
    if asked is None:
        return None
    if not asked:
        return Cause("no_cache", step, ("no-cache",), words="--no-cache was given")
    named = [stage.strip() for stage in asked.split(",")]
    stage = now.stage_of(step)
    if stage and stage not in (name.lower() for name in named):
        return None
    words = f"--no-cache-filter named {stage or ', '.join(named)}"
    return Cause("no_cache", step, ("no-cache",), certain=bool(stage), words=words)
