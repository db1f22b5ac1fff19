"""What a build is, whatever its source says."""

from datetime import UTC, datetime, timedelta

from recorder.model import Build


def test_a_start_that_the_clock_of_a_source_contradicts_is_the_end_less_the_duration() -> None:
    moment = datetime(2026, 10, 25, tzinfo=UTC)
    build = Build(image_name="a", build_duration=90, completed_at=moment, started_at=moment)
    assert build.started_at == moment - timedelta(seconds=90)


def test_two_ends_told_to_the_millisecond_tell_the_microsecond() -> None:
    began, ended = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC)
    build = Build(image_name="a", build_duration=2.000345, completed_at=ended, started_at=began)
    assert (build.started_at, build.completed_at) == (began, ended + timedelta(microseconds=345))
