"""Times: one instant, written in UTC and in the zone of the people."""

import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import properties  # noqa: F401
import pytest
import pytz
from hypothesis import given
from hypothesis import strategies as st

from recorder import times
from recorder.errors import BadValueError

ZONES = st.sampled_from(pytz.common_timezones)
MOMENTS = st.datetimes(
    datetime.fromisoformat("0001-01-03"),
    datetime.fromisoformat("9999-12-29"),
    timezones=st.just(UTC),
)
# Before 1901 zones have offsets in seconds, which few people mean and ISO 8601 lacks.
MODERN = st.datetimes(
    datetime.fromisoformat("1970-01-02"),
    datetime.fromisoformat("2100-01-01"),
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("asked", "environ", "name"),
    [
        (None, {}, "Asia/Singapore"),
        (None, {"TZ": ""}, "Asia/Singapore"),
        (None, {"TZ": "Europe/Berlin"}, "Europe/Berlin"),
        (None, {"TZ": ":Europe/Berlin"}, "Europe/Berlin"),
        (None, {"TZ": "/usr/share/zoneinfo/Asia/Tokyo"}, "Asia/Tokyo"),
        (None, {"TZ": ":/usr/share/zoneinfo/Asia/Tokyo"}, "Asia/Tokyo"),
        (None, {"TZ": "Europe/Berlin", "BUILDREC_TIMEZONE": "UTC"}, "UTC"),
        (None, {"TZ": "Europe/Berlin", "BUILDREC_TIMEZONE": ""}, "Europe/Berlin"),
        ("Asia/Tokyo", {"TZ": "Europe/Berlin", "BUILDREC_TIMEZONE": "UTC"}, "Asia/Tokyo"),
        ("", {"BUILDREC_TIMEZONE": "Asia/Tokyo"}, "Asia/Tokyo"),
    ],
)
def test_an_option_wins_over_the_variables_and_these_over_singapore(asked, environ, name, caplog):
    assert times.zone_name(asked, environ) == name
    assert not caplog.records


@pytest.mark.parametrize("bad", ["Mars/Base", "SGT-8", "../etc/passwd", "Größe", "/etc/localtime"])
def test_an_unknown_zone_is_utc_with_a_warning(bad, caplog):
    with caplog.at_level(logging.WARNING):
        assert times.zone_name(bad, {}) == "UTC"
        assert times.zone_name(None, {"BUILDREC_TIMEZONE": bad}) == "UTC"
    assert [bad in record.getMessage() for record in caplog.records] == [True, True]
    assert times.zone(bad) is UTC


@given(MOMENTS)
def test_the_default_zone_is_that_of_pytz(moment):
    theirs = moment.astimezone(pytz.timezone(times.DEFAULT_ZONE))
    ours = moment.astimezone(times.zone(times.DEFAULT_ZONE))
    assert (ours.isoformat(), ours.tzname()) == (theirs.isoformat(), theirs.tzname())


def test_the_default_zone_is_found_without_a_look_for_the_others():
    code = (
        "import sys; from recorder import times\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, words: event == 'open' and opened.append(str(words[0])))\n"
        "print(times.zone(times.zone_name(None, {})))\n"
        "print(*[path for path in opened if 'zoneinfo' in path])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    zone, opened = done.stdout.split()
    assert zone == "Asia/Singapore"
    assert opened.endswith("Asia/Singapore")


def test_without_the_file_of_the_default_zone_it_is_utc(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTZ_TZDATADIR", str(tmp_path))
    times._lookup.cache_clear()
    try:
        assert times.zone(times.DEFAULT_ZONE) is UTC
    finally:
        times._lookup.cache_clear()


def test_the_row_holds_the_official_spelling_of_a_zone():
    assert times.zone_name("asia/singapore", {}) == "Asia/Singapore"
    assert times.zone_name("utc", {}) == "UTC"


@given(MOMENTS, MOMENTS)
def test_utc_text_has_one_width_and_sorts_as_time_does(one, other):
    first, second = times.utc_text(one), times.utc_text(other)
    assert len(first) == len(second) == len("2025-07-10T08:56:04.193Z")
    if one <= other:
        assert first <= second


@given(MOMENTS)
def test_utc_text_is_read_back_to_the_millisecond_and_never_later(moment):
    back = times.parse(times.utc_text(moment), "UTC")
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)
    assert times.utc_text(back) == times.utc_text(moment)


@given(MODERN, ZONES)
def test_the_text_in_any_zone_names_the_same_instant(moment, name):
    text = times.local_text(moment, name)
    assert times.utc_text(times.parse(text, "UTC")) == times.utc_text(moment)


@given(MODERN, ZONES)
def test_a_naive_time_is_in_the_zone_given_unless_a_clock_change_makes_it_ambiguous(moment, name):
    naive = moment.astimezone(pytz.timezone(name)).replace(tzinfo=None)
    instant = times.parse(naive.isoformat(), name)
    assert abs(instant - moment) <= timedelta(days=1)
    try:
        pytz.timezone(name).localize(naive, is_dst=None)
    except pytz.AmbiguousTimeError:
        return
    assert instant == moment


@pytest.mark.parametrize(
    ("naive", "zone", "utc"),
    [
        ("2025-03-30T02:30:00", "Europe/Berlin", "2025-03-30T01:30:00.000Z"),  # skipped
        ("2025-10-26T02:30:00", "Europe/Berlin", "2025-10-26T01:30:00.000Z"),  # repeated
        ("2025-03-09T02:30:00", "America/New_York", "2025-03-09T07:30:00.000Z"),
        ("2025-11-02T01:30:00", "America/New_York", "2025-11-02T06:30:00.000Z"),
        ("2025-10-05T02:15:00", "Australia/Lord_Howe", "2025-10-04T15:45:00.000Z"),
        ("2025-07-01T12:00:00", "Europe/Berlin", "2025-07-01T10:00:00.000Z"),
        ("2025-07-01T12:00:00", "Asia/Kolkata", "2025-07-01T06:30:00.000Z"),
        ("2025-07-01T12:00:00", "Nowhere/Land", "2025-07-01T12:00:00.000Z"),
    ],
)
def test_a_naive_time_that_is_skipped_or_repeated_is_standard_time(naive, zone, utc):
    assert times.utc_text(times.parse(naive, zone)) == utc


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2025-07-10T08:56:04.193870Z", "2025-07-10T08:56:04.193Z"),
        ("2025-07-10T16:56:04.193870+08:00", "2025-07-10T08:56:04.193Z"),
        ("2025-07-10T16:56:04.193870", "2025-07-10T08:56:04.193Z"),
        ("2025-07-10 16:56:04", "2025-07-10T08:56:04.000Z"),
        (" 2025-07-10T16:56:04+0800\n", "2025-07-10T08:56:04.000Z"),
        ("2025-07-10T08:56:04.193870123Z", "2025-07-10T08:56:04.193Z"),
        ("2025-07-10T03:56:04-05:00", "2025-07-10T08:56:04.000Z"),
        ("2025-07-10", "2025-07-09T16:00:00.000Z"),
    ],
)
def test_timestamps_of_older_tools_are_understood(text, utc):
    assert times.utc_text(times.parse(text)) == utc


@pytest.mark.parametrize(
    "bad",
    ["", "yesterday", "2025-13-01T00:00:00", "12.3", None, 1752137764, 12.5, [],
     "9999-12-31T23:59:59Z", "0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00"],
)  # fmt: skip
def test_what_is_no_timestamp_is_refused_with_a_cure(bad):
    with pytest.raises(BadValueError) as caught:
        times.parse(bad)
    assert caught.value.cure


@given(st.text())
def test_no_text_raises_anything_but_a_bad_value(text):
    try:
        moment = times.parse(text)
    except BadValueError:
        return
    times.local_text(moment, "Pacific/Kiritimati")
    times.local_text(moment, "America/Los_Angeles")


def test_local_text_carries_the_offset_of_its_season():
    summer, winter = datetime(2025, 7, 1, 12, tzinfo=UTC), datetime(2025, 1, 1, 12, tzinfo=UTC)
    assert times.local_text(summer, "Europe/Berlin") == "2025-07-01T14:00:00.000+02:00"
    assert times.local_text(winter, "Europe/Berlin") == "2025-01-01T13:00:00.000+01:00"
    assert times.local_text(summer, "Asia/Singapore") == "2025-07-01T20:00:00.000+08:00"
    assert times.local_text(summer, "Nowhere/Land") == "2025-07-01T12:00:00.000+00:00"


def test_a_duration_longer_than_the_calendar_is_a_bad_value():
    moment = datetime(2025, 7, 1, tzinfo=UTC)
    assert times.before(moment, 60) == datetime(2025, 6, 30, 23, 59, tzinfo=UTC)
    for longer in (1e12, 1e300):
        with pytest.raises(BadValueError):
            times.before(moment, longer)
