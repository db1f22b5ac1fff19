"""Small drawings: a spark line beside a name, a badge for a README."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from recorder import figures
from recorder.publish.charts.drawing import Chart, element, text

_LEAST = 2


def spark(values: Sequence[float], label: str, class_: str = "ran") -> Markup:
    """A line through the values, oldest first, with a dot at the last; nothing of less than two."""
    if len(values) < _LEAST:
        return Markup("")
    most, least = max(values), min(values)
    # Changes of less than a tenth are to look small.
    span = max(most - least, most * 0.1) or 1.0
    least = (most + least - span) / 2
    wide, high = 96.0, 22.0
    points = [
        (2 + (wide - 6) * i / (len(values) - 1), 3 + (high - 6) * (1 - (value - least) / span))
        for i, value in enumerate(values)
    ]
    line = element(
        "polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        class_=f"line-{class_}", fill="none", stroke_width=1.5,
    )  # fmt: skip
    end = element("circle", cx=points[-1][0], cy=points[-1][1], r=2.2, class_=class_)
    drawn = element(
        "svg", line + end, class_="chart spark", width=wide, height=high, role="img",
        viewBox=f"0 0 {wide:g} {high:g}", aria_label=f"{label}, the last {len(values)} builds",
    )  # fmt: skip
    return Markup(drawn)  # noqa: S704 - `element` has escaped every text


def badge(rows: Sequence[Mapping[str, Any]], title: str) -> Chart:
    """The row of `badge`: image, duration and size; grey without a build."""
    name = rows[0]["image_name"] if rows else "docker build"
    words = "no build"
    if rows:
        words = figures.duration(rows[0]["build_duration"])
        if rows[0]["image_size_mb"]:
            words += f" · {figures.megabytes(rows[0]['image_size_mb'])}"
    left, right = _wide(name), _wide(words)
    content = (
        element("rect", x=0, y=0, width=left, height=20, fill="#3b4650")
        + element("rect", x=left, y=0, width=right, height=20,
                  fill="#2f6ea3" if rows else "#6b747c")
        + text(name, x=left / 2, y=14, text_anchor="middle", style="fill:#fff",
               textLength=left - 14)
        + text(words, x=left + right / 2, y=14, text_anchor="middle", style="fill:#fff",
               textLength=right - 14)
    )  # fmt: skip
    return Chart(content, 20, title, f"{name}: {words}", round(left + right))


def _wide(words: str) -> int:
    return round(6.6 * len(words)) + 14
