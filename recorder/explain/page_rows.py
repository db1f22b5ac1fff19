"""The explanations as rows with the same columns, for the pages and their JSON and CSV."""

from collections.abc import Iterable
from typing import Any

from recorder.explain import rows, sentences
from recorder.explain.compared import Part
from recorder.explain.difference import Difference
from recorder.explain.explanation import Why
from recorder.explain.facts import Change
from recorder.explain.rows import Row
from recorder.explain.savings import Savings
from recorder.explain.sizes import SizeComparison

COLUMNS = ("what", "part", "name", "before", "now", "difference", "unit", "words",
           "step_key", "build", "reference")  # fmt: skip
"""The columns of a row on a page: `what` it is about, of which `part`, and its figures."""


def of_why(why: Why) -> list[Row]:
    """The rows of the page of `why`: the answer first, then what it is made of."""
    usual = why.usual.duration if why.usual else None
    found = _PageRows(why.build["id"], why.reference["id"] if why.reference else None)
    found.add(
        "answer",
        why.verdict,
        before=usual,
        now=why.build["build_duration"],
        difference=rows.seconds(why.comparison.difference) if why.comparison else None,
        unit="seconds",
        words=why.sentence,
    )
    if why.cause:
        found.add(
            "cause",
            why.cause.kind,
            sentences.label(why.cause.step),
            why.cause.before,
            why.cause.after,
            words=why.cause.words,
            step_key=why.cause.step.step_key,
        )
    found.add_parts(why.parts)
    found.add_size(why.size, why.size_sentence)
    found.add_changes(why.changes)
    return found.rows


def of_difference(found: Difference) -> list[Row]:
    """The rows of the page of `diff`: every step of both, what each adds, then the rest."""
    page = _PageRows(found.row_b["id"], found.row_a["id"])
    page.add(
        "answer",
        None,
        before=found.row_a["build_duration"],
        now=found.row_b["build_duration"],
        difference=rows.seconds(found.comparison.difference),
        unit="seconds",
        words=found.sentence,
    )
    page.add_parts(found.comparison.parts)
    for pair in found.comparison.pairs:
        step = pair.now or pair.before
        if step:
            page.add(
                "step",
                step.kind,
                step.name,
                rows.took(pair.before),
                rows.took(pair.now),
                unit="seconds",
                words=rows.said(pair.before, pair.now),
                step_key=step.step_key,
            )
    page.add_size(found.size, "")
    page.add_changes(found.changes)
    return page.rows


def of_savings(found: Savings) -> list[Row]:
    """The rows of the page of `what-if`."""
    about = {
        "image_name": found.image_name,
        "builds": found.builds,
        "builds_a_week": found.builds_a_week,
        "weeks": found.weeks,
    }
    return [{**saving, **about} for saving in rows.of_savings(found)["savings"]]


class _PageRows:
    """Collects rows that all have the same columns."""

    def __init__(self, build: int, reference: int | None) -> None:
        self._ids = {"build": build, "reference": reference}
        self.rows: list[Row] = []

    def add(
        self,
        what: str,
        kind: str | None,
        name: str | None = None,
        before: Any = None,
        now: Any = None,
        **more: Any,
    ) -> None:
        values = {"what": what, "part": kind, "name": name, "before": before, "now": now}
        row = {**values, **more, **self._ids}
        self.rows.append({column: row.get(column) for column in COLUMNS})

    def add_parts(self, found: Iterable[Part]) -> None:
        for part in found:
            row = rows.of_part(part, {})
            self.add(
                "time",
                part.kind,
                row["name"],
                row["before"],
                row["now"],
                difference=row["difference"],
                unit="seconds",
                words=row["words"],
                step_key=row["step_key"],
            )

    def add_size(self, found: SizeComparison | None, words: str) -> None:
        if found is None:
            return
        self.add(
            "size",
            None,
            None,
            found.before,
            found.now,
            difference=found.difference,
            unit="bytes",
            words=words or None,
        )
        for part in found.parts:
            self.add(
                "layer",
                part.kind,
                None if part.instruction is None else sentences.layer(part),
                part.before,
                part.now,
                difference=part.difference,
                unit="bytes",
                words=sentences.size_clause(part),
            )

    def add_changes(self, found: Iterable[Change]) -> None:
        for change in found:
            self.add(change.what, None, change.name, change.before, change.now)
