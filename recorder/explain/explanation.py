"""Why a build took what it took: the answer in one sentence, and the parts behind it."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from recorder import figures, queries
from recorder.explain import (
    aligned,
    attribution,
    causes,
    compared,
    facts,
    failures,
    reference,
    sentences,
    sizes,
)
from recorder.explain.causes import Cause
from recorder.explain.compared import Comparison, Part, Side
from recorder.explain.facts import Change
from recorder.explain.failures import Failure
from recorder.explain.reference import Before, Row, Usual
from recorder.explain.sizes import SizeComparison
from recorder.model import Build, Step

Verdict = Literal["slower", "quicker", "as usual", "first", "failed", "canceled"]

_SIZE_SHARE, _SIZE_LEAST = 0.005, 100_000
_LAST_RUN = """
SELECT s.duration_us / 1e6
FROM (
  SELECT id, completed_at FROM docker_builds
  WHERE image_name = ? AND (completed_at, id) < (?, ?)
  ORDER BY completed_at DESC, id DESC LIMIT 100
) AS b
CROSS JOIN build_steps AS s ON s.build_id = b.id
JOIN step_names AS n ON n.id = s.name_id
WHERE n.step_key = ? AND s.cached = 0 AND s.duration_us IS NOT NULL
ORDER BY b.completed_at DESC, b.id DESC LIMIT 1
"""
_NOT_THERE = "the build before it did not have this instruction"
_SAYS_NOTHING = frozenset({"unknown", "new"})


@dataclass(frozen=True, slots=True)
class Why:
    """Why a build took what it took, against the usual one of its image.

    `build` and `reference` are rows of `docker_builds`; the first build of a platform and target
    has no reference. A build that did not complete is compared with the latest that did, by what
    changed and not by its time: its `comparison` is None. `usual_alike` is the usual duration in
    seconds of builds of its kind with as much of the cache, `last_runs` the seconds that steps
    which missed the cache last took.
    """

    build: Row
    reference: Row | None
    usual: Usual | None
    usual_alike: float | None
    verdict: Verdict
    sentence: str
    comparison: Comparison | None
    size: SizeComparison | None
    size_sentence: str
    cause: Cause | None
    changes: tuple[Change, ...]
    failure: Failure | None
    last_runs: Mapping[str, float]

    @property
    def parts(self) -> tuple[Part, ...]:
        """What makes the difference to the usual build; the parts sum to it."""
        return self.comparison.parts if self.comparison else ()


def why(connection: sqlite3.Connection, build_id: int) -> Why:
    """Why the build of this id took what it took; raises BuildNotFoundError."""
    row = queries.find_build(connection, str(build_id))
    before = reference.before(connection, row)
    build = reference.of_row(connection, row)
    latest = reference.read(connection, before.latest) if before.latest else None
    if not build.success:
        return _failed(connection, row, build, latest, before)
    if before.usual is None:
        sentence = (
            f"{_name(row)} took {figures.duration(build.build_duration)}; "
            f"there is no build {_of_its_kind(row) if latest else ''}to compare with yet."
        )
        cause = causes.first_miss(build, latest)
        return Why(row, None, None, None, "first", sentence, None, None, "", cause, (), None, {})
    usual = latest if before.usual.build == before.latest else None
    usual = usual or reference.read(connection, before.usual.build)
    comparison = compared.compare(side(usual), side(build))
    size = sizes.compare(usual, build)
    verdict = _verdict(build.build_duration, usual.build_duration)
    cause = _cause(build, latest, comparison)
    reason = _edit(build, usual, comparison) or cause
    return Why(
        build=row,
        reference=queries.find_build(connection, str(before.usual.build)),
        usual=before.usual,
        usual_alike=before.as_cached,
        verdict=verdict,
        sentence=_sentence(row, verdict, before.usual, comparison, reason),
        comparison=comparison,
        size=size,
        size_sentence=size_sentence(size),
        cause=cause,
        changes=_changes(usual, build),
        failure=None,
        last_runs=_last_runs(connection, row, comparison.parts),
    )


def side(build: Build) -> Side:
    """The build as it is compared."""
    duration = attribution.microseconds(build.build_duration)
    return Side(duration, build.steps, aligned.stages_of(build))


def size_sentence(size: SizeComparison | None) -> str:
    """What made the image larger or smaller; nothing when it is as large."""
    if size is None or abs(size.difference) < max(_SIZE_LEAST, _SIZE_SHARE * size.before):
        return ""
    way = "larger" if size.difference > 0 else "smaller"
    parts = sentences.main_parts(size.parts, size.difference)
    said = sentences.listed(sentences.size_clause(part) for part in parts)
    if counter := sentences.against(size.parts, size.difference):
        said += f", but {sentences.size_clause(counter)}"
    change = figures.megabytes(abs(size.difference) / 1e6)
    return f"Its image is {change} {way} ({figures.megabytes(size.now / 1e6)}): {said}."


def because(cause: Cause | None) -> str:
    """A cause as the end of a sentence; nothing where it is not known."""
    if cause is None or _root(cause).kind in _SAYS_NOTHING:
        return ""
    words = _words(cause)
    return f", because {words}" if cause.certain else f", probably because {words}"


def cause_sentence(why: Why) -> str:
    """Why the first step that missed the cache did, where the answer does not say it already."""
    if why.cause is None or _words(why.cause) in why.sentence:
        return ""
    root = _root(why.cause)
    if root.kind == "new":
        return ""
    missed = f"The cache was missed first by {sentences.code(sentences.label(root.step))}"
    if causes.is_written_anew(root):
        return f"{missed}, which is new."
    words = sentences.shortened(root.words, 4 * sentences.LABEL)
    if root.kind == "unknown":
        return f"{missed}; {words}."
    return f"{missed}, {'' if root.certain else 'probably '}because {words}."


def _words(cause: Cause) -> str:
    # That a step is new is no reason of its own, though the usual build had it.
    return _NOT_THERE if causes.is_written_anew(cause) else cause.words


def _root(cause: Cause) -> Cause:
    return _root(cause.root) if cause.root else cause


def _cause(build: Build, latest: Build | None, comparison: Comparison) -> Cause | None:
    """Why the step that added the most by missing the cache did, else why any step ran."""
    missed = _dearest(comparison)
    if missed:
        return causes.cause_of(build, latest, missed[1].position)
    return causes.first_miss(build, latest)


def _edit(build: Build, usual: Build, comparison: Comparison) -> Cause | None:
    """What was edited of the step that added the most, where it ran in the usual build, too."""
    missed = _dearest(comparison)
    if missed and missed[0].kind == "changed":
        return causes.of_itself(build, usual, missed[1].position)
    return None


def _dearest(comparison: Comparison) -> tuple[Part, Step] | None:
    """The part that added the most of those that missed the cache or were edited; its step."""
    for part in comparison.parts:
        if part.kind in ("not cached", "changed") and part.difference > 0:
            step = part.pair.now if part.pair else None
            return (part, step) if step and causes.has_missed(step) else None
    return None


def _changes(before: Build, now: Build) -> tuple[Change, ...]:
    return tuple(change for change in facts.changes(before, now) if change.name != "status")


def _verdict(duration: float, usual: float) -> Verdict:
    if figures.is_as_usual(duration, usual):
        return "as usual"
    return "slower" if duration > usual else "quicker"


def _sentence(
    row: Row, verdict: Verdict, usual: Usual, comparison: Comparison, reason: Cause | None
) -> str:
    took = f"{_name(row)} took {figures.duration(row['build_duration'])}"
    before = figures.duration(usual.duration)
    alone = usual.builds == 1  # one build before says nothing of what is usual
    if verdict == "as usual":
        same = f"as the build before ({before})" if alone else f"as usual (usually {before})"
        return f"{took}, {same}."
    off = figures.duration(abs(comparison.difference) / 1e6)
    way = "over" if comparison.difference > 0 else "under"
    parts = sentences.main_parts(comparison.parts, comparison.difference)
    said = sentences.listed(sentences.clause(part) for part in parts)
    is_asked = any(_needs_reason(part, reason) for part in parts) if reason else False
    why = because(reason) if is_asked else ""
    if counter := sentences.against(comparison.parts, comparison.difference):
        why += f", but {sentences.clause(counter)}"
    than = f"the {before} of the build before" if alone else f"its usual {before}"
    return f"{took}, {off} {way} {than}: {said}{why}."


def _failed(
    connection: sqlite3.Connection,
    row: Row,
    build: Build,
    latest: Build | None,
    before: Before,
) -> Why:
    reference_row = queries.find_build(connection, str(before.latest)) if before.latest else None
    if latest and build.platform is None:
        latest = replace(latest, platform=None)  # of most builds the image alone tells it
    # Without a usual one, the latest is of another target or platform, which may work as it likes.
    worked = reference_row if before.usual else None
    failure = failures.of_build(connection, row, build, worked)
    verdict: Verdict = "canceled" if build.status == "canceled" else "failed"
    return Why(
        build=row,
        reference=reference_row,
        usual=None,
        usual_alike=None,
        verdict=verdict,
        sentence=failures.sentence(
            _name(row), row, failure, _of_its_kind(row) if latest else "of it "
        ),
        comparison=None,
        size=None,
        size_sentence="",
        cause=causes.first_miss(build, latest),
        changes=_changes(latest, build) if latest else (),
        failure=failure,
        last_runs={},
    )


def _needs_reason(part: Part, cause: Cause) -> bool:
    """Whether a part is what the cause tells of: not of what ran before, too, nor of what is new.

    A step that is slower than it was missed the cache in both builds.
    """
    if part.step != cause.step:
        return False
    return part.kind in ("not cached", "changed") or (
        part.kind == "new" and not causes.is_written_anew(cause)
    )


def _last_runs(connection: sqlite3.Connection, row: Row, parts: Sequence[Part]) -> dict[str, float]:
    """What the steps that missed the cache took when they last ran, in seconds by their key.

    Looked for in the image's latest 100 builds before.
    """
    missed = {part.step.step_key for part in parts if part.kind == "not cached" and part.step}
    found: dict[str, float] = {}
    for key in missed:
        values = (row["image_name"], row["completed_at"], row["id"], key)
        run = connection.execute(_LAST_RUN, values).fetchone()
        if run:
            found[key] = run[0]
    return found


def _of_its_kind(row: Row) -> str:
    """The target and platform of a build, where there are builds of others alone."""
    target, platform = row["target"], row["platform"]
    words = f"of its target {sentences.code(target)} " if target else "of its default target "
    return words + (f"for {sentences.code(platform)} " if platform else "")


def _name(row: Row) -> str:
    return sentences.image(str(row["image_name"]))
