"""A line for each image over the days."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from recorder import figures
from recorder.publish.charts import panels
from recorder.publish.charts.drawing import Chart, shape, stretched, tip
from recorder.publish.charts.scales import Scale, TimeAxis, plain, seconds, short
from recorder.publish.words import counted

_TOP, _TALL = 18, 220


def durations(rows: Sequence[Mapping[str, Any]], title: str) -> Chart | None:
    """The rows of `build_trend`."""
    return _chart(rows, "avg_duration", figures.duration, seconds, short, title)


def sizes(rows: Sequence[Mapping[str, Any]], title: str) -> Chart | None:
    """The rows of `size_trend`."""
    return _chart(rows, "image_size_mb", figures.megabytes, plain, figures.megabytes, title)


def _chart(
    rows: Sequence[Mapping[str, Any]],
    column: str,
    words: Callable[[float], str],
    scale_of: Callable[[float], Scale],
    marks: Callable[[float], str],
    title: str,
) -> Chart | None:
    if not rows:
        return None
    series: dict[str, list[tuple[datetime, float]]] = {}
    for row in reversed(rows):
        try:
            day = datetime.fromisoformat(row["day"]).replace(tzinfo=UTC)
        except ValueError:  # another program wrote the row
            continue
        series.setdefault(row["image_name"], []).append((day, row[column]))
    if not series:
        return None
    axis = TimeAxis([day for points in series.values() for day, _ in points], "UTC")
    scale = scale_of(max(value for points in series.values() for _, value in points))
    content = ""
    names = sorted(series)
    for number, name in enumerate(names):
        colour = f"c{number % 10 + 1}"
        places = [(axis.share(day), 1 - scale.share(value)) for day, value in series[name]]
        content += stretched(shape(places, f"trend line-{colour}"), top=_TOP, height=_TALL)
        for (x, y), (day, value) in zip(places, series[name], strict=True):
            said = tip(f"{name}, {day:%Y-%m-%d}: {words(value)}")
            content += panels.at(x, _TOP + y * _TALL, said + panels.dot(colour, 2.5))
    content = panels.panel(content, scale, marks, top=_TOP, height=_TALL)
    content += panels.time_axis(axis, y=_TOP + _TALL)
    below = _TOP + _TALL + panels.AXIS + 4
    entries = [(f"c{number % 10 + 1}", name) for number, name in enumerate(names)]
    key, height = panels.key_below(entries, top=below)
    days = len({row["day"] for row in rows})
    shown = f"{counted(len(names), 'image')} over {counted(days, 'day')} (UTC)"
    about = f"{shown}. The table has the same figures."
    return Chart(content + key, below + height, title, about, gutter=panels.GUTTER)
