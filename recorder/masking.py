"""Masks a whole build: every known and recognised secret goes from every text."""

import re
from collections.abc import Set
from dataclasses import replace
from typing import Any

from recorder import redact
from recorder.model import NOTHING_KNOWN, Build, Inputs, Step

_SEPARATOR = re.compile(r"[/:._-]")
_DIGIT = re.compile(r"\d")
_REPEATED = (
    "image_name", "dockerfile_path", "builder", "target", "git_branch", "git_remote", "platform",
)  # fmt: skip
_SINGULAR = ("error_message", "git_commit", "ci_run", "ci_url", "error_excerpt")
_TEXTS = _REPEATED + _SINGULAR


def mask(build: Build, redactor: redact.Redactor) -> Build:
    """The build with all secrets masked in its row and its steps, and none kept."""
    own = knowing(build, redactor)
    return mask_steps(mask_row(build, own), own)


def knowing(build: Build, redactor: redact.Redactor) -> redact.Redactor:
    """`redactor` itself, or one that knows the secret values of this build too."""
    known = secrets_beside(build.image_name, build.secrets | redact.secret_values(build.build_args))
    return redactor.knowing(known) if known else redactor


def secrets_beside(image_name: str, values: Set[str]) -> Set[str]:
    """Those of the secret `values` that may be masked wherever they stand.

    A plain word of the image's own name is no secret, whatever argument repeats it: with
    `POSTGRES_PASSWORD=postgres` the image `postgres` would lose its name. One with a digit in it
    may be a token that was made a part of the name.
    """
    if not values:
        return values
    words = {*_SEPARATOR.split(image_name), image_name}
    return values - {word for word in words if not _DIGIT.search(word)}


def mask_row(build: Build, redactor: redact.Redactor) -> Build:
    """The build with the texts of its own row masked; its steps are left as they are."""
    arguments = redactor.arguments(build.build_args) if build.build_args else build.build_args
    if not build.secrets and arguments == build.build_args:
        # Most rows hold no secret. What repeats from build to build is remembered; of the rest one
        # look at all texts together is the quickest.
        texts = [value for name in _SINGULAR if (value := getattr(build, name))]
        together = "\n".join((*texts, *build.image_tags))
        if redactor.text_once(together) == together and all(
            redactor.text(value) == value for name in _REPEATED if (value := getattr(build, name))
        ):
            return build
    changed: dict[str, Any] = {
        name: masked
        for name in _TEXTS
        if (value := getattr(build, name)) and (masked := redactor.text(value)) != value
    }
    if arguments != build.build_args:
        changed["build_args"] = arguments
    if (tags := tuple(map(redactor.text, build.image_tags))) != build.image_tags:
        changed["image_tags"] = tags
    if build.secrets:
        changed["secrets"] = frozenset()
    return replace(build, **changed) if changed else build


def mask_steps(build: Build, redactor: redact.Redactor) -> Build:
    """The build with its steps, layers, warnings and inputs masked."""
    return replace(
        build,
        steps=tuple(mask_step(step, redactor) for step in build.steps),
        layers=tuple(
            replace(layer, instruction=redactor.text(layer.instruction)) for layer in build.layers
        ),
        lints=tuple(replace(lint, message=redactor.text(lint.message)) for lint in build.lints),
        inputs=mask_inputs(build.inputs, redactor),
    )


def mask_inputs(inputs: Inputs, redactor: redact.Redactor) -> Inputs:
    """The inputs with names of files, lines of the Dockerfile and values of options masked."""
    if inputs is NOTHING_KNOWN:
        return inputs
    mask, files = redactor.text_once, inputs.files
    if files:
        files = replace(files, files={mask(path): it for path, it in files.files.items()})
    return replace(
        inputs,
        bases={mask(name): digest for name, digest in inputs.bases.items()},
        options={mask(name): mask(value) for name, value in inputs.options.items()},
        settings=tuple(map(mask, inputs.settings)),
        files=files,
    )


def mask_step(step: Step, redactor: redact.Redactor) -> Step:
    """The step with its texts masked."""
    return replace(
        step,
        name=redactor.text(step.name),
        stage=redactor.text(step.stage) if step.stage else step.stage,
        instruction=redactor.text(step.instruction) if step.instruction else step.instruction,
        error=redactor.text(step.error) if step.error else step.error,
    )
