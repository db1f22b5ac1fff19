"""Tells a build as the spans of a trace, by OpenTelemetry's semantic conventions for CI/CD.

Source: opentelemetry.io/docs/specs/semconv/cicd/cicd-spans (status: development). What they have no
name for is told under `buildrec.`; docs/monitoring.md lists all names.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recorder import naming, page_links, times
from recorder.errors import BadValueError

Row = Mapping[str, Any]
Value = str | int | float | bool | list[str]

_RESULTS = {"completed": "success", "failed": "failure", "canceled": "cancellation"}
_EXIT_CODE = re.compile(r"exit code: (\d{1,3})(?!\d)")
_CANCELED = "context canceled"
_OTHER = "_OTHER"
_NANO = 1_000_000_000
_LATEST = (1 << 64) - 1
"""The protocol's last instant."""
# Source: github.com/opencontainers/distribution-spec, "Pulling manifests".
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


@dataclass(frozen=True)
class Span:
    """One span: `trace` and `number` are its ids, `parent` that of the span around it.

    `began` and `ended` are nanoseconds since 1970, as the protocol has them; `error` tells why it
    failed.
    """

    trace: int
    number: int
    parent: int | None
    name: str
    began: int
    ended: int
    attributes: Mapping[str, Value]
    error: str | None = None


def of_build(build: Row, steps: Sequence[Row], pages: str | None = None) -> list[Span]:
    """The spans of a build, a row of `docker_builds`: itself, then each of its `steps` that ran.

    Their ids follow from the build's ref, so that a build that is sent twice is the same trace.
    `pages` is the address of a publication to link to. Raises BadValueError for a build whose time
    cannot be told.
    """
    began, ended = _began_and_ended(build)
    seed = build["ref"] or "\0".join(
        str(build[name]) for name in ("image_name", "completed_at", "build_duration")
    )
    trace = _number(seed, "trace", 16)
    root = _number(seed, "build", 8)
    page = page_links.of_build(pages, build["ref"], build["id"]) if pages else None
    failed = build["status"] == "failed"
    whole = Span(
        trace,
        root,
        None,
        f"BUILD {build['image_name']}",
        began,
        ended,
        dict(_of_build(build, page)),
        (build["error_message"] or "the build failed") if failed else None,
    )
    parts = [
        _of_step(step, whole, _number(seed, f"step {step['position']}", 8), page or build["ci_url"])
        for step in steps
        if step["started"] is not None or step["cached"]
    ]
    return [whole, *parts]


def _of_build(build: Row, page: str | None) -> Iterator[tuple[str, Value]]:
    yield "cicd.pipeline.action.name", "BUILD"
    yield "cicd.pipeline.result", _RESULTS[build["status"]]
    if build["status"] == "failed":
        yield "error.type", _error_type(build["error_message"])
    if tags := _tags(build["image_tags"]):
        yield "container.image.tags", tags
    if build["git_branch"]:
        yield "vcs.ref.head.type", "branch"
    url = build["ci_url"] or page
    known = {
        "cicd.pipeline.name": build["image_name"],
        "cicd.pipeline.run.id": build["ref"],
        "cicd.pipeline.run.url.full": url,
        "cicd.worker.name": build["builder"],
        "container.image.name": build["image_name"],
        "container.image.id": build["image_digest"],
        "vcs.ref.head.name": build["git_branch"],
        "vcs.ref.head.revision": build["git_commit"],
        "vcs.repository.url.full": build["git_remote"],
        "buildrec.page": page,
        "buildrec.ci.run": build["ci_run"],
        "buildrec.source": build["source"],
        "buildrec.dockerfile": build["dockerfile_path"],
        "buildrec.platform": build["platform"],
        "buildrec.target": build["target"],
        "buildrec.image.size": build["image_size_bytes"],
        "buildrec.image.size_kind": build["size_kind"],
        "buildrec.cache.ratio": build["cache_ratio"],
        "buildrec.cache.class": build["cache_class"],
        "buildrec.cache.saved_seconds": build["saved_seconds"],
        "buildrec.steps.total": build["total_steps"],
        "buildrec.steps.cached": build["cached_steps"],
        "buildrec.critical_path_seconds": build["critical_path_seconds"],
        "buildrec.warnings": build["warnings"],
    }
    yield from ((name, value) for name, value in known.items() if value is not None)


def _tags(written: str | None) -> list[str]:
    """The tags of a build's references, without their names; each once."""
    try:
        found = json.loads(written or "[]")
    except (ValueError, RecursionError):  # another program wrote the row
        found = written
    references = found if isinstance(found, list) else [found]
    labels = (naming.split_reference(item)[1] for item in references if isinstance(item, str))
    return list(dict.fromkeys(label for label in labels if _TAG.fullmatch(label)))


def _of_step(step: Row, whole: Span, number: int, page: str | None) -> Span:
    # What a concurrent build had begun before is told from this build's own beginning on, as no
    # span may begin before the one around it.
    began = whole.began + round(max(step["started"] or 0.0, 0.0) * _NANO)
    was_cut_off = step["duration"] is None and not step["cached"]
    ended = whole.ended if was_cut_off else began + round((step["duration"] or 0.0) * _NANO)
    result = _result(step, was_cut_off=was_cut_off)
    attributes: dict[str, Value] = {
        "cicd.pipeline.task.name": step["name"],
        "cicd.pipeline.task.run.id": f"{whole.trace:032x}/{step['position']}",
        "cicd.pipeline.task.run.result": result,
        "buildrec.step.cached": bool(step["cached"]),
        "buildrec.step.shared": bool(step["shared"]),
        "buildrec.step.critical": bool(step["critical"]),
    }
    known = {
        "cicd.pipeline.task.run.url.full": page,
        "cicd.pipeline.task.type": "build",
        "error.type": _error_type(step["error"]) if result == "failure" else None,
        "buildrec.step.key": step["step_key"],
        "buildrec.step.kind": step["kind"],
        "buildrec.step.stage": step["stage"],
        "buildrec.step.platform": step["platform"],
        "buildrec.step.bytes": step["bytes"],
    }
    attributes |= {name: value for name, value in known.items() if value is not None}
    error = step["error"] if result == "failure" else None
    return Span(
        whole.trace, number, whole.number, step["name"], began, max(began, ended), attributes, error
    )


def _result(step: Row, *, was_cut_off: bool) -> str:
    if was_cut_off or (step["error"] or "").endswith(_CANCELED):
        return "cancellation"
    return "failure" if step["error"] else "success"


def _error_type(message: str | None) -> str:
    """A class of error of which there are few: `exit_code_137`, or the fallback value."""
    code = _EXIT_CODE.search(message or "")
    return f"exit_code_{code[1]}" if code else _OTHER


def _number(seed: str, what: str, size: int) -> int:
    """A number of `size` bytes that is always the same for the seed, and never 0."""
    text = f"buildrec {what} {seed}".encode(errors="replace")
    return int.from_bytes(hashlib.sha256(text).digest()[:size], "big") or 1


def _began_and_ended(build: Row) -> tuple[int, int]:
    """When a build began and ended, in nanoseconds; another program may have written its row."""
    try:
        began = _nanoseconds(times.parse(build["started_at"]))
        ended = began + round(float(build["build_duration"]) * _NANO)
    except (TypeError, ValueError, OverflowError):
        began, ended = 0, -1
    if not 0 <= began <= ended <= _LATEST:
        raise BadValueError("no trace can tell the time of that build", "see docs/schema.md")
    return began, ended


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000) * 1_000_000
