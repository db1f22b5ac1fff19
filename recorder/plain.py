"""A Build as plain JSON values and back: for the spool, and for a history that travels."""

import functools
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from datetime import datetime
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, get_args

from recorder import input_texts, times
from recorder.errors import BadValueError
from recorder.model import NOTHING_KNOWN, Build, Layer, Lint, Step

_PARTS: dict[str, Any] = {"steps": Step, "layers": Layer, "lints": Lint}
_SIMPLE = frozenset({str, int, float, bool, NoneType})
_MOST = 2**63  # what SQLite can hold
_LONGEST = 1e12  # microseconds of it, too


def to_plain(build: Build) -> dict[str, Any]:
    """The build's fields as JSON values; what is empty is left out, and secrets always are."""
    values = _filled(build)
    values["completed_at"] = build.completed_at.isoformat()
    if build.started_at:
        values["started_at"] = build.started_at.isoformat()
    if build.build_args:
        values["build_args"] = dict(build.build_args)
    for name in _PARTS:
        if name in values:
            values[name] = [_part_filled(part) for part in values[name]]
    values.pop("inputs", None)
    if texts := input_texts.texts(build.inputs, build.steps):
        values["inputs"] = texts
    return values


def from_plain(values: dict[str, Any]) -> Build:
    """The build that `to_plain` gave; unknown fields, of a newer version, are passed over.

    Raises BadValueError for what is no build.
    """
    try:
        known = {name: value for name, value in values.items() if name in _FIELDS[Build]}
        for name in ("started_at", "completed_at"):
            if name in known:
                known[name] = datetime.fromisoformat(known[name])
        known["image_tags"] = tuple(known.get("image_tags", ()))
        for name, kind in _PARTS.items():
            known[name] = tuple(_part(kind, values) for values in known.get(name, ()))
        known["inputs"] = NOTHING_KNOWN
        if texts := _texts(values.get("inputs")):
            known["inputs"] = input_texts.of_texts(texts, known["steps"])
        return checked(Build(**known))
    except (TypeError, ValueError, AttributeError) as error:
        reason = error.problem if isinstance(error, BadValueError) else error
        raise BadValueError(f"it is no build ({reason})", "see docs/errors.md") from error


def checked(build: Build) -> Build:
    """The build, which comes from elsewhere, if every value is of its kind and can be stored.

    Raises BadValueError. An unknown zone becomes UTC, as it does everywhere.
    """
    _check(build)
    arguments = build.build_args
    if not isinstance(arguments, Mapping):
        raise BadValueError("build_args is no object", "see the file")
    for text in (*build.image_tags, *arguments, *arguments.values()):
        if not isinstance(text, str):
            raise _misfit("an argument or a tag", text)
    for name, kind in _PARTS.items():
        parts = getattr(build, name)
        if not parts:
            continue
        for part in parts:
            _check(part)
        if kind is not Lint and len({part.position for part in parts}) < len(parts):
            raise BadValueError(f"two of its {name} have one position", "see the file")
    zone = _zone(build.zone)
    return build if zone == build.zone else replace(build, zone=zone)


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> str:
    return times.zone_name(name or "UTC")


def _check(record: Any) -> None:
    """Raise BadValueError for a field that is not of its type, or a number out of bounds."""
    shape = _SHAPES[type(record)]
    values = shape.values(record)
    kinds = tuple(map(type, values))
    if kinds not in shape.fit:
        for name, value in zip(shape.names, values, strict=True):
            if not isinstance(value, shape.types[name]):
                raise _misfit(name, value)
        shape.fit.add(kinds)
    for place in shape.numbers:
        value = values[place]
        if value is None:
            continue
        limit = _MOST if isinstance(value, int) else _LONGEST
        if not -limit < value < limit:
            raise _misfit(shape.names[place], value)


def _misfit(name: str, value: object) -> BadValueError:
    return BadValueError(f"{name} cannot be {str(value)[:50]!r}", "see the file")


class _Shape:
    """The simple fields of a dataclass, and the types that each may have.

    `fit` are the tuples of types that were found to fit: few, and quick to look up.
    """

    def __init__(self, kind: Any) -> None:
        self.types = _kinds(kind)
        self.names = tuple(self.types)
        self.numbers = [i for i, types in enumerate(self.types.values()) if int in types]
        self.values = attrgetter(*self.names)
        self.fit: set[tuple[type, ...]] = set()


def _kinds(kind: Any) -> dict[str, tuple[type, ...]]:
    """The simple fields of a dataclass with the types that their annotations allow."""
    found: dict[str, tuple[type, ...]] = {}
    for field in fields(kind):
        told: Any = field.type
        types = get_args(told) if isinstance(told, UnionType) else (told,)
        if _SIMPLE.issuperset(types):
            found[field.name] = (*types, int) if float in types else types
    return found


_SHAPES = {kind: _Shape(kind) for kind in (Build, Step, Layer, Lint)}


def _texts(values: Any) -> dict[str, str]:
    """The texts of a build's inputs, those of a newer version left out."""
    if not isinstance(values, dict):
        return {}
    return {kind: text for kind, text in values.items() if isinstance(text, str)}


def _part(kind: Any, values: dict[str, Any]) -> Any:
    return kind(**{name: value for name, value in values.items() if name in _FIELDS[kind]})


def _filled(record: Any) -> dict[str, Any]:
    names = _FIELDS[type(record)]
    values = zip(names, map(record.__getattribute__, names), strict=True)
    return {name: value for name, value in values if value is not None and value not in _EMPTY}


def _part_filled(part: Any) -> dict[str, Any]:
    """The same of a step, a layer or a warning: what it is not (cached ...) goes unsaid, too.

    A text that each has is there even if it is empty, as the instruction of an imported layer is.
    """
    names, needed = _FIELDS[type(part)], _NEEDED[type(part)]
    values = zip(names, map(part.__getattribute__, names), strict=True)
    return {
        name: value
        for name, value in values
        if value is not None and value is not False and (value != "" or name in needed)
    }


_EMPTY: tuple[Any, ...] = ("", (), {}, [])
_FIELDS = {
    kind: tuple(field.name for field in fields(kind) if field.name != "secrets")
    for kind in (Build, Step, Layer, Lint)
}
_NEEDED = {
    kind: frozenset(field.name for field in fields(kind) if field.default is MISSING)
    for kind in (Step, Layer, Lint)
}
