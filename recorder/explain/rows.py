"""The explanations as plain values: the stable JSON of the commands."""

from collections.abc import Iterable, Mapping
from typing import Any

from recorder.explain import sentences
from recorder.explain.causes import Cause
from recorder.explain.compared import Comparison, Part
from recorder.explain.difference import Difference
from recorder.explain.explanation import Why
from recorder.explain.facts import Change
from recorder.explain.failures import Failure
from recorder.explain.savings import Imagined, Savings
from recorder.explain.sizes import SizeComparison
from recorder.model import MICRO, Step

Row = dict[str, Any]


def of_why(why: Why) -> Row:
    """The explanation of one build."""
    usual = why.usual
    return {
        "sentence": why.sentence,
        "verdict": why.verdict,
        "build": why.build["id"],
        "image_name": why.build["image_name"],
        "build_duration": why.build["build_duration"],
        "reference": why.reference["id"] if why.reference else None,
        "usual_duration": usual.duration if usual else None,
        "usual_of_builds": usual.builds if usual else None,
        "usual_alike": usual.alike if usual else None,
        "usual_duration_of_cache_class": why.usual_alike,
        "difference": seconds(why.comparison.difference) if why.comparison else None,
        "parts": parts(why.comparison, why.last_runs),
        "size": size(why.size),
        "cause": cause(why.cause),
        "changes": changes(why.changes),
        "failure": _failure(why.failure),
    }


def of_difference(found: Difference) -> Row:
    """The difference of two builds."""
    return {
        "sentence": found.sentence,
        "a": _build(found.row_a),
        "b": _build(found.row_b),
        "difference": seconds(found.comparison.difference),
        "parts": parts(found.comparison),
        "steps": [_pair(pair.before, pair.now) for pair in found.comparison.pairs],
        "size": size(found.size),
        "changes": changes(found.changes),
    }


def of_savings(found: Savings) -> Row:
    """What would help an image most."""
    return {
        "sentence": found.sentence,
        "image_name": found.image_name,
        "builds": found.builds,
        "weeks": found.weeks,
        "builds_a_week": found.builds_a_week,
        "savings": [
            {
                "name": sentences.label(saving.step),
                "stage": saving.step.stage,
                "step_key": saving.step.step_key,
                "how": saving.how,
                "beside": saving.beside and sentences.label(saving.beside),
                "ran": saving.ran,
                "took": saving.took,
                "saves": saving.saves,
                "minutes_a_week": saving.minutes_a_week,
            }
            for saving in found.savings
        ],
    }


def of_imagined(found: Imagined) -> Row:
    """What one build would have taken."""
    return {
        "sentence": found.sentence,
        "build": found.build,
        "image_name": found.image_name,
        "build_duration": found.was,
        "would_take": found.would_take,
        "saves": round(found.was - found.would_take, 6),
        "graph": found.graph,
    }


def parts(comparison: Comparison | None, last_runs: Mapping[str, float] | None = None) -> list[Row]:
    """The parts of a difference, in seconds."""
    return [of_part(part, last_runs or {}) for part in (comparison.parts if comparison else ())]


def size(found: SizeComparison | None) -> Row | None:
    """The parts of a difference in size, in bytes."""
    if found is None:
        return None
    return {
        "before": found.before,
        "now": found.now,
        "difference": found.difference,
        "parts": [
            {
                "kind": part.kind,
                "instruction": part.instruction,
                "base": part.base,
                "before": part.before,
                "now": part.now,
                "difference": part.difference,
            }
            for part in found.parts
        ],
    }


def cause(found: Cause | None) -> Row | None:
    """Why the first step that missed the cache did."""
    if found is None:
        return None
    return {
        "kind": found.kind,
        "step": sentences.label(found.step),
        "step_key": found.step.step_key,
        "names": list(found.names),
        "before": found.before,
        "after": found.after,
        "certain": found.certain,
        "words": found.words,
        "root": cause(found.root),
    }


def changes(found: Iterable[Change]) -> list[Row]:
    """What else differs."""
    return [
        {"what": change.what, "name": change.name, "before": change.before, "now": change.now}
        for change in found
    ]


def of_part(part: Part, last_runs: Mapping[str, float]) -> Row:
    """One part of a difference, in seconds."""
    step = part.step
    return {
        "kind": part.kind,
        "name": sentences.named(part),
        "stage": step.stage if step else None,
        "step_key": step.step_key if step else None,
        "before": seconds(part.before),
        "now": seconds(part.now),
        "difference": seconds(part.difference),
        "hidden": seconds(part.hidden) if step else None,
        "last_run": last_runs.get(step.step_key) if step else None,
        "words": sentences.clause(part),
    }


def _pair(before: Step | None, now: Step | None) -> Row:
    step = now or before
    return {
        "name": step.name if step else None,
        "step_key": step.step_key if step else None,
        "name_before": before.name if before and now and before.name != now.name else None,
        "before": took(before),
        "now": took(now),
        "words": said(before, now),
    }


def said(before: Step | None, now: Step | None) -> str:
    """What a step was in both builds, in words."""
    first, second = _state(before), _state(now)
    return f"{first} in both" if first == second else f"{first}, then {second}"


def _state(step: Step | None) -> str:
    if step is None:
        return "not there"
    if step.cached:
        return "cached"
    return "not run" if step.started is None else "cut off" if step.duration is None else "ran"


def took(step: Step | None) -> float | None:
    """How long a step ran, in seconds; None where it did not."""
    return None if step is None or step.cached else step.duration


def _build(row: Row) -> Row:
    names = ("id", "image_name", "build_timestamp", "status", "build_duration", "image_size_bytes",
             "cache_ratio", "critical_path_seconds", "git_commit", "ref")  # fmt: skip
    return {name: row[name] for name in names}


def _failure(found: Failure | None) -> Row | None:
    if found is None:
        return None
    return {
        "step": sentences.label(found.step) if found.step else None,
        "step_key": found.step.step_key if found.step else None,
        "error": found.error or None,
        "last_worked": found.worked["id"] if found.worked else None,
        "last_worked_at": found.worked["build_timestamp"] if found.worked else None,
        "last_worked_commit": found.worked["git_commit"] if found.worked else None,
        "failed_since": found.failed,
        "first_failed": found.first_failed,
        "first_failed_commit": found.first_commit,
    }


def seconds(microseconds: int | None) -> float | None:
    """Seconds of whole microseconds."""
    return None if microseconds is None else microseconds / MICRO
