"""Two builds side by side, of one image or of two, in one history or in two."""

import sqlite3
from dataclasses import dataclass

from recorder import figures, queries
from recorder.errors import BuildNotFoundError
from recorder.explain import compared, explanation, facts, reference, sentences, sizes
from recorder.explain.compared import Comparison
from recorder.explain.facts import Change
from recorder.explain.reference import Row
from recorder.explain.sizes import SizeComparison

_BEFORE = """
SELECT id FROM docker_builds
WHERE image_name = ? AND (completed_at, id) < (?, ?) AND success = ?
ORDER BY completed_at DESC, id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """Two builds, rows of `docker_builds`, and all that makes B another than A."""

    row_a: Row
    row_b: Row
    sentence: str
    comparison: Comparison
    size: SizeComparison | None
    size_sentence: str
    changes: tuple[Change, ...]


def difference(
    connection: sqlite3.Connection,
    a: str | None,
    b: str | None,
    other: sqlite3.Connection | None = None,
) -> Difference:
    """What makes build `b` another than `a`; each as `queries.find_build` takes it.

    `b` is of the history `other` if that is given; without `b` it is the latest of all, without
    `a` the latest build before `b` of the same image that completed, or that did not where none
    did. Raises BuildNotFoundError.
    """
    row_b = _of_other(other, b) if other else queries.find_build(connection, b)
    row_a = queries.find_build(connection, a) if a else _before(connection, row_b)
    if row_a is None and other:
        raise BuildNotFoundError(
            f"there is no build of {row_b['image_name']!r} here from before that",
            "name a build of this history, too",
        )
    row_a = row_a or row_b
    build_a = reference.of_row(connection, row_a)
    build_b = reference.of_row(other or connection, row_b)
    comparison = compared.compare(explanation.side(build_a), explanation.side(build_b))
    size = sizes.compare(build_a, build_b)
    return Difference(
        row_a,
        row_b,
        _sentence(row_a, row_b, comparison, elsewhere=other is not None),
        comparison,
        size,
        explanation.size_sentence(size) or _apart(row_a, row_b),
        facts.changes(build_a, build_b),
    )


def _of_other(other: sqlite3.Connection, wanted: str | None) -> Row:
    try:
        return queries.find_build(other, wanted)
    except BuildNotFoundError as error:
        raise BuildNotFoundError(
            f"{error.problem} in the other history", "see `buildrec history` with its file as --db"
        ) from None


def _before(connection: sqlite3.Connection, row: Row) -> Row | None:
    for success in (True, False):
        values = (row["image_name"], row["completed_at"], row["id"], success)
        found = connection.execute(_BEFORE, values).fetchone()
        if found:
            return queries.find_build(connection, str(found[0]))
    return None


def _apart(row_a: Row, row_b: Row) -> str:
    """That the sizes of both count something else, where they do."""
    kinds = [row["size_kind"] or "unknown" for row in (row_a, row_b)]
    if not (row_a["image_size_mb"] and row_b["image_size_mb"]) or kinds[0] == kinds[1]:
        return ""
    sizes = [figures.megabytes(row["image_size_mb"]) for row in (row_a, row_b)]
    return (
        f"Their sizes do not compare: {sizes[0]} ({kinds[0]}) and {sizes[1]} ({kinds[1]}) "
        "count something else."
    )


def _sentence(row_a: Row, row_b: Row, comparison: Comparison, *, elsewhere: bool) -> str:
    first, second = _named(row_a, row_b), _named(row_b, row_a)
    if elsewhere:
        second += " of the other history"
    subject = f"B{second[1:]}" if row_a["image_name"] == row_b["image_name"] else second
    took = f"{subject} took {figures.duration(row_b['build_duration'])}"
    was = figures.duration(row_a["build_duration"])
    if row_a is row_b:
        return f"{took}; there is no build before it to compare with."
    if row_a["id"] == row_b["id"] and not elsewhere:
        return f"{took}; it is compared with itself."
    if not (row_a["success"] and row_b["success"]):
        return _of_unfinished(row_a, row_b, (first, subject))
    if not comparison.parts:
        return f"{took}, as {first} did."
    if not comparison.difference:
        return f"{took}, as long as {first}."
    off = figures.duration(abs(comparison.difference) / 1e6)
    way = "longer" if comparison.difference > 0 else "less"
    parts = sentences.main_parts(comparison.parts, comparison.difference)
    said = sentences.listed(sentences.clause(part) for part in parts)
    if counter := sentences.against(comparison.parts, comparison.difference):
        said += f", but {sentences.clause(counter)}"
    return f"{took}, {off} {way} than {first} ({was}): {said}."


def _of_unfinished(row_a: Row, row_b: Row, names: tuple[str, str]) -> str:
    """What became of both, as the steps that one did not reach make no difference in time."""
    said = [
        f"{name} {'was canceled' if row['status'] == 'canceled' else row['status']} "
        f"after {figures.duration(row['build_duration'])}"
        for name, row in zip(names, (row_a, row_b), strict=True)
    ]
    counts = [what for what, row in (("gone", row_b), ("new", row_a)) if not row["success"]]
    return f"{said[1]}, {said[0]}; what was not reached counts as {' or '.join(counts)}."


def _named(row: Row, other: Row) -> str:
    if row["image_name"] == other["image_name"]:
        return f"build {row['id']}"
    return f"{sentences.image(row['image_name'])} (build {row['id']})"
