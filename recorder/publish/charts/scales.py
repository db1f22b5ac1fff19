"""Scales: from values and instants to places on an axis, with round numbers to write beside it."""

import math
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from recorder import times

_STEPS_OF_TIME = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600,
    900, 1800, 3600, 7200, 14400, 21600, 43200, 86400,
)  # fmt: skip
_SPANS = (
    (300, timedelta(minutes=1)), (1800, timedelta(minutes=5)), (2 * 3600, timedelta(minutes=30)),
    (6 * 3600, timedelta(hours=1)), (86400, timedelta(hours=6)),
    (3 * 86400, timedelta(hours=12)), (6 * 86400, timedelta(days=1)),
    (14 * 86400, timedelta(days=3)),
    (49 * 86400, timedelta(days=7)), (75 * 86400, timedelta(days=14)),
)  # fmt: skip


class Scale(NamedTuple):
    """An axis from 0 to `most`, with the values that are marked on it."""

    most: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        return min(max(value / self.most, 0.0), 1.0)


def seconds(most: float, wanted: int = 4) -> Scale:
    """An axis of durations that holds `most`, marked at round ones."""
    step = next((step for step in _STEPS_OF_TIME if most <= step * wanted), None)
    return _scale(most, step or _round_step(most / wanted / 3600) * 3600)


def short(value: float) -> str:
    """A round duration as it stands beside an axis: `500 ms`, `30 s`, `1 m 30 s`, `2 h`."""
    if value < 1:
        return f"{value * 1000:g} ms"
    parts = ((value // 3600, "h"), (value % 3600 // 60, "m"), (value % 60, "s"))
    return " ".join(f"{amount:,g} {unit}" for amount, unit in parts if amount)


def plain(most: float, wanted: int = 4) -> Scale:
    """An axis of counts or sizes that holds `most`, marked at 1, 2 or 5 times a power of ten."""
    return _scale(most, _round_step(most / wanted))


def _round_step(step: float) -> float:
    if step <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= step * 0.9999)


def _scale(most: float, step: float) -> Scale:
    ticks = max(math.ceil(most / step - 1e-9), 1)
    return Scale(ticks * step, tuple(round(step * i, 9) for i in range(1, ticks + 1)))


class TimeAxis:
    """The time from the first instant to the last, in a zone whose days and hours are marked."""

    def __init__(self, instants: list[datetime], zone: str) -> None:
        self._zone = zone
        first, last = min(instants), max(instants)
        if last - first < timedelta(minutes=1):
            first, last = first - timedelta(seconds=30), last + timedelta(seconds=30)
        margin = (last - first) * 0.02
        self._first, self._span = first - margin, (last - first) + 2 * margin

    def share(self, moment: datetime) -> float:
        """Where an instant lies, from 0 to 1."""
        return (moment - self._first) / self._span

    def ticks(self) -> list[tuple[float, str]]:
        """Some round instants with their places: days as `12 Jul`, hours as `14:00`."""
        every = next((step for span, step in _SPANS if self._span.total_seconds() <= span), None)
        if every is None:
            return self._months()
        first = self._first.astimezone(times.zone(self._zone)).replace(tzinfo=None)
        day = first.replace(hour=0, minute=0, second=0, microsecond=0)
        found = []
        end = self._first + self._span
        # The rounds count from midnight; an hour early, as the clocks may have been set back.
        begin = max((first - day - timedelta(hours=1)) // every, 0)
        for i in range(begin, begin + 2000):
            moment = _in_zone(day + every * i, self._zone)
            if moment > end:
                break
            if moment >= self._first:
                found.append((self.share(moment), _label(day + every * i, every)))
        return found[:: max(1, math.ceil(len(found) / 7))]

    def _months(self) -> list[tuple[float, str]]:
        first = self._first.astimezone(times.zone(self._zone)).replace(tzinfo=None)
        end = self._first + self._span
        month = first.year * 12 + first.month
        found = []
        for number in range(month, month + 2400):
            start = datetime(number // 12, number % 12 + 1, 1)  # noqa: DTZ001
            moment = _in_zone(start, self._zone)
            if moment > end:
                break
            found.append((self.share(moment), f"{start:%b %Y}"))
        return found[:: max(1, math.ceil(len(found) / 6))]


def _in_zone(local: datetime, zone: str) -> datetime:
    return times.parse(local.isoformat(), zone).astimezone(UTC)


def _label(local: datetime, every: timedelta) -> str:
    if every < timedelta(days=1) and (local.hour or local.minute):
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b}"
