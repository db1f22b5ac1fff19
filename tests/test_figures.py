"""Words for figures, as people read them."""

import pytest

from recorder import figures
from recorder.publish import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "—"), (0.0, "0 ms"), (0.0424, "42 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"),
        (12.34, "12.3 s"), (59.94, "59.9 s"), (59.96, "1 m 00 s"), (185.2, "3 m 05 s"),
        (3599.4, "59 m 59 s"), (3600, "1 h 00 m"), (7265, "2 h 01 m"),
        (4_334_400, "1,204 h"),
    ],
)  # fmt: skip
def test_durations(seconds: float | None, text: str) -> None:
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "—"), (0.0, "—"), (0.000281, "281 B"), (0.0843, "84.3 kB"), (1.982274, "1.98 MB"),
        (99.96, "100 MB"), (152.4, "152 MB"), (999.4, "999 MB"), (999.6, "1 GB"), (1243, "1.24 GB"),
        (15360, "15.4 GB"),
    ],
)  # fmt: skip
def test_sizes(size: float | None, text: str) -> None:
    assert figures.megabytes(size) == text


def test_shares_and_moments() -> None:
    assert [figures.percent(share) for share in (None, 0.0, 0.625, 1.0)] == [
        "—",
        "0%",
        "62%",
        "100%",
    ]
    assert figures.clock_time("2026-03-01T12:05:06.789+08:00") == "2026-03-01 12:05:06 +08:00"
    assert figures.clock_time("2026-03-01T12:05:06.789123-03:30") == "2026-03-01 12:05:06 -03:30"
    assert figures.clock_time("2026-03-01T12:05:06+00:00") == "2026-03-01 12:05:06 +00:00"
    assert figures.clock_time(None) == "—"
    precise = figures.precise_time("2026-03-01T12:05:06.789123+08:00")
    assert precise == "2026-03-01 12:05:06.789+08:00"


@pytest.mark.parametrize(
    ("value", "usual", "is_as_usual"),
    [(10.9, 10, True), (11.1, 10, False), (8.9, 10, False), (1.4, 1, True), (1.6, 1, False)],
)
def test_seconds_are_as_usual_within_a_tenth_or_half_a_second(
    value: float, usual: float, is_as_usual: bool
) -> None:
    assert figures.is_as_usual(value, usual) == is_as_usual
    shown = words.verdict(value, usual)
    assert shown
    assert (shown.words == "as usual") == is_as_usual
