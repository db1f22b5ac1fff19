"""Builds over time: every build a point that links to it, with what is usual behind them."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import quantiles
from typing import Any

from recorder import figures, times
from recorder.errors import BadValueError
from recorder.publish.charts import panels
from recorder.publish.charts.addresses import Addresses
from recorder.publish.charts.drawing import (
    Chart,
    element,
    link,
    percent,
    shape,
    stretched,
    text,
    tip,
)
from recorder.publish.charts.scales import Scale, TimeAxis, plain, seconds, short
from recorder.publish.words import counted

Row = Mapping[str, Any]

_TOP, _TALL, _GAP, _LOW = 42, 180, 46, 64
_WINDOW, _FEWEST = 20, 5
_CLASSES = {
    "cold": panels.dot("critical"),
    "partial": panels.dot("ran", 3.5),
    "warm": panels.dot("cached", hollow=True),
    None: panels.dot("ran", 3.5),
}
_CHANGES = {"worse": ("bad", "worse from here"), "better": ("saved", "better from here")}
_WORDS = {"cold": "cold", "partial": "partial", "warm": "warm"}


def chart(
    rows: Sequence[Row],
    addresses: Addresses,
    title: str,
    classes: Mapping[str, str] = _WORDS,
) -> Chart | None:
    """Durations of builds, and of one image's what is usual and the sizes; None of no build.

    `rows` hold `id`, `image_name`, `completed_at`, `build_timestamp`, `timezone`, `status`,
    `build_duration`, `image_size_mb`, `cache_class` and `git_commit`, in any order, and perhaps
    `alert` and `alert_direction`: a change that began with the build. `classes` are the words for
    the values of `cache_class`.
    """
    placed = sorted(_placed(rows), key=lambda found: (found[0], found[1]["id"]))
    if not placed:
        return None
    moments = [moment for moment, _ in placed]
    ordered = [row for _, row in placed]
    several = len({row["image_name"] for row in ordered}) > 1
    axis = TimeAxis(moments, ordered[-1]["timezone"])
    scale = seconds(_ceiling([row["build_duration"] for row in ordered]))
    bottom = _TOP + _TALL
    like, band = (None, "") if several else _band(ordered, moments, axis, scale)
    content = band + "".join(
        _change(row, axis.share(moment))
        + _point(row, axis.share(moment), scale, addresses, classes)
        for row, moment in zip(ordered, moments, strict=True)
    )
    content = panels.panel(content, scale, short, top=_TOP, height=_TALL)
    content += _key(ordered, classes, like if band else None)
    sizes, height = ("", 0.0) if several else _sizes(ordered, moments, axis, bottom + _GAP)
    content += sizes + panels.time_axis(axis, y=bottom + height)
    tall = bottom + height + panels.AXIS
    return Chart(content, tall, title, _about(ordered), gutter=panels.GUTTER)


def _placed(rows: Sequence[Row]) -> Iterator[tuple[datetime, Row]]:
    """The rows with their instants; one that another program gave none is left out."""
    for row in rows:
        with contextlib.suppress(BadValueError, TypeError):
            yield times.parse(row["completed_at"]), row


def _about(rows: Sequence[Row]) -> str:
    good = [row["build_duration"] for row in rows if row["status"] == "completed"]
    failed = sum(row["status"] == "failed" for row in rows)
    first, last = (row["completed_at"][:10] for row in (rows[0], rows[-1]))
    words = f"{counted(len(rows), 'build')} from {first} to {last}"
    if good:
        words += f", taking from {figures.duration(min(good))} to {figures.duration(max(good))}"
    return f"{words}, {failed} failed. The table has the same builds."


def _ceiling(durations: Sequence[float]) -> float:
    """The top of the axis: the longest, unless a few would press all others to the ground."""
    most = max(durations)
    if len(durations) < 20:
        return most
    nearly = sorted(durations)[int(len(durations) * 0.95)]
    return nearly * 1.3 if most > nearly * 4 else most


def _key(rows: Sequence[Row], classes: Mapping[str, str], like: str | None) -> str:
    present = {row["cache_class"] for row in rows if row["status"] == "completed"}
    entries = [(_CLASSES[name], words) for name, words in classes.items() if name in present]
    statuses = {row["status"] for row in rows}
    if "failed" in statuses:
        entries.append((panels.cross("bad"), "failed"))
    if "canceled" in statuses:
        entries.append((panels.dot("off", 3, hollow=True), "canceled"))
    begun = {_begun(row) for row in rows}
    entries += [
        (panels.stroke(class_), words) for class_, words in _CHANGES.values() if class_ in begun
    ]
    if like:
        entries.append((panels.patch("band"), f"usual for {classes.get(like, like)}"))
    return panels.key_above(entries)


def _begun(row: Row) -> str | None:
    """The class of the change that began with a build; none where none began, or none is told."""
    if "alert" not in row.keys() or not row["alert"]:  # noqa: SIM118 - a row holds values
        return None
    return _CHANGES.get(row["alert_direction"], ("off", ""))[0]


def _change(row: Row, x: float) -> str:
    """A line where a change began, from top to bottom."""
    class_ = _begun(row)
    if class_ is None:
        return ""
    line = element("line", class_=f"change line-{class_}", x1=percent(x), x2=percent(x),
                   y1=_TOP, y2=_TOP + _TALL)  # fmt: skip
    return element("g", tip(row["alert"]) + line)


def _point(
    row: Row, x: float, scale: Scale, addresses: Addresses, classes: Mapping[str, str]
) -> str:
    beyond = row["build_duration"] > scale.most
    y = _TOP + _TALL * (1 - scale.share(row["build_duration"]))
    if beyond:
        mark = panels.arrow("bad" if row["status"] == "failed" else "ran")
    elif row["status"] == "failed":
        mark = panels.cross("bad")
    elif row["status"] == "canceled":
        mark = panels.dot("off", 3, hollow=True)
    else:
        mark = _CLASSES.get(row["cache_class"], _CLASSES[None])
    words = [
        f"{row['image_name']} {row['id']}",
        figures.duration(row["build_duration"]),
        row["status"],
    ]
    if row["cache_class"]:
        words.append(classes.get(row["cache_class"], row["cache_class"]))
    if row["image_size_mb"]:
        words.append(figures.megabytes(row["image_size_mb"]))
    if row["git_commit"]:
        words.append(f"commit {row['git_commit'][:10]}")
    words.append(row["build_timestamp"][:16].replace("T", " "))
    return link(addresses.build(row["id"]), panels.at(x, y, tip(", ".join(words)) + mark))


def _band(
    rows: Sequence[Row], moments: Sequence[datetime], axis: TimeAxis, scale: Scale
) -> tuple[str | None, str]:
    """The commonest class of cache, and the band of its builds.

    It lies between the tenth and the ninetieth percentile of the twenty such builds before each.
    """
    good = [i for i, row in enumerate(rows) if row["status"] == "completed"]
    if not good:
        return None, ""
    like, _ = Counter(rows[i]["cache_class"] for i in good).most_common(1)[0]
    upper, lower, middle = [], [], []
    seen: list[float] = []
    for i in good:
        if rows[i]["cache_class"] != like:
            continue
        if len(seen) >= _FEWEST:
            cuts = quantiles(seen[-_WINDOW:], n=10, method="inclusive")
            x = axis.share(moments[i])
            upper.append((x, 1 - scale.share(cuts[8])))
            middle.append((x, 1 - scale.share(cuts[4])))
            lower.append((x, 1 - scale.share(cuts[0])))
        seen.append(rows[i]["build_duration"])
    if len(upper) < 2:
        return like, ""
    shapes = shape([*upper, *reversed(lower)], "band", closed=True) + shape(middle, "usual")
    return like, stretched(shapes, top=_TOP, height=_TALL)


def _sizes(
    rows: Sequence[Row], moments: Sequence[datetime], axis: TimeAxis, top: float
) -> tuple[str, float]:
    """The panel of sizes and the pixels that it takes, nothing where no build has a size."""
    sized = [
        (axis.share(moment), row)
        for row, moment in zip(rows, moments, strict=True)
        if row["image_size_mb"]
    ]
    if not sized:
        return "", 0
    scale = plain(max(row["image_size_mb"] for _, row in sized), 2)
    line = [(x, 1 - scale.share(row["image_size_mb"])) for x, row in sized]
    stairs = [line[0]]
    for (_, before), (x, y) in pairwise(line):
        stairs += [(x, before), (x, y)]
    if len(line) > 1:
        content = stretched(shape(stairs, "size"), top=top, height=_LOW)
    else:
        content = panels.at(line[0][0], top + line[0][1] * _LOW, panels.dot("saved"))
    content = panels.panel(content, scale, figures.megabytes, top=top, height=_LOW)
    return text("image size", x=0, y=top - 22, class_="ink") + content, _GAP + _LOW
