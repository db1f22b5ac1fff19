"""Turns a record of BuildKit's history and its step trace into a Build. Pure."""

import json
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, NamedTuple

from recorder import base_names, dockerfile, dockerfile_settings, naming, steps
from recorder.engine import provenance
from recorder.engine.joined import joined
from recorder.engine.local_state import LocalState
from recorder.errors import BadValueError
from recorder.model import Build, Inputs, Lint, Listing, Status
from recorder.steps import Folded, Transfer, Vertex
from recorder.times import DEFAULT_ZONE

_BUILD_ARG = "build-arg:"
_NAMED_CONTEXT = "context:"
# Attributes that change what runs or what the cache gives, and that no column of a build has.
_OPTIONS = frozenset(
    "add-hosts cgroup-parent context force-network-mode hostname no-cache shm-size source "
    "ulimit".split()
)
_CANCELED = 1  # google.rpc.Code.CANCELLED
_MOVING = frozenset({"transferring", "downloading", "extracting", "pushing"})
# A layer that came in one go is told only at its end, by its digest; one that was there `exists`.
_MOVED, _LAYER = "done", "sha256:"
_LAST = 253_370_764_800  # seconds from 1970 to the year 9999
_LONGEST = 1e8  # seconds, three years
_LARGEST = 10**14  # bytes, a hundred terabytes


class Origin(NamedTuple):
    """What the recorder knows beside the record: how the build was asked for, and by whom.

    `tags` are those that were asked for, which a record lacks whose result is no image.
    `dockerfile` is the text that it saw, `files` the context, both when the build began.
    """

    source: str
    builder: str | None = None
    zone: str = DEFAULT_ZONE
    image_name: str | None = None
    tags: tuple[str, ...] = ()
    git_commit: str | None = None
    git_branch: str | None = None
    git_dirty: bool | None = None
    git_remote: str | None = None
    ci_run: str | None = None
    ci_url: str | None = None
    secrets: frozenset[str] = frozenset()
    dockerfile: str | None = None
    files: Listing | None = None


def is_build(record: Any) -> bool:
    """Whether a record is that of a build that ended, not of a question such as `--check`."""
    ended = record.HasField("CreatedAt") and record.HasField("CompletedAt")
    return ended and "requestid" not in record.FrontendAttrs


def is_in_engine(record: Any) -> bool:
    """Whether a builder of its own loaded the image into the engine."""
    return any(exporter.Type == "docker" for exporter in record.Exporters)


def tags(record: Any) -> tuple[str, ...]:
    """All names that the build gave to its image."""
    names = [
        name.strip()
        for exporter in record.Exporters
        for name in exporter.Attrs.get("name", "").split(",")
    ]
    return tuple(dict.fromkeys(name for name in names if name))


def digest(record: Any) -> str | None:
    """The digest of the image's config, or of its manifest or index; None when there is none."""
    response = record.ExporterResponse
    config = response.get("containerimage.config.digest")
    if config:
        return str(config)
    result = record.Result
    found = [result.ResultDeprecated, *(result.Results[key] for key in sorted(result.Results))]
    own = next((descriptor.digest for descriptor in found if descriptor.digest), None)
    return own or response.get("containerimage.digest") or None


def to_build(
    record: Any,
    trace: Sequence[Any],
    local: LocalState | None,
    origin: Origin,
    attested: Sequence[bytes] = (),
) -> Build:
    """The build that a finished `record`, its `trace` (status responses) and `attested` tell.

    `attested` are the blobs of its provenance. `local` is what buildx remembers of it on this
    machine, if it was started here. Durations are CompletedAt minus CreatedAt and times of vertices
    relative to CreatedAt, to the microsecond. Raises BadValueError for a record whose times or
    names are none.
    """
    attributes = dict(record.FrontendAttrs)
    arguments = _arguments(attributes)
    created = _nanoseconds(record.CreatedAt)
    # To the microsecond, so that the duration is what lies between the two as they are told.
    begun, ended = (t // 1000 * 1000 for t in (created, _nanoseconds(record.CompletedAt)))
    duration = max(0, ended - begun) / 1e9
    vertices, transfers = _events(trace, created)
    folded = steps.fold(vertices, window=duration, transfers=transfers, arguments=arguments)
    names = tags(record)
    revision = attributes.get("vcs:revision", "")
    context = (local.context if local else "") or attributes.get("context", "")
    return Build(
        image_name=origin.image_name or naming.image_name(names or origin.tags, context),
        build_duration=duration,
        started_at=_instant(begun),
        completed_at=_instant(ended),
        status=_status(record),
        zone=origin.zone,
        source=origin.source,
        ref=record.Ref,
        dockerfile_path=_dockerfile(attributes, local),
        build_args=arguments,
        error_message=record.error.message or None,
        builder=origin.builder,
        platform=_platform(attributes, record.ExporterResponse),
        target=attributes.get("target") or None,
        image_tags=names,
        image_digest=digest(record) if not record.error.message else None,
        git_commit=origin.git_commit or revision.removesuffix("-dirty") or None,
        git_branch=origin.git_branch,
        git_dirty=True if revision.endswith("-dirty") else origin.git_dirty,
        git_remote=origin.git_remote,
        ci_run=origin.ci_run,
        ci_url=origin.ci_url,
        total_steps=record.numTotalSteps,
        completed_steps=record.numCompletedSteps,
        cached_steps=record.numCachedSteps,
        cache_ratio=folded.cache_ratio,
        critical_path_seconds=folded.critical_path_seconds,
        context_bytes=folded.context_bytes,
        warnings=record.numWarnings,
        lints=_lints(trace),
        steps=folded.steps,
        inputs=_inputs(attributes, folded, provenance.read(attested), origin),
        secrets=origin.secrets,
    )


def _arguments(attributes: Mapping[str, str]) -> dict[str, str]:
    """The build arguments that were given."""
    return {
        name.removeprefix(_BUILD_ARG): value
        for name, value in attributes.items()
        if name.startswith(_BUILD_ARG)
    }


def _inputs(
    attributes: Mapping[str, str], folded: Folded, told: provenance.Provenance, origin: Origin
) -> Inputs:
    """What went in: provenance knows the bases and the Dockerfile of a build that went well."""
    text = told.dockerfile if told.dockerfile is not None else origin.dockerfile
    found = filter(None, (base_names.of_step(step.name) for step in folded.steps))
    named = {reference: digest for reference, digest in found if digest}
    options = {
        name: value
        for name, value in attributes.items()
        if name in _OPTIONS or name.startswith(_NAMED_CONTEXT)
    }
    return Inputs(
        graph=folded.graph,
        bases=named | told.bases,
        options=options,
        settings=dockerfile_settings.settings(dockerfile.parse(text)) if text else (),
        files=origin.files,
    )


def _lints(trace: Sequence[Any]) -> tuple[Lint, ...]:
    """The builder's warnings, equal ones once; a rule is named by the end of its address."""
    found = {}
    for part in trace:
        for warning in part.warnings:
            rule = warning.url.rstrip("/").rsplit("/", 1)[-1]
            message = warning.short.decode(errors="replace")
            line = next((area.start.line for area in warning.ranges), None)
            found[rule, message, line] = Lint(rule, message, line)
    return tuple(found.values())


def _status(record: Any) -> Status:
    """BuildKit has no word for it: an error of code 1, or one that ends so, is a cancellation."""
    message = record.error.message
    if not message and not record.error.code:
        return "completed"
    if record.error.code == _CANCELED or message.endswith("context canceled"):
        return "canceled"
    return "failed"


def _dockerfile(attributes: Mapping[str, str], local: LocalState | None) -> str | None:
    """The Dockerfile relative to its context; only its name when it lies elsewhere.

    A path that leaves the context would tell folders of the machine, and names of its users.
    """
    name = attributes.get("filename") or "Dockerfile"
    if local and local.dockerfile and local.dockerfile != "-":
        place = PurePath(local.dockerfile)
        if not place.is_absolute():
            relative = posixpath.normpath(place.as_posix())
        elif PurePath(local.context) in place.parents:
            relative = place.relative_to(local.context).as_posix()
        else:
            relative = place.name
        name = place.name if relative.startswith("..") else relative
    return name


def _platform(attributes: Mapping[str, str], response: Mapping[str, str]) -> str | None:
    if asked := attributes.get("platform"):
        return asked
    try:
        found = json.loads(response.get("refs.platforms", ""))["Platforms"]
        return ",".join(str(platform["ID"]) for platform in found) or None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _events(trace: Iterable[Any], begun: int) -> tuple[list[Vertex], list[Transfer]]:
    """The trace's vertices and transfers, their times in seconds from `begun` (nanoseconds).

    Times and bytes that no build can have are left out, since sums over them would be spoiled.
    """

    def seconds(message: Any, field: str) -> float | None:
        if not message.HasField(field):
            return None
        stamp = getattr(message, field)
        nanoseconds = stamp.seconds * 1_000_000_000 + stamp.nanos
        offset = (nanoseconds - begun) / 1e9
        return offset if stamp.seconds > 0 and abs(offset) <= _LONGEST else None

    vertices: list[Vertex] = []
    transfers: list[Transfer] = []
    for part in trace:
        vertices += (
            Vertex(
                vertex.digest,
                vertex.name,
                tuple(vertex.inputs),
                vertex.cached,
                seconds(vertex, "started"),
                seconds(vertex, "completed"),
                vertex.error,
                vertex.progressGroup.id,
                vertex.progressGroup.name,
            )
            for vertex in part.vertexes
        )
        transfers += (
            Transfer(status.vertex, status.ID, status.current)
            for status in part.statuses
            if _is_transfer(status) and 0 < status.current <= _LARGEST
        )
    return joined(vertices), transfers


def _is_transfer(status: Any) -> bool:
    done = status.name == _MOVED and status.ID.startswith(_LAYER)
    return done or status.name in _MOVING


def _nanoseconds(stamp: Any) -> int:
    """A protobuf Timestamp as nanoseconds since 1970; some zone must be able to write it."""
    if not 0 <= stamp.seconds <= _LAST or not 0 <= stamp.nanos < 1_000_000_000:
        raise BadValueError(
            f"{stamp.seconds} s and {stamp.nanos} ns are no time of a build", "see the record"
        )
    return int(stamp.ToNanoseconds())


def _instant(nanoseconds: int) -> datetime:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
