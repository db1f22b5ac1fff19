"""Clauses that say what changed, to go after "because". Pure."""

import re

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
    names = found.names
    if "://" in names[0]:
        return f"what {names[0]} gives changed"
    what = f"{names[0]} changed"
    if len(names) > _NAMED:
        shown = ", ".join(names[:_NAMED])
        what = f"{shown} and {len(names) - _NAMED} more files changed"
        if found.before or found.after:
            what = f"{shown} and {len(names) - _NAMED} more files are {_state(found)}"
    elif len(names) > 1:
        became = f"are {_state(found)}" if found.before or found.after else "changed"
        what = f"{names[0]} and {names[1]} {became}"
    elif found.before:
        what = f"{names[0]} is gone"
    elif found.after:
        what = f"{names[0]} is new"
    return what if found.certain else f"{what}, by its size or time"


def of_argument(found: Change) -> str:
    """Arguments that changed."""
    if len(found.names) > 1:
        joined = ", ".join(found.names)
        return f"the arguments {joined} changed" if found.certain else f"one of {joined} changed"
    values = f" from {_value(found.before)} to {_value(found.after)}"
    return f"the argument {found.names[0]} changed{values}"


def of_setting(found: Change) -> str:
    """Lines of the Dockerfile that are no steps."""
    if found.before and found.after and found.before != found.after:
        return f"`{_cut(found.before)}` became `{_cut(found.after)}`"
    if found.before and found.after:
        return f"the here-document of `{_cut(found.after)}` changed"
    shown = ", ".join(f"`{_cut(name)}`" for name in found.names[:_NAMED])
    if found.before:
        return f"{shown} is gone"
    return f"{shown} is new" if found.after else f"lines before it changed: {shown}"


def of_option(found: Change) -> str:
    """Options of the command line."""
    names = [_OPTIONS.get(name, f"--{name}") for name in found.names]
    if len(names) > 1:
        return f"the options {', '.join(names)} changed"
    values = f"from {_value(found.before)} to {_value(found.after)}"
    return f"the option {names[0]} changed {values}"


def of_order(found: Change) -> str:
    """Instructions that stood before a step, and do so no more."""
    shown = ", ".join(f"`{_cut(name)}`" for name in found.names[:_NAMED])
    if len(found.names) > _NAMED:
        shown += f" and {len(found.names) - _NAMED} more"
    if found.before:
        return f"{shown} before it {'is' if len(found.names) == 1 else 'are'} gone"
    return f"{shown} no longer {'stands' if len(found.names) == 1 else 'stand'} before it"


def _state(found: Change) -> str:
    return "gone" if found.before else "new"


def _untagged(image: str) -> str:
    return image.removesuffix(":latest")


def _value(value: str | None) -> str:
    return "nothing" if value is None else f"`{_cut(value)}`"


def _digest(digest: str | None) -> str:
    return (digest or "").rpartition(":")[2][:_SHORT_DIGEST]


def instruction(step: Step) -> str:
    """What a step is called in a clause."""
    return f"`{_cut(step.instruction or step.name)}`"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
