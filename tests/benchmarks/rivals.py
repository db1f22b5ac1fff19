"""What others judge a new build by, on the same series: each tells the builds that alarm."""

import statistics
from collections.abc import Callable, Sequence

from recorder.judging.book import Alert, Book
from recorder.judging.finding import Finding
from recorder.judging.judge import judge_series
from recorder.judging.limits import ENOUGH
from recorder.judging.series import BuildRow, Point, Series

Rule = Callable[[Sequence[float]], list[tuple[int, int, bool]]]
"""Alarms as (the build that raised it, where it is said to begin, whether it is for worse)."""


def ours(values: Sequence[float], metric: str = "duration") -> list[tuple[int, int, bool]]:
    """Our rule for a new build, as the store applies it, with the alerts kept in memory."""
    series = Series("image", None, None, None, metric)
    points = [Point(_build(number), value, value) for number, value in enumerate(values)]
    book = _Memory()
    for end in range(ENOUGH + 1, len(points) + 1):
        book.end = end - 1
        judge_series(book, series, points[max(0, end - 200) : end], {})
    return book.opened


class _Memory(Book):
    """A book that writes nowhere, and notes which alerts were opened."""

    def __init__(self) -> None:
        self.alerts = []
        self.changed = self.end = 0
        self.opened: list[tuple[int, int, bool]] = []

    def add(self, finding: Finding) -> None:
        if finding.state != "warning":
            self.make_way(finding)
        self._keep(len(self.alerts), finding)

    def update(self, alert: Alert, finding: Finding) -> None:
        self.alerts.remove(alert)
        self._keep(alert.id, finding)

    def move(
        self,
        alert: Alert,
        state: str,
        rule: str,
        note: str | None = None,
        ended_at: str | None = None,
    ) -> None:
        self._put(alert._replace(state=state, ended_at=ended_at or alert.ended_at))

    def _keep(self, number: int, finding: Finding) -> None:
        self.alerts.append(
            Alert(number, finding.series, finding.direction, finding.state,
                  finding.first.completed_at, None, "", "", finding.rule,
                  finding.before, finding.after, finding.spread)
        )  # fmt: skip
        if finding.state == "open":
            self.opened.append((self.end, finding.first.id, finding.direction == "worse"))


def _build(number: int) -> BuildRow:
    nothing = (None,) * 5
    return BuildRow(number, None, f"{number:09}", *nothing, 0.0, 0.0, None, None)


def t_test(values: Sequence[float]) -> list[tuple[int, int, bool]]:
    """Beyond the prediction interval of Student's t, 98 %, over the last 64: Bencher's default."""
    found = []
    for i in range(3, len(values)):
        past = values[max(0, i - 64) : i]
        mean, deviation = statistics.fmean(past), statistics.stdev(past)
        limit = _t(len(past) - 1) * deviation
        if abs(values[i] - mean) > limit:
            found.append((i, i, values[i] > mean))
    return found


def sigmas(values: Sequence[float]) -> list[tuple[int, int, bool]]:
    """More than four standard deviations from the mean of the last 40."""
    found = []
    for i in range(5, len(values)):
        past = values[max(0, i - 40) : i]
        mean = statistics.fmean(past)
        if abs(values[i] - mean) > 4 * statistics.stdev(past):
            found.append((i, i, values[i] > mean))
    return found


def percentage(values: Sequence[float]) -> list[tuple[int, int, bool]]:
    """More than 10 % from the value before."""
    return [
        (i, i, values[i] > values[i - 1])
        for i in range(1, len(values))
        if abs(values[i] - values[i - 1]) > 0.1 * values[i - 1]
    ]


def _t(freedom: int) -> float:
    """The 98th percentile of Student's t (Cornish-Fisher expansion of the normal one)."""
    z = statistics.NormalDist().inv_cdf(0.98)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2
