"""Which chart draws the rows of which canned query."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from recorder import base_names, figures
from recorder.publish.charts import bars, benchmarks, columns, lines, small, timeline, waterfall
from recorder.publish.charts.addresses import Addresses
from recorder.publish.charts.drawing import Chart, text
from recorder.publish.charts.scales import plain, seconds, short
from recorder.publish.words import counted

Row = Mapping[str, Any]
Rows = Sequence[Row]
_Draw = Callable[[Rows, Addresses, str], Chart | None]

_MOST_BARS = 40
_MOST_LAYERS = 9
_MOST_DAYS = 400


def chart(query: str, rows: Rows, addresses: Addresses, title: str) -> Chart | None:
    """The chart of a canned query's rows; None for a query without one, or without rows."""
    draw = _CHARTS.get(query)
    return draw(rows, addresses, title) if draw else None


def empty(title: str, words: str) -> Chart:
    """What is drawn where there is nothing to draw: `words` that say why."""
    return Chart(text(words, x="50%", y=40, text_anchor="middle"), 70, title, words)


def has_chart(query: str | None) -> bool:
    """Whether a canned query has a chart of ours."""
    return query in _CHARTS


def _images(rows: Rows, to: Addresses, title: str) -> Chart | None:
    return bars.chart(
        [
            bars.Bar(
                row["image_name"],
                f"{figures.duration(row['median_duration'])}",
                (bars.Part("ran", row["median_duration"] or 0.0, "median"),),
                to.image(row["image_name"]),
            )
            for row in rows[:_MOST_BARS]
        ],
        title,
    )


def _steps(rows: Rows, to: Addresses, title: str) -> Chart | None:
    images = {row["image_name"] for row in rows if "image_name" in row.keys()}  # noqa: SIM118
    return bars.chart(
        [
            bars.Bar(
                f"{row['image_name']}: {row['name']}" if len(images) > 1 else row["name"],
                figures.duration(row["total_duration"]),
                (bars.Part("ran", row["total_duration"], f"{row['runs']} runs"),),
                to.step(row["step_key"]),
            )
            for row in rows[:_MOST_BARS]
        ],
        title,
    )


def _layers_of_build(rows: Rows, to: Addresses, title: str) -> Chart | None:
    del to
    ordered = sorted(rows, key=lambda row: -row["bytes"])[:_MOST_BARS]
    return bars.chart(
        [
            bars.Bar(
                base_names.of_layer(row["instruction"]),
                figures.megabytes(row["bytes"] / 1e6),
                (bars.Part("saved", row["bytes"], f"layer {row['position']}"),),
            )
            for row in ordered
        ],
        title,
    )


def _cache(rows: Rows, to: Addresses, title: str) -> Chart | None:
    kinds = (("critical", "cold"), ("ran", "partial"), ("cached", "warm"))
    return bars.chart(
        [
            bars.Bar(
                row["image_name"],
                f"{figures.percent(row['avg_cache_ratio'])} cached",
                tuple(
                    bars.Part(class_, row[kind], f"{row[kind]} {kind}") for class_, kind in kinds
                ),
                to.image(row["image_name"]),
            )
            for row in rows[:_MOST_BARS]
        ],
        title,
        kinds,
    )


def _days(rows: Rows, to: Addresses, title: str) -> Chart | None:
    del to
    spent = sum(row["total_duration"] for row in rows)
    saved = sum(row["saved_seconds"] for row in rows)
    return columns.chart(
        [
            columns.Column(
                _day(row["day"]),
                (
                    columns.Part("ran", row["total_duration"],
                                 f"{row['day']}: {figures.duration(row['total_duration'])} spent"),
                    columns.Part("saved", row["saved_seconds"],
                                 f"{row['day']}: {figures.duration(row['saved_seconds'])} saved"),
                ),
            )
            for row in _every_day(rows)
        ],
        seconds,
        short,
        (("ran", "spent building"), ("saved", "saved by the cache")),
        title,
        f"{counted(len(rows), 'day')} with builds, {figures.duration(spent)} spent, "
        f"{figures.duration(saved)} saved.",
    )  # fmt: skip


def _every_day(rows: Rows) -> list[Row]:
    """The days from the first to the last, those without a build as well, for a true axis."""
    try:
        days = {date.fromisoformat(row["day"]): row for row in rows}
    except ValueError:  # another program wrote the row
        return [*reversed(rows)]
    first, last = min(days, default=None), max(days, default=None)
    if first is None or last is None or (last - first).days > _MOST_DAYS:
        return [*reversed(rows)]
    none = {"total_duration": 0.0, "saved_seconds": 0.0}
    every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [days.get(day) or {"day": str(day), **none} for day in every]


def _day(stamp: str) -> str:
    """The day of a timestamp, as `12 Jul`."""
    try:
        day = date.fromisoformat(stamp[:10])
    except ValueError:  # another program wrote the row
        return stamp[:10]
    return f"{day.day} {day:%b}"


def _layers(rows: Rows, to: Addresses, title: str) -> Chart | None:
    """The layers of each image stacked; the biggest instructions have colours of their own."""
    rows = [{**row, "instruction": base_names.of_layer(row["instruction"])} for row in rows]
    weight: dict[str, int] = {}
    for row in rows:
        weight[row["instruction"]] = max(weight.get(row["instruction"], 0), row["bytes"])
    biggest = sorted(weight, key=lambda name: -weight[name])[:_MOST_LAYERS]
    colours = {name: f"c{number}" for number, name in enumerate(biggest, 1)}
    builds: dict[int, list[Row]] = {}
    for row in rows:
        builds.setdefault(row["build"], []).append(row)
    stacked = [
        columns.Column(
            _day(layers[0]["build_timestamp"]),
            tuple(
                columns.Part(
                    colours.get(row["instruction"], "off"),
                    row["bytes"] / 1e6,
                    f"build {build}, {figures.megabytes(row['bytes'] / 1e6)}: {row['instruction']}",
                )
                for row in layers
                if row["bytes"]
            ),
            to.build(build),
        )
        for build, layers in reversed(builds.items())
    ]
    key = [(colour, name) for name, colour in colours.items() if weight[name]]
    if len(weight) > _MOST_LAYERS:
        key.append(("off", "others"))
    return columns.chart(
        stacked, plain, figures.megabytes, key, title,
        f"The layers of {counted(len(stacked), 'image')}. The table has the same figures.",
    )  # fmt: skip


def _step(rows: Rows, to: Addresses, title: str) -> Chart | None:
    """One step over time: a run is a dot at its duration, a cache hit one on the ground."""
    shown = [
        {
            **row,
            "id": row["build"],
            "build_duration": 0.0 if row["cached"] else row["duration"] or 0.0,
            "image_size_mb": None,
            "cache_class": "warm" if row["cached"] else "partial",
            "status": "failed" if row["error"] else "completed",
        }
        for row in rows
        if row["started"] is not None and (row["cached"] or row["duration"] is not None)
    ]
    return timeline.chart(shown, to, title, {"partial": "ran", "warm": "cached"})


_CHARTS: dict[str, _Draw] = {
    "recent_builds": timeline.chart,
    "image": timeline.chart,
    "step": _step,
    "image_statistics": _images,
    "build_trend": lambda rows, _, title: lines.durations(rows, title),
    "size_trend": lambda rows, _, title: lines.sizes(rows, title),
    "benchmark_trend": lambda rows, _, title: benchmarks.trend(rows, title),
    "slowest_steps": _steps,
    "image_steps": _steps,
    "cache_efficiency": _cache,
    "time_spent": _days,
    "steps_of_build": lambda rows, _, title: waterfall.chart(rows, title),
    "layers_of_build": _layers_of_build,
    "layers": _layers,
    "badge": lambda rows, _, title: small.badge(rows, title),
}
