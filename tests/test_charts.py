"""Charts: true places, round marks, and drawings that any text leaves whole."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import properties  # noqa: F401
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.publish.charts import of_query, small, timeline, waterfall
from recorder.publish.charts.addresses import Nowhere
from recorder.publish.charts.scales import TimeAxis, plain, seconds, short

SVG = "{http://www.w3.org/2000/svg}"
NOON = datetime(2025, 7, 10, 12, tzinfo=UTC)
HOSTILE = "</svg><script>alert(1)</script>\x00\x1b[31m\u202egnp.exe\ufffe \ud800'\"&<b>"


def a_build(number, seconds_=10.0, **more):
    moment = NOON + timedelta(hours=number)
    return {
        "id": number, "image_name": "shop", "completed_at": f"{moment:%Y-%m-%dT%H:%M:%S}.000Z",
        "build_timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.000+00:00", "timezone": "UTC",
        "status": "completed", "build_duration": seconds_, "image_size_mb": 100.0,
        "cache_class": "partial", "git_commit": "a" * 40, **more,
    }  # fmt: skip


def drawn(chart):
    """The elements of a chart that stands alone, which must be XML."""
    return ElementTree.fromstring(chart.alone())


def circles(chart):
    """Where the points of a chart are: the share of the width, and pixels from the top."""
    return [
        (float(place.get("x").rstrip("%")), float(place.get("y")))
        for place in drawn(chart).iter(f"{SVG}svg")
        if place.get("x", "").endswith("%") and place.find(f"{SVG}title") is not None
    ]


@given(st.floats(1e-6, 1e7), st.sampled_from([seconds, plain]))
def test_an_axis_holds_its_values_and_is_marked_at_few_round_ones(most, scale_of):
    scale = scale_of(most)
    assert most <= scale.most * 1.000001
    assert scale.most <= most * 8 or scale.most <= 0.001
    assert 1 <= len(scale.ticks) <= 8
    assert scale.ticks[-1] == pytest.approx(scale.most)
    assert 0 <= scale.share(most / 2) <= 1


def test_durations_are_marked_as_people_say_them():
    assert [short(tick) for tick in seconds(100).ticks] == ["30 s", "1 m", "1 m 30 s", "2 m"]
    assert [short(tick) for tick in seconds(0.35).ticks] == ["100 ms", "200 ms", "300 ms", "400 ms"]
    assert [short(tick) for tick in seconds(3 * 3600).ticks] == ["1 h", "2 h", "3 h"]


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - as they ask
    st.timedeltas(timedelta(0), timedelta(days=3000)),
    st.sampled_from(["Asia/Singapore", "Europe/Berlin", "America/St_Johns", "no zone"]),
)
def test_the_marks_of_a_time_axis_lie_on_it_in_order(start, span, zone):
    first = start.replace(tzinfo=UTC)
    axis = TimeAxis([first, first + span], zone)
    marks = axis.ticks()
    assert len(marks) <= 7
    places = [place for place, _ in marks]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)
    assert 0 < axis.share(first) < axis.share(first + span) + 1e-9 < 1


def test_the_marks_of_days_are_midnights_of_the_zone_across_a_clock_change():
    first = datetime(2025, 3, 27, 12, tzinfo=UTC)
    axis = TimeAxis([first, first + timedelta(days=5)], "Europe/Berlin")
    words = [word for _, word in axis.ticks()]
    assert words == ["28 Mar", "29 Mar", "30 Mar", "31 Mar", "1 Apr"]
    midnight = datetime(2025, 3, 30, 22, tzinfo=UTC)  # in summer time since the 30th
    assert {word: place for place, word in axis.ticks()}["31 Mar"] == pytest.approx(
        axis.share(midnight)
    )


def test_points_lie_where_their_builds_do():
    rows = [a_build(0, 10.0), a_build(10, 20.0), a_build(5, 0.0)]
    (x0, y0), (x1, y1), (x2, y2) = circles(timeline.chart(rows, Nowhere(), "Builds"))
    assert x0 < x1 < x2
    assert x1 == pytest.approx((x0 + x2) / 2, abs=0.01)
    assert y1 - y0 == pytest.approx(y0 - y2, abs=0.01), "in order of time: 10 s, 0 s, 20 s"


def test_one_that_is_far_off_does_not_press_the_others_to_the_ground():
    rows = [a_build(number, 10.0 + number % 3) for number in range(40)] + [a_build(41, 9000.0)]
    chart = timeline.chart(rows, Nowhere(), "Builds")
    heights = [y for _, y in circles(chart)]
    assert max(heights[:-1]) - min(heights[:-1]) > 10
    assert "2 h 30 m" in chart.alone(), "its true figure is told"


def test_builds_of_several_images_have_no_common_usual_or_size():
    rows = [a_build(number, image_name=f"image {number % 2}") for number in range(40)]
    alone = timeline.chart(rows, Nowhere(), "Builds").alone()
    assert 'class="band"' not in alone
    assert "image size" not in alone


def test_the_band_of_what_is_usual_lies_between_builds_that_were():
    durations = [10.0, 20.0, 30.0, 40.0, 50.0, 30.0, 30.0]
    rows = [a_build(number, seconds_) for number, seconds_ in enumerate(durations)]
    chart = timeline.chart(rows, Nowhere(), "Builds")
    band = drawn(chart).find(f".//{SVG}polygon[@class='band']").get("points").split()
    values = [60 * (1 - float(point.split(",")[1]) / 1000) for point in band]
    assert values[0] == pytest.approx(46, abs=0.1), "the 90th percentile of 10 to 50"
    assert values[-1] == pytest.approx(14, abs=0.1), "the 10th"
    assert "usual for partial" in chart.alone()


def test_days_without_a_build_have_their_place():
    rows = [ROWS["time_spent"] | {"day": day} for day in ("2025-07-12", "2025-07-10")]
    days = drawn(of_query.chart("time_spent", rows, Nowhere(), "Days"))
    bars = [bar for bar in days.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None]
    assert len({bar.get("x") for bar in bars}) == 3


def test_a_day_is_named_once_below_its_columns():
    rows = [ROWS["layers"] | {"build": number} for number in range(9)]
    assert of_query.chart("layers", rows, Nowhere(), "Layers").alone().count(">10 Jul<") == 1


@pytest.mark.parametrize("query", ["layers", "layers_of_build"])
def test_a_layer_without_an_instruction_is_the_base_image(query):
    row = ROWS[query] | {"instruction": ""}
    assert "the base image" in of_query.chart(query, [row], Nowhere(), "Layers").alone()


def test_the_marks_of_a_waterfall_fit_its_bars_where_a_step_ends_after_the_build():
    rest = {"error": None, "cached": 0, "shared": 0, "critical": 0}
    steps = [{"started": 0.0, "duration": 20.0} | rest]
    (bar,) = waterfall.bars(steps, 10.0)
    marks = {words: share for share, words in waterfall.marks(waterfall.length(steps, 10.0))}
    assert (bar.width, marks["20 s"], marks["10 s"]) == (1.0, 1.0, 0.5)


def test_a_shared_step_begins_with_the_build_and_one_that_never_ran_has_no_width():
    steps = [
        {"started": -5.0, "duration": 5.0},
        {"started": 5.0, "duration": 10.0},
        {"started": None, "duration": None},
        {"started": 2.0, "duration": None},
    ]
    rest = {"error": None, "cached": 0, "shared": 0, "critical": 0}
    bars = waterfall.bars([step | rest for step in steps], 10.0)
    assert [(round(bar.left, 3), round(bar.width, 3)) for bar in bars] == [
        (0.0, 0.333), (0.333, 0.667), (0.0, 0.0), (0.133, 0.0),
    ]  # fmt: skip
    assert waterfall.bars([], 0.0) == []


ROWS = {
    "recent_builds": a_build(1, image_name=HOSTILE),
    "image": a_build(1, image_name=HOSTILE, git_commit=HOSTILE),
    "step": {
        **a_build(1), "build": 1, "cached": 0, "started": 0.0, "duration": 1.0, "error": None,
        "name": HOSTILE,
    },
    "image_statistics": {"image_name": HOSTILE, "median_duration": 1.0},
    "build_trend": {"image_name": HOSTILE, "day": "2025-07-10", "avg_duration": 1.0},
    "size_trend": {"image_name": HOSTILE, "day": "2025-07-10", "image_size_mb": 1.0},
    "slowest_steps": {"name": HOSTILE, "total_duration": 1.0, "runs": 1, "step_key": HOSTILE},
    "image_steps": {"name": HOSTILE, "total_duration": 1.0, "runs": 1, "step_key": HOSTILE},
    "cache_efficiency": {
        "image_name": HOSTILE, "avg_cache_ratio": 0.5, "cold": 1, "partial": 1, "warm": 0,
    },
    "time_spent": {"day": "2025-07-10", "total_duration": 1.0, "saved_seconds": 1.0},
    "steps_of_build": {
        "name": HOSTILE, "stage": HOSTILE, "kind": "run", "started": 0.0, "duration": 1.0,
        "cached": 0, "shared": 0, "critical": 1, "error": HOSTILE,
    },
    "layers_of_build": {"instruction": HOSTILE, "bytes": 5, "position": 1},
    "layers": {
        "instruction": HOSTILE, "bytes": 5, "position": 1, "build": 1,
        "build_timestamp": "2025-07-10T12:00:00.000Z",
    },
    "badge": {"image_name": HOSTILE, "build_duration": 1.0, "image_size_mb": 2.0},
}  # fmt: skip


@pytest.mark.parametrize("query", ROWS)
def test_a_chart_stays_whole_whatever_its_texts_are(query):
    chart = of_query.chart(query, [ROWS[query]], Nowhere(), HOSTILE)
    root = drawn(chart)
    assert root.tag == f"{SVG}svg"
    assert {element.tag for element in root.iter()} <= {
        f"{SVG}{name}"
        for name in "svg style title desc rect text line circle path polyline polygon a".split()
    }
    text = chart.alone() + str(chart.on_page())
    assert not re.search(r"<script|[\x00-\x08\x1b\u202e\ufffe\ud800]", text)


@pytest.mark.parametrize("query", ROWS)
def test_a_chart_says_what_it_is_in_words(query):
    root = drawn(of_query.chart(query, [ROWS[query]], Nowhere(), "What it is"))
    title, about = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title.text == "What it is"
    assert len(about.text) > 10
    assert root.get("aria-labelledby") == f"{title.get('id')} {about.get('id')}"


@pytest.mark.parametrize("query", ROWS)
def test_no_rows_draw_nothing(query):
    assert query == "badge" or of_query.chart(query, [], Nowhere(), "Nothing") is None


def test_every_query_that_is_drawn_is_known_to_draw():
    assert {query for query in ROWS if of_query.has_chart(query)} == ROWS.keys()
    assert not of_query.has_chart("failures")
    assert not of_query.has_chart(None)


def test_a_badge_tells_image_duration_and_size():
    badge = small.badge([ROWS["badge"] | {"image_name": "shop"}], "Badge")
    assert badge.about == "shop: 1.0 s \N{MIDDLE DOT} 2 MB"
    assert "no build" in small.badge([], "Badge").alone()


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_a_spark_line_stays_in_its_box(values):
    drawing = str(small.spark(values, "durations"))
    assert bool(drawing) == (len(values) > 1)
    for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", drawing):
        assert 0 <= float(x) <= 96
        assert 0 <= float(y) <= 22
