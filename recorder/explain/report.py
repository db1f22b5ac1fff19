"""What a reviewer wants to know of a build: gathered, and as Markdown for a comment."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recorder import alert_tables, figures, page_links, queries
from recorder.explain import difference as differences
from recorder.explain import explanation, facts, rows, safe_markdown, sentences, spark
from recorder.explain.compared import Part
from recorder.explain.difference import Difference
from recorder.explain.explanation import Why
from recorder.explain.facts import Change
from recorder.explain.safe_markdown import code, prose
from recorder.explain.sizes import SizeComparison
from recorder.judging.limits import LIMITS
from recorder.model import MICRO

Row = dict[str, Any]

LATEST = 20
"""How many builds the spark line shows."""

_PARTS, _CHANGES, _ALERTS = 5, 6, 5
_TELLING = 0.01
"""The share of a build that a part must make to have a row."""
_LETTERS = 100
_MINUS = "\N{MINUS SIGN}"
_LOOKED_AT = 100
_OF_BRANCH = f"""
SELECT id, cache_class FROM docker_builds
WHERE image_name = :image_name AND git_branch = :branch AND success = 1 AND id != :id
  AND completed_at <= :completed_at AND platform IS :platform AND target IS :target
ORDER BY completed_at DESC, id DESC LIMIT {LATEST}
"""
_DURATIONS = f"""
SELECT build_duration FROM (
  SELECT id, build_duration, cache_class, platform, target FROM docker_builds
  WHERE image_name = :image_name AND success = 1
    AND (completed_at, id) <= (:completed_at, :id)
  ORDER BY completed_at DESC, id DESC LIMIT {_LOOKED_AT}
) WHERE cache_class IS :cache_class AND platform IS :platform AND target IS :target LIMIT {LATEST}
"""
_ALERTS_OF = f"""
SELECT * FROM alerts WHERE image_name = ? AND {alert_tables.STANDING}
ORDER BY direction = 'better', state = 'warning', first_at DESC, id DESC LIMIT ?
"""
_VERDICTS = {
    "slower": "slower than usual",
    "quicker": "quicker than usual",
    "as usual": "as quick as usual",
    "first": "the first build to compare",
    "failed": "failed",
    "canceled": "canceled",
}


@dataclass(frozen=True, slots=True)
class Report:
    """One build, against the latest comparable one of a branch where that has one.

    `durations` are seconds of the latest comparable builds, this one the last; `alerts` are the
    rows that stand for the image.
    """

    why: Why
    branch: str | None
    base: Difference | None
    alerts: tuple[Row, ...]
    durations: tuple[float, ...]


def gather(connection: sqlite3.Connection, wanted: str | None, branch: str | None) -> Report:
    """The report of the build that `queries.find_build` finds; raises BuildNotFoundError."""
    build = queries.find_build(connection, wanted)
    number = _base(connection, build, branch) if branch and build["success"] else None
    found = connection.execute(_ALERTS_OF, (build["image_name"], _ALERTS + 1))
    names = [column[0] for column in found.description]
    return Report(
        why=explanation.why(connection, build["id"]),
        branch=branch,
        base=differences.difference(connection, str(number), str(build["id"])) if number else None,
        alerts=tuple(dict(zip(names, row, strict=True)) for row in found),
        durations=tuple(row[0] for row in connection.execute(_DURATIONS, build))[::-1]
        if build["success"]
        else (),
    )


def plain(report: Report) -> Row:
    """The report as plain values, for JSON."""
    return {
        "why": rows.of_why(report.why),
        "branch": report.branch,
        "base": rows.of_difference(report.base) if report.base else None,
        "alerts": list(report.alerts),
        "durations": list(report.durations),
    }


def markdown(report: Report, pages: str | None = None) -> str:
    """The report as Markdown; `pages` is the address of a publication to link to."""
    why = report.why
    build = why.build
    is_usual = why.usual is None or why.usual.builds > 1
    verdict = _VERDICTS[why.verdict]
    verdict = verdict if is_usual else verdict.replace("usual", "the build before")
    verdict += _larger(why.size)
    blocks = [f"### {code(_short(build['image_name']))}: {verdict}", _answer(why)]
    if why.failure and build["error_excerpt"]:
        blocks.append(safe_markdown.fenced(build["error_excerpt"]))
    if report.branch and not report.base and build["success"]:
        blocks.append(_no_base(report.branch, why))
    if report.base:
        branch = code(_short(report.branch or ""))
        blocks += [f"Against the latest comparable build of {branch}:",
                   _figures(build, report.base.row_a, branch),
                   _parts(report.base.comparison.parts, build["build_duration"]),
                   prose(report.base.size_sentence)]  # fmt: skip
    elif why.comparison and why.reference:
        blocks += [_figures(build, why.reference, "usual" if is_usual else "before"),
                   _parts(why.parts, build["build_duration"]),
                   prose(why.size_sentence)]  # fmt: skip
    blocks += [_changes(report), _alerts(report.alerts), _spark(report.durations)]
    blocks.append(_links(build, pages))
    return "\n\n".join(block for block in blocks if block)


def _base(connection: sqlite3.Connection, build: Row, branch: str | None) -> int | None:
    """The id of the branch's latest comparable build: one with as much of the cache, or any."""
    found = connection.execute(_OF_BRANCH, {**build, "branch": branch}).fetchall()
    alike = [row for row in found if row[1] == build["cache_class"]]
    return int((alike or found)[0][0]) if found else None


def _larger(size: SizeComparison | None) -> str:
    """By how much the image is larger or smaller than usual, where that matters."""
    if size is None or abs(size.difference) < LIMITS["size"].matters(size.before):
        return ""
    way = "larger" if size.difference > 0 else "smaller"
    return f", {figures.megabytes(abs(size.difference) / MICRO)} {way}"


def _no_base(branch: str, why: Why) -> str:
    said = f"There is no comparable build of {code(_short(branch))} yet"
    return f"{said}, so that this is against the usual one." if why.comparison else f"{said}."


def _answer(why: Why) -> str:
    """The sentence, with the image's name as code, as its letters may be any."""
    name = sentences.image(str(why.build["image_name"]))
    if why.sentence.startswith(name):
        return f"{code(name)}{prose(why.sentence[len(name) :])}"
    return prose(why.sentence)


def _figures(build: Row, base: Row, title: str) -> str:
    found = []
    for name, column, say in (
        ("Duration", "build_duration", figures.duration),
        ("Image size", "image_size_mb", figures.megabytes),
        ("Instructions cached", "cache_ratio", figures.percent),
        ("Warnings", "warnings", lambda count: "—" if count is None else str(count)),
    ):
        now, before = build[column], base[column]
        if column == "image_size_mb":
            now, before = now or None, before or None
            if build["size_kind"] != base["size_kind"]:
                before = None
        if (now is None and before is None) or (column == "warnings" and not (now or before)):
            continue
        found.append([name, say(now), say(before), _change(column, now, before)])
    when = _when(base)
    return safe_markdown.table(["", "this build", f"{title}{when}", "change"], found)


def _when(base: Row) -> str:
    commit = f", {code(base['git_commit'][:10])}" if base["git_commit"] else ""
    return f" ({datetime.fromisoformat(base['build_timestamp']):%Y-%m-%d}{commit})"


def _change(column: str, now: float | None, before: float | None) -> str:
    if now is None or before is None:
        return "—"
    off = now - before
    if column == "build_duration":
        words = sentences.signed(round(off * 1e6))
    elif column == "image_size_mb":
        words = sentences.signed_bytes(round(off * 1e6))
    elif column == "cache_ratio":
        return f"{_signed(off * 100)} points"
    else:
        return _signed(off)
    if not before or not 0.005 <= abs(off / before) < 10:  # less shows as 0 %
        return words
    return f"{words} ({off / before:+.0%})".replace("-", _MINUS)


def _signed(value: float) -> str:
    return f"{value:+.0f}".replace("-", _MINUS) if round(value) else "±0"


def _parts(parts: tuple[Part, ...], duration: float) -> str:
    """The parts that matter to a build of this duration, in seconds; the others in one row."""
    telling = [part for part in parts if abs(part.seconds) >= _TELLING * duration][:_PARTS]
    if not telling:
        return ""
    shown = [
        [code(sentences.named(part)) if part.step else sentences.named(part),
         sentences.became(part) if part.step else "", _took(part.before), _took(part.now),
         sentences.signed(part.difference)]
        for part in telling
    ]  # fmt: skip
    rest = [part for part in parts if part not in telling]
    if rest:
        total = sentences.signed(sum(part.difference for part in rest))
        shown.append([f"{len(rest)} smaller ones", "", "", "", total])
    return safe_markdown.table(["step", "what", "before", "now", "adds"], shown, texts=2)


def _took(microseconds: int | None) -> str:
    return "—" if microseconds is None else figures.duration(microseconds / 1e6)


def _changes(report: Report) -> str:
    """The arguments, instructions, base images and warnings that are other ones."""
    changes = report.base.changes if report.base else report.why.changes
    told = [change for change in changes if change.what != "fact"]
    lines = [
        f"- {facts.title(change, _code)}: {_sides(change)}"
        for change in told[:_CHANGES]
        if change.what != "warning"
    ]
    lines += [
        f"- warning {'gone' if change.now is None else 'new'}: "
        f"{code(_short(change.now or change.before or ''))}"
        for change in told[:_CHANGES]
        if change.what == "warning"
    ]
    if len(told) > _CHANGES:
        lines.append(f"- and {len(told) - _CHANGES} more")
    return "\n".join(lines)


def _sides(change: Change) -> str:
    sides = sentences.apart(*facts.shown(change), _LETTERS)
    return " → ".join(code(side) if side else "none" for side in sides)


def _alerts(alerts: tuple[Row, ...]) -> str:
    if not alerts:
        return ""
    lines = [f"- {_state(alert)}: {prose(alert['sentence'])}" for alert in alerts[:_ALERTS]]
    if len(alerts) > _ALERTS:
        lines.append("- and more, see `buildrec alerts`")
    return "\n".join(["**What stands for this image**", "", *lines])


def _state(alert: Row) -> str:
    return "improvement" if alert["direction"] == "better" else str(alert["state"])


def _spark(durations: tuple[float, ...]) -> str:
    if len(durations) < 3:
        return ""
    least, most = figures.duration(min(durations)), figures.duration(max(durations))
    line = spark.line(durations)
    return f"`{line}` the latest {len(durations)} comparable builds: {least} to {most}"


def _links(build: Mapping[str, Any], pages: str | None) -> str:
    links = [safe_markdown.link("CI run", build["ci_url"])]
    if pages:
        page = page_links.of_build(pages, build["ref"], build["id"])
        image = page_links.of_image(pages, build["image_name"])
        links = [safe_markdown.link("this build, step by step", page),
                 safe_markdown.link("all builds of the image", image), *links]  # fmt: skip
    return " · ".join(link for link in links if link)


def _code(text: str) -> str:
    return code(_short(text))


def _short(text: str) -> str:
    return sentences.shortened(text, _LETTERS)
