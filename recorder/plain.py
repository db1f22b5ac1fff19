"""A Build as plain JSON values and back: for the spool, and for a history that travels."""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from recorder.errors import BadValueError
from recorder.model import Build, Step

_BUILD_FIELDS = frozenset(field.name for field in fields(Build)) - {"secrets"}
_STEP_FIELDS = frozenset(field.name for field in fields(Step))


def to_plain(build: Build) -> dict[str, Any]:
    """The build's fields as JSON values; what is empty is left out, and secrets always are."""
    values = asdict(build)
    del values["secrets"]
    values["started_at"] = values["started_at"].isoformat()
    values["completed_at"] = values["completed_at"].isoformat()
    values["steps"] = [_filled(step) for step in values["steps"]]
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
        known["steps"] = tuple(
            Step(**{name: value for name, value in step.items() if name in _STEP_FIELDS})
            for step in known.get("steps", ())
        )
        return Build(**known)
    except (TypeError, ValueError, AttributeError) as error:
        raise BadValueError(f"this is no build ({error})", "see docs/errors.md") from error


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", (), {}, [])}
