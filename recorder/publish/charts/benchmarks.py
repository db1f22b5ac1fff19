"""A line for each benchmark, run by run: in its unit when there is one, else against its first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from recorder import figures
from recorder.publish.charts import panels
from recorder.publish.charts.drawing import Chart, shape, stretched, tip
from recorder.publish.charts.scales import TimeAxis, plain
from recorder.publish.words import counted

_TOP, _TALL = 18, 220
_MOST = 10  # colours, and lines that can be told apart

Point = tuple[datetime, float, int]


def trend(rows: Sequence[Mapping[str, Any]], title: str) -> Chart | None:
    """The rows of `benchmark_trend`; of many benchmarks those that changed most."""
    series: dict[str, list[Point]] = {}
    for row in reversed(rows):
        try:
            moment = datetime.fromisoformat(row["started_at"])
        except ValueError:  # another program wrote the row
            continue
        if row["median"]:
            series.setdefault(row["benchmark"], []).append((moment, row["median"], row["run"]))
    if not series:
        return None
    # A line takes two points; where no benchmark has them, there is nothing but dots.
    series = {name: points for name, points in series.items() if len(points) > 1} or series
    single = len(series) == 1
    chosen = sorted(sorted(series, key=lambda name: -_change(series[name]))[:_MOST])
    bases = {name: 1.0 if single else series[name][0][1] for name in chosen}
    axis = TimeAxis([point[0] for name in chosen for point in series[name]], "UTC")
    scale = plain(max(value / bases[name] for name in chosen for _, value, _ in series[name]))
    content = ""
    for number, name in enumerate(chosen, 1):
        places = [
            (axis.share(moment), 1 - scale.share(value / bases[name]))
            for moment, value, _ in series[name]
        ]
        content += stretched(shape(places, f"trend line-c{number}"), top=_TOP, height=_TALL)
        for (x, y), (moment, value, run) in zip(places, series[name], strict=True):
            said = tip(f"{name}, run {run}, {moment:%Y-%m-%d %H:%M}: {figures.precise(value)}")
            content += panels.at(x, _TOP + y * _TALL, said + panels.dot(f"c{number}", 2.5))
    words = figures.precise if single else _times
    content = panels.panel(content, scale, words, top=_TOP, height=_TALL)
    content += panels.time_axis(axis, y=_TOP + _TALL)
    below = _TOP + _TALL + panels.AXIS + 4
    key, height = panels.key_below(
        [(f"c{number}", name) for number, name in enumerate(chosen, 1)], top=below
    )
    about = f"{counted(len(series), 'benchmark')}" + (
        "." if single else ", each against its first run here."
    )
    about += "" if len(chosen) == len(series) else f" The {_MOST} that changed most are drawn."
    return Chart(
        content + key, below + height, title, f"{about} The table has the figures.",
        gutter=panels.GUTTER,
    )  # fmt: skip


def _change(points: list[Point]) -> float:
    return abs(points[-1][1] / points[0][1] - 1)


def _times(value: float) -> str:
    return f"{value:g} \N{MULTIPLICATION SIGN}"
