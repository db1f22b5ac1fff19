"""What a rule made of series whose changes are known: what it found, missed and made up."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.alert_series import Series

Alarm = tuple[int, int, bool]
"""The build that raised it, the one it is dated to, whether it is for the worse."""

MARGIN = 5
"""How many builds off an alarm may be dated."""
SOON = 3
"""Builds within which a change is to be found."""

HEAD = (
    "rule", "precision", "recall", "F1", "false alarms in 1,000 builds", "delay",
    f"+20 % within {SOON}", "quiet series that alarm",
)  # fmt: skip


@dataclass
class Score:
    """What a rule made of many series."""

    true: int = 0
    false: int = 0
    missed: int = 0
    builds: int = 0
    quiet: int = 0
    alarmed: int = 0
    delays: list[int] = field(default_factory=list)
    twenty: list[bool] = field(default_factory=list)

    def take(self, series: Series, alarms: Iterable[Alarm]) -> None:
        """Count the alarms of a series; one for the worse makes a quiet series alarm."""
        left = list(series.changes)
        self.builds += len(series.values)
        count = 0
        alarms = list(alarms)
        for raised, first, worse in alarms:
            hit = [c for c in left if c[1] == worse and abs(first - c[0]) <= MARGIN]
            if hit:
                left.remove(hit[0])
                self.true += 1
                self.delays.append(max(0, raised - hit[0][0]))
            elif not any(c[1] == worse and first > c[0] for c in series.changes):
                self.false += 1
                count += worse
        self.missed += len(left)
        if not series.changes:
            self.quiet += 1
            self.alarmed += bool(count)
        if series.step == 0.20:
            self.twenty.append(in_time(series, alarms))

    def cells(self) -> tuple[str, ...]:
        """Precision, recall, F1, false alarms, delay, +20 % in time, quiet series that alarm."""
        precision = self.true / max(1, self.true + self.false)
        recall = self.true / max(1, self.true + self.missed)
        return (
            f"{precision:.2f}",
            f"{recall:.2f}",
            f"{2 * precision * recall / max(1e-9, precision + recall):.2f}",
            f"{self.in_a_thousand():.2f}",
            f"{statistics.median(self.delays):.0f}" if self.delays else "-",
            f"{share(self.twenty):.0%}" if self.twenty else "-",
            f"{self.alarmed / max(1, self.quiet):.1%}",
        )

    def in_a_thousand(self) -> float:
        """False alarms in a thousand builds."""
        return 1000 * self.false / max(1, self.builds)


def in_time(series: Series, alarms: Iterable[Alarm]) -> bool:
    """Whether the change of a series was raised within the builds allowed, and dated rightly."""
    at, for_worse = series.changes[0]
    return any(
        worse == for_worse and abs(first - at) <= MARGIN and raised - at < SOON
        for raised, first, worse in alarms
    )


def share(found: Sequence[bool]) -> float:
    """How many of them are true."""
    return sum(found) / max(1, len(found))
