"""What differs between the lines of two Dockerfiles that a step depends on. Pure."""

from collections.abc import Iterator

from recorder import step_names
from recorder.dockerfile_settings import Setting
from recorder.explain import aligned, build_arguments
from recorder.explain.changes import Change, Found, Unknown
from recorder.explain.view import View
from recorder.model import Step


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
    values = build_arguments.values(step, now), build_arguments.values(old, then)
    if all(values[0].get(name) == values[1].get(name) for name in _arguments([*new, *gone])):
        # What an argument is by default says nothing where another value is given.
        new, gone = ([line for line in lines if not _is_argument(line[0])] for lines in (new, gone))
    if not new and not gone:
        return None
    one = len(new) <= 1 and len(gone) <= 1
    before = gone[0][0] if gone and one else None
    after = new[0][0] if new and one else None
    return Change(tuple(text for text, _ in (new or gone)), before, after)


def of_environment(step: Step, now: View, then: View, old: Step) -> Change | None:
    """The one ENV line whose new value alone makes the text of `old` that of `step`."""
    mine, theirs = _environment(step, now), _environment(old, then)
    before, after = build_arguments.text_of(old, then), build_arguments.text_of(step, now)
    for name, (value, line) in mine.items():
        old_value, old_line = theirs.get(name, ("", ""))
        changed = {name: (old_value, value)}
        if old_line and old_value != value and build_arguments.turns(before, after, changed):
            return Change((line,), old_line, line)
    return None


def of_order(step: Step, now: View, then: View, old: Step) -> Change | None:
    """Instructions that stood before the step, and do so no more; `before` where they are gone.

    None where others are new, as what these are tells more.
    """
    if not now.has_graph or not then.has_graph:
        return None
    mine = {other.step_key for other in _instructions(step, now)}
    theirs = {other.step_key: other for other in _instructions(old, then)}
    missing = [other for key, other in theirs.items() if key not in mine]
    if not missing or mine - set(theirs):
        return None
    names = tuple(other.instruction or other.name for other in missing)
    are_gone = not any(other.step_key in now.by_key for other in missing)
    return Change(names, names[0] if are_gone else None)


def of_stage(step: Step, now: View, then: View, old: Step) -> Change | None:
    """The stage, where the step has moved to another one of those that both Dockerfiles have."""
    ends = {aligned.stage_of(each).lower() for each in (old, step)}
    both = aligned.stages_of(then.build) & aligned.stages_of(now.build)
    if len(ends) == 1 or not ends <= both:
        return None
    before, after = then.stage_of(old), now.stage_of(step)
    return Change((after,), before, after)


def _instructions(step: Step, view: View) -> Iterator[Step]:
    for position in sorted(view.above(step)):
        other = view.by_position.get(position)
        if other and step_names.is_instruction(other.kind):
            yield other


def _lines(step: Step, view: View) -> list[tuple[str, str]]:
    return [
        (line.text, line.digest)
        for line in view.settings_of(step)
        if line.digest or (step.kind == "run" and not line.text.upper().startswith("FROM"))
    ]


def _arguments(lines: list[tuple[str, str]]) -> Iterator[str]:
    for text, _ in lines:
        yield from (name for name, _ in build_arguments.declared(Setting("", 0, text)))


def _is_argument(text: str) -> bool:
    return text[:4].upper() == "ARG "


def _environment(step: Step, view: View) -> dict[str, tuple[str, str]]:
    """The value of each variable that an ENV line sets where the step stands, and the line."""
    found: dict[str, tuple[str, str]] = {}
    for line in build_arguments.from_the_outside(view.settings_of(step)):
        for name, value in build_arguments.assigned(line, "ENV"):
            found[name] = (value or "", line.text)
    return found
