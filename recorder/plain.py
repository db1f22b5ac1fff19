"""A Build as plain JSON values and back: for the spool, and for a history that travels."""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from recorder.errors import BadValueError
from recorder.model import Build, Layer, Lint, Step

_BUILD_FIELDS = frozenset(field.name for field in fields(Build)) - {"secrets"}
_PARTS: dict[str, Any] = {"steps": Step, "layers": Layer, "lints": Lint}


def to_plain(build: Build) -> dict[str, Any]:
    """The build's fields as JSON values; what is empty is left out, and secrets always are."""
    values = asdict(build)
    del values["secrets"]
    values["started_at"] = values["started_at"].isoformat()
    values["completed_at"] = values["completed_at"].isoformat()
    for name in _PARTS:
        values[name] = [_filled(part) for part in values[name]]
    return _filled(values)


def from_plain(values: dict[str, Any]) -> Build:
    """The build that `to_plain` gave; unknown fields, of a newer version, are passed over.

    Raises BadValueError for what is no build.
    """
    try:
        known = {name: value for name, value in values.items() if name in _BUILD_FIELDS}
        for name in ("started_at", "completed_at"):
            if name in known:
                known[name] = datetime.fromisoformat(known[name])
        known["image_tags"] = tuple(known.get("image_tags", ()))
        for name, kind in _PARTS.items():
            known[name] = tuple(_part(kind, values) for values in known.get(name, ()))
        return Build(**known)
    except (TypeError, ValueError, AttributeError) as error:
        raise BadValueError(f"this is no build ({error})", "see docs/errors.md") from error


def _part(kind: Any, values: dict[str, Any]) -> Any:
    names = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in names})


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", (), {}, [])}
