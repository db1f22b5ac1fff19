"""What a reader of a foreign file gives: builds, rows that it did not understand, remarks."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from recorder import times
from recorder.errors import BadValueError
from recorder.imports.known import Known, Pruned
from recorder.model import Build, megabytes, seconds
from recorder.store import Tally, Writer

Progress = Callable[[int, int], None]
"""Is told from time to time how much is done, and of how much."""


def silent(done: int, total: int) -> None:
    """Tells nobody."""


@dataclass
class Reading:
    """A file that is read: which form it is, its builds, and what could not come in.

    `builds` are those that were read at once, `stream` gives those that are read as they are
    stored, each with its row's number. `rejected` has the number of each row (from 1) that was not
    understood, and the reason.
    """

    form: str
    builds: list[Build] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    stream: "Iterable[tuple[int, Build]]" = ()

    def take(self, rows: "Iterable[Iterator[Build]]") -> "Reading":
        """Add each row's build; a row that raises BadValueError is rejected and stops nothing."""
        for number, row in enumerate(rows, 1):
            try:
                self.builds += row
            except BadValueError as error:
                self.rejected.append((number, error.problem))
        return self

    def beside(self, connection: sqlite3.Connection) -> AbstractContextManager[None]:  # noqa: ARG002
        """What must be open while `pour` runs, and before its transaction begins."""
        return nullcontext()

    def pour(self, connection: sqlite3.Connection, writer: Writer, progress: Progress) -> Tally:
        """Write the builds that are new, and fill in what others lack."""
        known, tally, pruned = Known(connection, writer.redactor), Tally(), 0
        for number, build in self._in_order(progress):
            try:
                found = known.find(build)
            except BadValueError as error:
                self.rejected.append((number, error.problem))
            except Pruned:
                pruned += 1
            else:
                if found is None and writer.write(build).new:
                    tally.new += 1
                    continue
                if found is not None:
                    writer.complete(found, build)
                tally.known += 1
        self.leave_out(pruned)
        return tally

    def leave_out(self, pruned: int) -> None:
        """Say how many builds are of days that were pruned."""
        if pruned:
            self.remarks.append(f"{pruned} builds left out, of days that were pruned here")

    def _in_order(self, progress: Progress) -> Iterator[tuple[int, Build]]:
        # Cache hits save what ran before.
        at_once = sorted(enumerate(self.builds, 1), key=lambda pair: pair[1].completed_at)
        for done, pair in enumerate(at_once, 1):
            if done % 100 == 0:
                progress(done, len(at_once))
            yield pair
        yield from self.stream


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
    path = values.get("dockerfile_path")
    yield Build(
        image_name=image,
        build_duration=seconds(values.get("duration")),
        completed_at=times.parse(stamp, home),
        status="failed" if failed else "completed",
        zone=home,
        source="import",
        image_size_mb=_size(values.get("size_mb")),
        dockerfile_path=str(path) if path else None,
        build_args=values.get("build_args") or {},
        error_message=str(message) if message else None,
    )


def _size(value: Any) -> float | None:
    try:
        return megabytes(value) or None
    except BadValueError:
        return None
