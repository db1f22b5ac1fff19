"""Records a build of podman, buildah or the legacy builder: its output told the steps."""

import logging
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from recorder import database, spool, times
from recorder.capture import arguments, by_clock, plain_output
from recorder.capture.arguments import Arguments
from recorder.capture.command import Ending, Plan
from recorder.capture.plain_command import PlainBuild
from recorder.capture.plain_output import Output
from recorder.engine import images
from recorder.model import Build, Status

_LOG = logging.getLogger("recorder.capture")
# Flags of podman and buildah without a value that buildx does not have.
_SWITCHES = frozenset(
    "--all-platforms --disable-compression --http-proxy --identity-label --inherit-labels --layers "
    "--logsplit --no-hosts --no-hostname --omit-history --rewrite-timestamp --save-stages "
    "--skip-unused-stages --squash-all --stdin --stream --tls-verify".split()
)
_LOCK_TIMEOUT = 5.0
_USAGE_ERROR = 125
_INTERRUPTED = frozenset({130, 143, 129})
_SIZE_PATIENCE = 10.0
# How each tool tells an image's id and its size, by its own CLI.
_SIZE = {
    "legacy": ("image", "inspect", "--format", "{{.Id}} {{.Size}}"),
    "podman": ("image", "inspect", "--format", "{{.Id}} {{.Size}}"),
    "buildah": ("inspect", "--type", "image", "--format",
                "{{.FromImageID}} {{.Manifest}}"),
}  # fmt: skip


class Size(NamedTuple):
    """An image's digest and its size in bytes."""

    digest: str
    bytes: int


def record(
    plan: Plan, plain: PlainBuild, lines: Sequence[tuple[float, str]], ending: Ending
) -> None:
    """Record the build `plain` once it has ended; `lines` grow until then."""
    path = database.find(plan.asked_database)
    zone = times.zone_name(plan.zone)
    asked = arguments.parse(plain.words, _SWITCHES)
    asked.rest = asked.rest or ["."]  # podman's own default
    ending.wait()
    if by_clock.is_no_build(asked):
        return
    output = read(plain.kind, lines, ending, asked)
    # A client of BuildKit tells nothing on stdout, not even of a build that went well.
    built = output.folded.steps or output.image or plain.kind == "legacy"
    if not output.folded.steps and (ending.exit_code == _USAGE_ERROR or not built):
        return  # it only asked something, or was told that it was asked wrongly
    build = told(plain.kind, output, asked, ending, zone)
    if not ending.exit_code and (image := output.image or next(iter(build.image_tags), None)):
        build = _with_size(build, plain, image)
    if problem := spool.record_or_keep(path, build, _LOCK_TIMEOUT):
        ending.troubles.append(problem)


def read(kind: str, lines: Sequence[tuple[float, str]], ending: Ending, asked: Arguments) -> Output:
    """What the output of the ended build tells."""
    reader = plain_output.read_legacy if kind == "legacy" else plain_output.read_podman
    failure = None
    if ending.exit_code in _INTERRUPTED:
        failure = ""
    elif ending.exit_code:
        failure = f"{kind} build ended with exit code {ending.exit_code}"
    return reader(lines, ending.seconds, failure, asked.build_args())


def told(kind: str, output: Output, asked: Arguments, ending: Ending, zone: str) -> Build:
    """The build that was asked for, with the steps that its output told.

    An old engine may have been asked by a client that has BuildKit, whose output tells none: then
    the clock is the source.
    """
    secrets = frozenset(asked.secrets())
    build = by_clock.without_size(asked, ending.seconds, ending.exit_code, zone, secrets)
    status: Status = build.status
    error = output.error
    if ending.exit_code in _INTERRUPTED:
        status, error = "canceled", "interrupted"
    elif ending.exit_code and not error:
        error = f"{kind} build ended with exit code {ending.exit_code}"
    steps = output.folded.steps
    return replace(
        build,
        status=status,
        source="clock" if kind == "legacy" and not steps else kind,
        error_message=error,
        total_steps=len(steps) or None,
        completed_steps=sum(not step.error and step.duration is not None for step in steps),
        cached_steps=sum(step.cached for step in steps),
        cache_ratio=output.folded.cache_ratio,
        critical_path_seconds=output.folded.critical_path_seconds,
        steps=steps,
    )


def _with_size(build: Build, plain: PlainBuild, image: str) -> Build:
    size = _size(plain, image)
    if size is None:
        return build
    kind = images.UNPACKED if plain.kind == "legacy" else plain.kind
    return replace(build, image_digest=size.digest, image_size_bytes=size.bytes, size_kind=kind)


def _size(plain: PlainBuild, image: str) -> Size | None:
    """What the tool itself says of an image it has just built; None where it does not."""
    command = [*plain.tool, *_SIZE[plain.kind], image]
    try:
        asked = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
            timeout=_SIZE_PATIENCE,
        )  # fmt: skip
        return _parse_size(plain.kind, asked.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        _LOG.info("recording a build without its size: %s", error)
        return None


def _parse_size(kind: str, text: str) -> Size:
    """The image's id and size; buildah tells no size, but its manifest has that of each layer."""
    digest, _, rest = text.strip().partition(" ")
    if kind == "buildah":
        import json

        manifest = json.loads(rest)
        total = sum(int(part["size"]) for part in [manifest["config"], *manifest["layers"]])
    else:
        total = int(rest)
    return Size(f"sha256:{digest.removeprefix('sha256:')}", total)
