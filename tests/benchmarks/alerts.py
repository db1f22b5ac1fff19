"""The exam of alerts: series whose changes are known, judged by us and as others do."""

import sqlite3
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from recorder import database, store, times
from recorder.alerts.full_pass import judge_all
from recorder.judging.changes import find
from recorder.judging.limits import LIMITS
from recorder.model import Build
from tests.benchmarks import alert_series, guilt, report, rivals, slow_days
from tests.benchmarks.alert_series import NOISE, SHAPES, Series
from tests.benchmarks.generator import UNTIL
from tests.benchmarks.options import Options
from tests.benchmarks.places import KEY
from tests.benchmarks.report import Report, Row

_MARGIN = 5
"""How many builds off an alarm may be dated."""
_SOON = 3
_USUAL = ("normal", "lognormal", "heavy tails", "sawtooth")


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

    def take(self, series: Series, alarms: Iterable[tuple[int, int, bool]]) -> None:
        """Count the alarms of a series: (raised at, dated to, worse). For worse is an alarm."""
        left = list(series.changes)
        self.builds += len(series.values)
        count, soon = 0, False
        for raised, first, worse in alarms:
            hit = [c for c in left if c[1] == worse and abs(first - c[0]) <= _MARGIN]
            if hit:
                left.remove(hit[0])
                self.true += 1
                self.delays.append(max(0, raised - hit[0][0]))
                soon = soon or raised - hit[0][0] < _SOON
            elif not any(c[1] == worse and first > c[0] for c in series.changes):
                self.false += 1
                count += worse
        self.missed += len(left)
        if not series.changes:
            self.quiet += 1
            self.alarmed += bool(count)
        if series.step == 0.20:
            self.twenty.append(soon)

    def cells(self) -> tuple[str, ...]:
        """Precision, recall, F1, false alarms, delay, +20 % in time, quiet series that alarm."""
        precision = self.true / max(1, self.true + self.false)
        recall = self.true / max(1, self.true + self.missed)
        return (
            f"{precision:.2f}",
            f"{recall:.2f}",
            f"{2 * precision * recall / max(1e-9, precision + recall):.2f}",
            f"{1000 * self.false / max(1, self.builds):.2f}",
            f"{statistics.median(self.delays):.0f}" if self.delays else "-",
            f"{_share(self.twenty):.0%}" if self.twenty else "-",
            f"{self.alarmed / max(1, self.quiet):.1%}",
        )


_HEAD = (
    "rule", "precision", "recall", "F1", "false alarms in 1,000 builds", "delay",
    f"+20 % within {_SOON}", "quiet series that alarm",
)  # fmt: skip


def measure(options: Options) -> Report:
    """All rules on all series, ours by noise and shape, and a part of it through the store."""
    count = 147 if options.quick else 2940
    quiet = list(alert_series.quiet(count))
    changed = list(alert_series.changed(count))
    rules = {
        "buildrec, build by build": rivals.ours,
        "buildrec, after `check`": _checked,
        "t-test over 64, 98 %": rivals.t_test,
        "mean and 4 sigma of 40": rivals.sigmas,
        "10 % of the last value": rivals.percentage,
    }
    scores = {name: Score() for name in rules}
    for name, rule in rules.items():
        for series in (*quiet, *changed):
            scores[name].take(series, rule(series.values))
    notes = [report.table([(n, *s.cells()) for n, s in scores.items()], _HEAD)]
    notes.append(_by("noise", NOISE, quiet, changed))
    notes.append(_by("shape", SHAPES, quiet, changed))
    notes.append(_others(120 if options.quick else 600))
    notes.append(_recorded(28 if options.quick else 210))
    guilty = guilt.measure(20 if options.quick else 60)
    notes.append(f"images with a slower step that alarm: {guilty.alarmed:.1%}")
    shared = slow_days.measure(20 if options.quick else 400)
    notes.append(
        "images on a builder with slow days that became 30 % slower, found by `check` after three "
        f"builds: {shared.found:.1%}"
    )
    ours = scores["buildrec, build by build"]
    calm = [series for series in quiet if series.shape != "slow days"]
    slow = [series for series in quiet if series.shape == "slow days"]
    rows = [
        _row("false alarms in 1,000 builds, all shapes", 1000 * ours.false / ours.builds, 1, "<"),
        _row("quiet series that fail `check`, slow days aside", _failing(calm), 0.005, "<"),
        _row("the same with slow days, nothing else on the builder", _failing(slow), 0.005, "<"),
        _row("the same with slow days, three images on the builder", shared.failing, 0.005, "<"),
    ]
    for noise in NOISE:
        some = [s for s in changed if s.noise == noise and s.step == 0.20]
        usual = [_in_time(series) for series in some if series.shape in _USUAL]
        what = f"+20 % within {_SOON} builds, noise of {noise:.0%}"
        rows.append(_row(f"{what}, one mode, no outliers", _share(usual), 0.95, ">="))
        rows.append(_row(f"{what}, all shapes", _share([*map(_in_time, some)]), 0.95, ">="))
    return Report(
        [*rows, _row("the guilty step named", guilty.right, 0.95, ">=")],
        "\n\n".join(notes),
    )


def _failing(quiet: Sequence[Series]) -> float:
    """The share of series that `check` would exit 3 for."""
    return _share(
        [
            any(
                c.worse and c.ended is None and c.state != "warning"
                for c in find(series.values, LIMITS["duration"])
            )
            for series in quiet
        ]
    )


def _checked(values: Sequence[float]) -> list[tuple[int, int, bool]]:
    """What the full pass finds at the end; when it would have been raised is not known to it."""
    return [
        (c.first, c.first, c.worse)
        for c in find(values, LIMITS["duration"])
        if c.state != "warning"
    ]


def _in_time(series: Series) -> bool:
    at = series.changes[0][0]
    return any(
        worse and abs(first - at) <= _MARGIN and raised - at < _SOON
        for raised, first, worse in rivals.ours(series.values)
    )


def _by(what: str, kinds: Sequence[object], quiet: list[Series], changed: list[Series]) -> str:
    rows = []
    for kind in kinds:
        score, checked = Score(), Score()
        for series in (*quiet, *changed):
            if getattr(series, what) == kind:
                score.take(series, rivals.ours(series.values))
                checked.take(series, _checked(series.values))
        rows += [(f"{what} {kind}", *score.cells()), ("  after `check`", *checked.cells())]
    return report.table(rows, _HEAD)


def _others(count: int) -> str:
    """Slow growth, and sizes."""
    grown = [any(worse for _, _, worse in _checked(s.values)) for s in alert_series.growing(count)]
    sizes = Score()
    for series in alert_series.sizes(count):
        sizes.take(series, rivals.ours(series.values, "size"))
    rows = [("sizes, build by build", *sizes.cells())]
    return f"slow growth of 20 to 60 % found: {_share(grown):.1%}\n\n{report.table(rows, _HEAD)}"


def _recorded(count: int) -> str:
    """Some of the series through the store, build by build, and the pass over what it holds."""
    made = [*alert_series.quiet(count, seed=8), *alert_series.changed(count, seed=9)]
    short = [series for series in made if len(series.values) <= 80]
    score, checked = Score(), Score()
    with tempfile.TemporaryDirectory() as folder, database.connect(Path(folder) / "h.db") as file:
        file.execute("PRAGMA synchronous = OFF")
        for number, series in enumerate(short):
            score.take(series, _stored(file, f"image-{number}", series.values))
            judge_all(file, [f"image-{number}"])
            checked.take(series, _rows(file, f"image-{number}", "state <> 'withdrawn'"))
    words = f"of {len(short)} series with at most 80 builds, recorded through the store:"
    rows = [("recorded", *score.cells()), ("  after `check`", *checked.cells())]
    return f"{words}\n\n{report.table(rows, _HEAD)}"


def _stored(
    connection: sqlite3.Connection, name: str, values: Sequence[float]
) -> list[tuple[int, int, bool]]:
    found: list[tuple[int, int, bool]] = []
    known: set[tuple[int, bool]] = set()
    for number, value in enumerate(values):
        moment = UNTIL + timedelta(hours=number)
        store.record(connection, Build(image_name=name, build_duration=value,
                                       completed_at=moment), KEY)  # fmt: skip
        for _, first, worse in _rows(connection, name, "state = 'open'"):
            if (first, worse) not in known:
                known.add((first, worse))
                found.append((number, first, worse))
    return found


def _rows(connection: sqlite3.Connection, name: str, where: str) -> list[tuple[int, int, bool]]:
    rows = connection.execute(
        "SELECT first_at, direction FROM alerts WHERE image_name = ? AND metric = 'duration' "
        f"AND state <> 'warning' AND {where}",
        (name,),
    )
    places = [
        ((times.parse(at) - UNTIL) // timedelta(hours=1), direction == "worse")
        for at, direction in rows
    ]
    return [(place, place, worse) for place, worse in places]


def _share(found: Sequence[bool]) -> float:
    return sum(found) / max(1, len(found))


def _row(what: str, value: float, goal: float, side: str) -> Row:
    met = value < goal if side == "<" else value >= goal
    shown = f"{value:.2f}" if goal == 1 else f"{value:.1%}"
    aim = f"{goal:g}" if goal == 1 else f"{goal:.1%}"
    return Row(what, "", shown, "", f"{side} {aim}", met)
