"""Clauses that say what changed, to go after "because". Pure."""

import re
from collections.abc import Sequence

from recorder.explain import sentences
from recorder.explain.changes import Change
from recorder.model import Step

_NAMED = 2  # how many files are named in a clause
_SHORT_DIGEST = 12
_LONGEST = 60
# What the command line calls an attribute.
_OPTIONS = {"add-hosts": "--add-host", "force-network-mode": "--network"}


def of_base(found: Change, step: Step) -> str:
    """Another base, or the same with another digest; or such an image that the step takes from."""
    name = found.names[0]
    what = (
        "the image" if re.search(rf"from={re.escape(_untagged(name))}\b", step.name) else "its base"
    )
    if found.after == name:
        if found.before:
            return f"{what} changed from {found.before} to {name}"
        return f"{what} {name} is new"
    return f"{what} {name} changed ({_digest(found.before)} to {_digest(found.after)})"


def of_files(found: Change) -> str:
    """Files that changed, came or went."""
    if "://" in found.names[0]:
        return f"what {found.names[0]} gives changed"
    changed = [name for name in found.names if name not in {*found.new, *found.gone}]
    clauses = [f"{_named(changed)} changed"] if changed else []
    for names, state in ((found.new, "new"), (found.gone, "gone")):
        if names:
            clauses.append(f"{_named(names)} {'is' if len(names) == 1 else 'are'} {state}")
    what = sentences.listed(clauses)
    return what if found.certain else f"{what}, by its size or time"


def of_argument(found: Change) -> str:
    """Arguments that changed."""
    if len(found.names) > 1:
        if found.certain:
            return f"the arguments {sentences.listed(found.names)} changed"
        return f"one of {', '.join(found.names)} changed"
    return f"the argument {found.names[0]} changed {_from_to(found)}"


def of_setting(found: Change) -> str:
    """Lines of the Dockerfile that are no steps."""
    if found.before and found.after and found.before != found.after:
        if sentences.differ_in_blanks(found.before, found.after):
            return f"only blanks in {_code(found.after)} changed"
        before, after = sentences.apart(found.before, found.after, _LONGEST)
        return f"{sentences.code(before)} became {sentences.code(after)}"
    if found.before and found.after:
        return f"the here-document of {_code(found.after)} changed"
    shown = ", ".join(_code(name) for name in found.names[:_NAMED])
    if found.before:
        return f"{shown} is gone"
    return f"{shown} is new" if found.after else f"lines before it changed: {shown}"


def of_option(found: Change) -> str:
    """Options of the command line."""
    names = [_OPTIONS.get(name, f"--{name}") for name in found.names]
    if len(names) > 1:
        return f"the options {', '.join(names)} changed"
    return f"the option {names[0]} changed {_from_to(found)}"


def of_order(found: Change) -> str:
    """Instructions that stood before a step, and do so no more."""
    shown = ", ".join(_code(name) for name in found.names[:_NAMED])
    if len(found.names) > _NAMED:
        shown += f" and {len(found.names) - _NAMED} more"
    if found.before:
        return f"{shown} before it {'is' if len(found.names) == 1 else 'are'} gone"
    return f"{shown} no longer {'stands' if len(found.names) == 1 else 'stand'} before it"


def of_stage(found: Change) -> str:
    """Another stage of those that both Dockerfiles have."""
    return f"it moved from the stage {found.before} to {found.after}"


def _named(files: Sequence[str]) -> str:
    more = len(files) - _NAMED
    if more > 0:
        return sentences.listed([*files[:_NAMED], f"{more} more file{'s' if more > 1 else ''}"])
    return sentences.listed(files)


def _untagged(image: str) -> str:
    return image.removesuffix(":latest")


def _from_to(found: Change) -> str:
    shown = sentences.apart(found.before or "", found.after or "", _LONGEST)
    before, after = (
        "nothing" if value is None else sentences.code(text)
        for value, text in zip((found.before, found.after), shown, strict=True)
    )
    return f"from {before} to {after}"


def _digest(digest: str | None) -> str:
    return (digest or "").rpartition(":")[2][:_SHORT_DIGEST]


def of_edit(old: Step, step: Step) -> str:
    """Another text of an instruction; the new one, too, where a label does not show all of it."""
    was, is_now = (each.instruction or each.name for each in (old, step))
    if sentences.differ_in_blanks(was, is_now):
        return "only blanks in its instruction changed"
    before, after = sentences.apart(was, is_now, _LONGEST)
    became = f" to {sentences.code(after)}" if max(len(was), len(is_now)) > _LONGEST else ""
    return f"its instruction changed from {sentences.code(before)}{became}"


def instruction(step: Step) -> str:
    """What a step is called in a clause."""
    return _code(step.instruction or step.name)


def _code(text: str) -> str:
    return sentences.code(sentences.shortened(text, _LONGEST))
