"""Reads BuildKit's vertex names: platform, stage, n of m, instruction; and gives their identity."""

import hashlib
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

_BRACKET = re.compile(r"\[([^\]]*)\] ?(.*)", re.DOTALL)
_COUNT = re.compile(r"(\d{1,9})/(\d{1,9})")  # more digits no column holds
_UNNAMED_STAGE = re.compile(r"stage-\d+")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")
_HASH = r"(?<![A-Za-z0-9])(?=[0-9]*[a-f])[0-9a-f]{7,}(?![A-Za-z0-9])"
_KEYWORDS = frozenset(
    "add arg cmd copy entrypoint env expose from healthcheck label onbuild run shell "
    "stopsignal user volume workdir".split()
)
_OTHER_KINDS = (
    ("exporting", "export"),
    ("sending tarball", "export"),
    ("pushing", "export"),
    ("importing", "import"),
    ("resolve", "resolve"),
    ("docker-image://", "resolve"),
    ("merge", "merge"),
)
INTERNAL, EXPORT = "internal", "export"
BASE = "from"
INSTRUCTIONS = _KEYWORDS - {BASE}
"""The kinds of step whose cache hits count: neither loads and exports, nor a base image, since
`FROM ... CACHED` only says that it is already local."""


class StepName(NamedTuple):
    """The parts of a vertex name; `step` and `steps` are the n and m of `[stage n/m]`."""

    kind: str
    text: str
    stage: str | None = None
    step: int | None = None
    steps: int | None = None
    platform: str | None = None
    target: str | None = None


def parse(name: str, targets: Collection[str] = ()) -> StepName:
    """The parts of the vertex name `name`.

    The form is `[target platform(->arch) stage n/m] INSTRUCTION`, each part but the instruction
    optional: the platform appears in multi-platform requests (it alone has a slash), the target
    in a bake's merged stream (`targets` are those known), the stage where there are several.
    Source: BuildKit frontend/dockerfile/dockerfile2llb `prefixCommand`, buildx util/progress.
    """
    match = _BRACKET.match(name)
    if not match:
        return StepName(_other_kind(name), name)
    words, text = match[1].split(), match[2]
    count = _COUNT.fullmatch(words[-1]) if words else None
    if count:
        words.pop()
    target = words.pop(0) if words and words[0] in targets and len(words) > 1 else None
    if not count and words and words[-1] in (INTERNAL, "auth"):
        platform = next((word for word in words if "/" in word), None)
        first = next((word for word in words[:-1] if word != platform), None)
        return StepName(words[-1], text, platform=platform, target=target or first)
    if not count:
        return StepName(_other_kind(text), text, target=target or (words[0] if words else None))
    platform = next((word for word in words if "/" in word), None)
    named = [word for word in words if word != platform]
    if len(named) > 1:
        target, stage = named[0], named[-1]
    else:
        stage = named[0] if named else None
    keyword = text.split(None, 1)[0].lower() if text.strip() else ""
    kind = keyword if keyword in _KEYWORDS else "other"
    return StepName(kind, text, stage, int(count[1]), int(count[2]), platform, target)


def is_instruction(kind: str) -> bool:
    """Whether steps of this kind are instructions whose cache hits count."""
    return kind in INSTRUCTIONS


def put_back(text: str, arguments: Mapping[str, str]) -> str:
    """`text` with the values of the given build `arguments` put back as `${NAME}`.

    BuildKit expands ARG values inside names, so that a name changes with, say, a commit hash.
    A value may stand in `v1.2` and in `node20`, but not in a longer word or number, nor a short one
    in a hash. Values of one character are left, as they are more likely a coincidence.
    """
    ordered = sorted(arguments.items(), key=lambda item: (-len(item[1]), item[0]))
    names: dict[str, str] = {}
    for argument, value in ordered:
        if len(value) > 1:
            names.setdefault(value, argument)
    if not names:
        return text
    long = [_whole(value) for value in names if len(value) > 6]
    short = [_whole(value) for value in names if len(value) <= 6]
    pattern = re.compile("|".join([*long, _HASH, *short]))
    return pattern.sub(
        lambda found: "${" + names[found[0]] + "}" if found[0] in names else found[0], text
    )


def identity(parsed: StepName, text: str, ordinal: int) -> str:
    """The `step_key`: what stays the same about a step from build to build, as 16 hex digits.

    It is made of platform, stage, instruction with argument values put back (`text`), and the
    ordinal among equals; not of n/m, which renumber, nor of unnamed stages (`stage-1`), nor of a
    base image's digest, which moves.
    """
    stage = parsed.stage or ""
    if _UNNAMED_STAGE.fullmatch(stage):
        stage = ""
    parts = (parsed.platform or "", stage, parsed.kind, _DIGEST.sub("", text), str(ordinal))
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:16]


def _whole(value: str) -> str:
    """A pattern of `value` where neither its letters nor its digits go on."""

    def like(character: str) -> str:
        return "[0-9]" if character.isdigit() else "[A-Za-z]" if character.isalpha() else "(?!)"

    return f"(?<!{like(value[0])}){re.escape(value)}(?!{like(value[-1])})"


def _other_kind(text: str) -> str:
    return next((kind for start, kind in _OTHER_KINDS if text.startswith(start)), "other")
