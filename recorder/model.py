"""What a build is to buildrec: frozen records that every source makes and the store takes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from recorder.errors import BadValueError
from recorder.times import DEFAULT_ZONE, before

Status = Literal["completed", "failed", "canceled"]
STATUSES: tuple[Status, ...] = ("completed", "failed", "canceled")
MICRO = 1_000_000
_MILLISECOND = timedelta(milliseconds=1)
_MOST = 1e8  # three years, or a hundred terabytes: what is more is a mistake, and spoils sums


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a build: what people see of a vertex, or of a group of them.

    `started` and `duration` are seconds, `started` counted from the build's beginning. `started`
    is None for a step that never ran, `duration` None also for one that was cut off. A `shared`
    step is a concurrent build's work. Where that one had begun it before this build, `started` is
    negative: `duration` is then the part inside this build, and `duration - started` the whole.
    """

    position: int
    name: str
    step_key: str
    kind: str
    stage: str | None = None
    step: int | None = None
    steps: int | None = None
    platform: str | None = None
    instruction: str | None = None
    cached: bool = False
    shared: bool = False
    critical: bool = False
    started: float | None = None
    duration: float | None = None
    bytes: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One entry of an image's history, from its base up: the instruction and its bytes."""

    position: int
    instruction: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Lint:
    """A warning that the builder gave: its rule's name, its text, the Dockerfile's line."""

    rule: str
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a context that COPY and ADD may take, as they were when the build began.

    `files` has a short keyed hash for each path; `~` before it says that it is made of size and
    time alone. `key` tells which key was used, as hashes under two keys do not compare. `stopped`
    is why not all are there, None when they are.
    """

    key: str
    files: Mapping[str, str]
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What went into a build beside its arguments; what is empty or None is not known.

    `graph` has for each step, in order of position, the positions of those that it needs. `bases`
    are the images it was built from with their digests, `options` what else changes what runs (such
    as `no-cache`), `settings` the lines of the Dockerfile that are no steps, as
    `dockerfile_settings` writes them.
    """

    graph: tuple[tuple[int, ...], ...] = ()
    bases: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    files: Listing | None = None


NOTHING_KNOWN = Inputs()
"""The inputs of a build of which nothing but its row and its steps is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One build, as any source tells it.

    Durations are seconds, sizes bytes (`image_size_mb`: 10^6 bytes, for sources that know no
    better), instants aware datetimes. `zone` is the IANA name that `build_timestamp` is written
    in. `started_at` always is `build_duration` before `completed_at`: the clock that a source read
    may have been set meanwhile. `secrets` are values that must not be written anywhere; they are
    never stored. `saved_seconds` is told by another history alone; the store finds it for all
    other builds.

    Raises BadValueError for a name that is empty, a duration or size that is negative or not a
    number, an unknown status, or an instant without its zone.
    """

    image_name: str
    build_duration: float
    completed_at: datetime
    status: Status = "completed"
    zone: str = DEFAULT_ZONE
    source: str = "record"
    ref: str | None = None
    started_at: datetime | None = None
    image_size_bytes: int | None = None
    image_size_mb: float | None = None
    size_kind: str | None = None
    dockerfile_path: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    error_message: str | None = None
    builder: str | None = None
    platform: str | None = None
    target: str | None = None
    image_tags: tuple[str, ...] = ()
    image_digest: str | None = None
    git_commit: str | None = None
    git_branch: str | None = None
    git_dirty: bool | None = None
    git_remote: str | None = None
    ci_run: str | None = None
    ci_url: str | None = None
    total_steps: int | None = None
    completed_steps: int | None = None
    cached_steps: int | None = None
    cache_ratio: float | None = None
    saved_seconds: float | None = None
    critical_path_seconds: float | None = None
    context_bytes: int | None = None
    warnings: int | None = None
    error_excerpt: str | None = None
    steps: tuple[Step, ...] = ()
    layers: tuple[Layer, ...] = ()
    lints: tuple[Lint, ...] = ()
    inputs: Inputs = NOTHING_KNOWN
    secrets: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not isinstance(self.image_name, str) or not self.image_name.strip():
            raise BadValueError("a build needs the name of its image", "name it, such as my-app")
        object.__setattr__(self, "build_duration", seconds(self.build_duration))
        if self.status not in STATUSES:
            raise BadValueError(
                f"{self.status!r} is no status of a build", f"say one of {', '.join(STATUSES)}"
            )
        object.__setattr__(self, "ref", self.ref or None)
        if self.completed_at.tzinfo is None or (self.started_at and self.started_at.tzinfo is None):
            raise BadValueError("a build's time has no zone", "give an aware datetime")
        if self.started_at is not None:
            # A file that tells both to the millisecond tells the end to the microsecond thus.
            exact = self.started_at + timedelta(seconds=self.build_duration)
            if self.completed_at < exact < self.completed_at + _MILLISECOND:
                object.__setattr__(self, "completed_at", exact)
        began = before(self.completed_at, self.build_duration)
        object.__setattr__(self, "started_at", began)
        if self.image_size_bytes is not None:
            object.__setattr__(self, "image_size_mb", self.image_size_bytes / MICRO)
        elif self.image_size_mb is not None:
            object.__setattr__(self, "image_size_mb", megabytes(self.image_size_mb))
        if (self.image_size_mb or 0) < 0:
            raise BadValueError("a size cannot be negative", "give the image's size in bytes")

    @property
    def success(self) -> bool:
        """Whether the build completed."""
        return self.status == "completed"

    @property
    def cache_class(self) -> str | None:
        """`cold` without any cached instruction, `warm` with all of them cached, else `partial`."""
        if self.cache_ratio is None:
            return None
        return {0.0: "cold", 1.0: "warm"}.get(self.cache_ratio, "partial")


def seconds(value: object) -> float:
    """A duration in seconds, to the microsecond.

    Raises BadValueError for what is negative, infinite or not a number.
    """
    return _number(value, "a duration", "give the seconds that the build took, such as 12.5")


def megabytes(value: object) -> float:
    """A size in MB of 10^6 bytes, to the byte; raises BadValueError as `seconds` does."""
    return _number(value, "a size", "give the image's size in MB, such as 152.4")


def _number(value: object, what: str, cure: str) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise BadValueError(f"{value!r} is not {what}", cure) from None
    if isinstance(value, bool) or not math.isfinite(number):
        raise BadValueError(f"{value!r} is not {what}", cure)
    if number < 0:
        raise BadValueError(f"{what} cannot be negative, as {value!r} is", cure)
    if number > _MOST:
        raise BadValueError(f"{value!r} is more than {what} can be", cure)
    # Whole microseconds (bytes), so that sums over them are exact in any order.
    return round(number * MICRO) / MICRO
