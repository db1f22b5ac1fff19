"""Records a `docker build` that left no record in an engine: by the clock and the exit code."""

import logging
import os
from pathlib import Path

from recorder import naming, times
from recorder.capture import origin
from recorder.capture.arguments import Arguments
from recorder.engine import images
from recorder.errors import RecorderError
from recorder.model import Build

_LOG = logging.getLogger("recorder.capture")
_QUESTIONS = ("--check", "--print", "--help")


def is_no_build(arguments: Arguments) -> bool:
    """Whether the command only asks a question, which leaves nothing to record."""
    asked = any(arguments.last(flag) not in (None, "", "false") for flag in _QUESTIONS)
    return asked or (arguments.last("--call") or "build").partition(",")[0] != "build"


def build(
    arguments: Arguments, seconds: float, exit_code: int, zone: str, secrets: frozenset[str]
) -> Build:
    """The build that `arguments` asked for, which took `seconds` and ended with `exit_code`.

    It has no steps, and `source` is `clock`: nothing better is known of it.
    """
    made = without_size(arguments, seconds, exit_code, zone, secrets)
    return made if exit_code or not made.image_tags else _with_size(made)


def without_size(
    arguments: Arguments, seconds: float, exit_code: int, zone: str, secrets: frozenset[str]
) -> Build:
    """What `build` gives, without asking the engine for the image's size."""
    context = arguments.context or ""
    local = context != "-" and os.path.isdir(context)  # noqa: PTH112 - Path raises for a long URL
    folder = str(Path(context).resolve()) if local else context
    ci = origin.ci()
    names = tuple(arguments.flags.get("--tag", []))
    now = times.now()
    lately = now.timestamp()
    checkout = origin.checkout(folder, lately, lately) if local else origin.Checkout()
    error = None
    if exit_code:
        error = (
            f"docker buildx build ended with exit code {exit_code}, and the builder has no record"
        )
    dockerfile = arguments.last("--file")
    return Build(
        image_name=naming.image_name(names, folder),
        build_duration=seconds,
        completed_at=now,
        status="failed" if exit_code else "completed",
        zone=zone,
        source="clock",
        dockerfile_path=Path(dockerfile).name if dockerfile else None,
        build_args=arguments.build_args(),
        error_message=error,
        builder=arguments.last("--builder"),
        platform=arguments.last("--platform"),
        target=arguments.last("--target"),
        image_tags=names,
        git_commit=checkout.commit,
        git_branch=checkout.branch,
        git_dirty=checkout.dirty,
        git_remote=checkout.remote,
        ci_run=ci.run,
        ci_url=ci.url,
        secrets=secrets,
    )


def _with_size(build: Build) -> Build:
    try:
        image = images.inspect(*build.image_tags)
    except RecorderError as error:
        _LOG.info("recording a build without its size: %s", error)
        return build
    return images.onto(build, image)
