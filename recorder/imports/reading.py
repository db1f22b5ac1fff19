"""What a reader of a foreign file gives: builds, rows that it did not understand, remarks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from recorder import times
from recorder.errors import BadValueError
from recorder.model import Build, megabytes, seconds


@dataclass
class Reading:
    """A file that was read: which form it is, its builds, and what could not come in.

    `rejected` has the number of each row (from 1) that was not understood, and the reason.
    """

    form: str
    builds: list[Build] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def take(self, rows: "Iterable[Iterator[Build]]") -> "Reading":
        """Add each row's build; a row that raises BadValueError is rejected and stops nothing."""
        for number, row in enumerate(rows, 1):
            try:
                self.builds += row
            except BadValueError as error:
                self.rejected.append((number, error.problem))
        return self


def build(values: dict[str, Any], zone: str) -> Iterator[Build]:
    """The one build of a row with `image`, `duration`, `timestamp` and perhaps more.

    A timestamp without offset is in the row's `timezone`, else in `zone`; `size_mb` that is
    missing, null or nonsense is no size. Raises BadValueError on iteration.
    """
    image = values.get("image")
    if not isinstance(image, str) or not image.strip():
        raise BadValueError("it names no image", "name the image")
    stamp = values.get("timestamp")
    if not isinstance(stamp, str):
        raise BadValueError(f"{stamp!r} is not a timestamp", "give the time")
    named = values.get("timezone")
    home = times.zone_name(named) if isinstance(named, str) and named else zone
    failed = values.get("success", True) in (False, 0, "0", "false")
    message = values.get("error_message")
    yield Build(
        image_name=image,
        build_duration=seconds(values.get("duration")),
        completed_at=times.parse(stamp, home),
        status="failed" if failed else "completed",
        zone=home,
        source="import",
        image_size_mb=_size(values.get("size_mb")),
        dockerfile_path=values.get("dockerfile_path") or None,
        build_args=values.get("build_args") or {},
        error_message=str(message) if message else None,
    )


def _size(value: Any) -> float | None:
    try:
        return megabytes(value) or None
    except BadValueError:
        return None
