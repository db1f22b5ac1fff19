"""Clauses that say what changed, to go after "because". Pure."""

from recorder.explain.changes import Change
from recorder.model import Step

_NAMED = 2  # how many files are named in a clause
_SHORT_DIGEST = 12
_LONGEST = 60


def of_base(found: Change) -> str:
    """Another base, or the same with another digest."""
    name = found.names[0]
    if found.after == name:
        return (
            f"its base changed from {found.before} to {name}"
            if found.before
            else (f"its base {name} is new")
        )
    return f"its base {name} changed ({_digest(found.before)} to {_digest(found.after)})"


def of_files(found: Change) -> str:
    """Files that changed, came or went."""
    names = found.names
    if "://" in names[0]:
        return f"what {names[0]} gives changed"
    what = f"{names[0]} changed"
    if len(names) > _NAMED:
        shown = ", ".join(names[:_NAMED])
        what = f"{shown} and {len(names) - _NAMED} more files changed"
    elif len(names) > 1:
        what = f"{names[0]} and {names[1]} changed"
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
    if len(found.names) > 1:
        return f"the options {', '.join(found.names)} changed"
    values = f"from {_value(found.before)} to {_value(found.after)}"
    return f"the option {found.names[0]} changed {values}"


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
