"""The pages that explain: why a build took what it took, two builds side by side, what would help.

What they show is worked out as for the rows of their canned queries, which are their JSON.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from recorder import figures
from recorder.explain import aligned, difference, explanation, facts, savings, sentences
from recorder.explain.aligned import Pair
from recorder.explain.compared import KINDS, Part
from recorder.explain.facts import Change
from recorder.explain.sizes import SizeComparison
from recorder.model import Step
from recorder.publish.asking import Row

_OF_BEST = (
    *("image_name", "name", "beside", "ran", "builds"),
    *("saves", "minutes_a_week", "builds_a_week"),
)
_TEXT = 400  # letters
_CLASSES = {True: "critical", False: "saved"}


def why(connection: sqlite3.Connection, rows: Sequence[Row]) -> dict[str, Any]:
    """What the page of one build's explanation shows."""
    if not rows:
        return {"why": None}
    found = explanation.why(connection, rows[0]["build"])
    return {
        "why": found,
        "build": found.build,
        "reference": found.reference,
        "usual": found.usual,
        "cause": explanation.cause_sentence(found),
        "parts": parts(found.parts),
        "total": sentences.signed(found.comparison.difference) if found.comparison else "",
        "layers": layers(found.size),
        **_size(found.size),
        "changes": changes(found.changes),
    }


def diff(connection: sqlite3.Connection, rows: Sequence[Row]) -> dict[str, Any]:
    """What the page of two builds shows: every step of both, then layers and the rest."""
    if not rows:
        return {"diff": None}
    a, b = str(rows[0]["reference"]), str(rows[0]["build"])
    found = difference.difference(connection, a, b)
    by_pair = {id(part.pair): part for part in found.comparison.parts if part.pair}
    most = max((abs(part.difference) for part in found.comparison.parts), default=0) or 1
    waiting = [part for part in found.comparison.parts if part.pair is None]
    return {
        "diff": found,
        "a": found.row_a,
        "b": found.row_b,
        "steps": [
            _line(part, most) if (part := by_pair.get(id(pair))) else _step(pair)
            for pair in found.comparison.pairs
        ],
        "waiting": [_line(part, most) for part in waiting],
        "total": sentences.signed(found.comparison.difference),
        "layers": layers(found.size),
        **_size(found.size),
        "changes": changes(found.changes),
    }


def what_if(rows: Sequence[Row]) -> dict[str, Any]:
    """What the page of an image's savings shows beside its rows, those of `what_if`."""
    if not rows:
        return {"image_name": None}
    best = rows[0]
    return {
        "image_name": best["image_name"],
        "builds": best["builds"],
        "sentence": savings.sentence(**{name: best[name] for name in _OF_BEST}),
        "span": savings.span(best["weeks"]),
        "most": max(row["minutes_a_week"] for row in rows) or 1.0,
    }


def parts(found: Sequence[Part]) -> list[dict[str, Any]]:
    """The lines of a table of parts; what is too small for one is a line together."""
    most = max((abs(part.difference) for part in found), default=0) or 1
    shown, rest = sentences.worth_a_line(found)
    lines = [_line(part, most) for part in shown]
    if rest:
        total = sum(part.difference for part in rest)
        blank = {"share": 0, "kind": "", "before": "", "now": "", "step": None}
        adds = sentences.signed(total)
        lines.append({"name": sentences.smaller(rest), "adds": adds, **blank})
    return lines


def layers(size: SizeComparison | None) -> list[dict[str, Any]]:
    """The lines of a table of layers that differ."""
    if size is None:
        return []
    most = max((abs(part.difference) for part in size.parts), default=1)
    return [
        {
            "name": sentences.layer(part, _TEXT),
            "kind": "" if part.kind == "unaccounted" else part.kind,
            "before": figures.megabytes((part.before or 0) / 1e6),
            "now": figures.megabytes((part.now or 0) / 1e6),
            "adds": sentences.signed_bytes(part.difference),
            "share": abs(part.difference) / most,
            "class": _CLASSES[part.difference > 0],
        }
        for part in size.parts
    ]  # fmt: skip


def _size(size: SizeComparison | None) -> dict[str, str]:
    if size is None:
        return {}
    return {
        "size_before": figures.megabytes(size.before / 1e6),
        "size_now": figures.megabytes(size.now / 1e6),
        "size_total": sentences.signed_bytes(size.difference),
    }


def changes(found: Sequence[Change]) -> list[dict[str, str]]:
    """What else differs: a name, and the values before and now."""
    lines = []
    for change in found:
        before, now = sentences.apart(*facts.shown(change), _TEXT)
        name = facts.title(change)
        told = {"before": before or "none", "now": now or "none"}
        lines.append({"name": f"{name[0].upper()}{name[1:]}", **told})
    return lines


def with_code(sentence: str) -> Markup:
    """A sentence whose code, in backticks, is code of the page."""
    pieces = sentence.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece)
        for place, piece in enumerate(pieces)
    )


def _line(part: Part, most: int) -> dict[str, Any]:
    return {
        "name": part.step.name if part.step else sentences.title(part.kind),
        "step": part.step,
        "kind": sentences.kind_of(part) if part.step else "",
        "meaning": KINDS[part.kind],
        "before": sentences.took(part, before=True),
        "now": sentences.took(part, before=False),
        "adds": sentences.signed(part.difference),
        "share": abs(part.difference) / most,
        "class": _CLASSES[part.difference > 0],
        "hidden": sentences.beside(part),
    }


def _step(pair: Pair[Step]) -> dict[str, Any]:
    """The line of a step that adds nothing."""
    step = pair.now or pair.before
    return {
        "name": step.name if step else "",
        "step": step,
        "kind": _kind(pair),
        "before": _said(pair.before),
        "now": _said(pair.now),
        "adds": "",
        "share": 0,
    }  # fmt: skip


def _kind(pair: Pair[Step]) -> str:
    """What became of such a step."""
    if not pair.before or not pair.now:
        return ""
    told = [] if aligned.is_same_text(pair.before, pair.now) else ["changed"]
    told += ["cached in both"] if pair.before.cached and pair.now.cached else []
    return ", ".join(told)


def _said(step: Step | None) -> str:
    if step is None:
        return "—"
    if step.cached:
        return "cached"
    return "not run" if step.started is None else figures.duration(step.duration)
