"""The explanations as Markdown, for comments and summaries of CI."""

from collections.abc import Iterable, Sequence

from recorder import figures
from recorder.explain import facts, reference_words, safe_markdown, sentences
from recorder.explain.compared import Part
from recorder.explain.difference import Difference
from recorder.explain.explanation import Why, cause_sentence
from recorder.explain.facts import Change
from recorder.explain.safe_markdown import code, prose
from recorder.explain.savings import Imagined, Savings
from recorder.explain.sizes import SizeComparison

_VALUE = 200  # letters


def of_why(why: Why) -> str:
    """The explanation of a build: the sentence, then what it is made of."""
    blocks = [prose(why.sentence), _said(cause_sentence(why))]
    if why.failure and why.build["error_excerpt"]:
        blocks.append(safe_markdown.fenced(why.build["error_excerpt"]))
    if why.comparison and why.reference:
        was, now = why.reference["build_duration"], why.build["build_duration"]
        blocks.append(_parts(why.parts, why.comparison.difference, was, now))
    blocks += [_said(why.size_sentence), _size(why.size) if why.size_sentence else ""]
    if why.reference:
        blocks.append(_changes(f"Since build {why.reference['id']}", why.changes))
    about = (f"{line[0].upper()}{line[1:]}." for line in reference_words.lines(why))
    return _joined([*blocks, *map(prose, about)])


def of_difference(found: Difference) -> str:
    """The difference of two builds."""
    blocks = [
        prose(found.sentence),
        _parts(found.comparison.parts, found.comparison.difference,
               found.row_a["build_duration"], found.row_b["build_duration"]),
        _said(found.size_sentence),
        _size(found.size),
        _changes("Also changed", found.changes),
    ]  # fmt: skip
    return _joined(blocks)


def of_savings(found: Savings) -> str:
    """What would help an image most."""
    rows = [
        [
            code(sentences.label(saving.step)),
            f"beside {code(sentences.label(saving.beside))}" if saving.beside else saving.how,
            f"{saving.ran} of {found.builds}",
            figures.duration(saving.took),
            figures.duration(saving.saves),
            figures.duration(saving.minutes_a_week * 60),
        ]
        for saving in found.savings[: sentences.MOST_LINES]
    ]
    titles = ["Step", "If", "Ran", "Took", "Saves a build", "Saves a week"]
    return _joined([prose(found.sentence), _table(titles, rows)])


def of_imagined(found: Imagined) -> str:
    """What one build would have taken."""
    return _joined([prose(found.sentence)])


def _parts(parts: Sequence[Part], difference: int, before: float, now: float) -> str:
    shown, rest = sentences.worth_a_line(parts)
    rows = [
        [
            code(sentences.named(part)) if part.step else sentences.named(part),
            sentences.became(part) if part.step else "",
            sentences.took(part, before=True),
            sentences.took(part, before=False),
            sentences.signed(part.difference),
        ]
        for part in shown
    ]
    if rest:
        total = sentences.signed(sum(part.difference for part in rest))
        rows.append([sentences.smaller(rest), "", "", "", total])
    if rows:
        rows.append(["**in all**", "", figures.duration(before), figures.duration(now),
                     f"**{sentences.signed(difference)}**"])  # fmt: skip
    return _table(["Step", "What", "Before", "Now", "Adds"], rows)


def _size(size: SizeComparison | None) -> str:
    if size is None or not size.parts:
        return ""
    shown, rest = sentences.worth_a_line(size.parts)
    rows = [
        [
            code(sentences.layer(part)) if part.instruction else prose(sentences.layer(part)),
            "" if part.kind == "unaccounted" else part.kind,
            sentences.signed_bytes(part.difference),
        ]
        for part in shown
    ]
    if rest:
        total = sentences.signed_bytes(sum(part.difference for part in rest))
        rows.append([sentences.smaller(rest), "", total])
    rows.append(["**in all**", "", f"**{sentences.signed_bytes(size.difference)}**"])
    return _table(["Layer", "What", "Adds"], rows)


def _changes(title: str, found: Iterable[Change]) -> str:
    lines = []
    for change in found:
        before, now = sentences.apart(*facts.shown(change), _VALUE)
        sides = " → ".join(code(side) if side else "none" for side in (before, now))
        lines.append(f"- {facts.title(change, code)}: {sides}")
    return "\n".join([f"**{title}**", "", *lines]) if lines else ""


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return safe_markdown.table(titles, rows, texts=2) if rows else ""


def _said(sentence: str) -> str:
    return prose(sentence) if sentence else ""


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"
