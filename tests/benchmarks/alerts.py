"""The exam of alerts: series whose changes are known, judged by us and as others do."""

import math
import multiprocessing
import sqlite3
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from recorder import database, store, times
from recorder.alerts.full_pass import judge_all
from recorder.judging.changes import Change, find
from recorder.judging.limits import LIMITS
from recorder.model import Build
from tests.benchmarks import alert_series, report, rivals, slow_days, stepped
from tests.benchmarks.alert_scores import HEAD, SOON, Alarm, Score, in_time, share
from tests.benchmarks.alert_series import NOISE, SHAPES, Series
from tests.benchmarks.generator import UNTIL
from tests.benchmarks.options import Options
from tests.benchmarks.places import KEY
from tests.benchmarks.report import Report, Row

_USUAL = ("normal", "lognormal", "heavy tails", "sawtooth")
_OTHERS = {
    "t-test over 64, 98 %": rivals.t_test,
    "mean and 4 sigma of 40": rivals.sigmas,
    "10 % of the last value": rivals.percentage,
}


class _Judged(NamedTuple):
    """A series, what our rule raised build by build, and what the full pass makes of it."""

    series: Series
    raised: list[Alarm]
    changes: list[Change]

    @property
    def checked(self) -> list[Alarm]:
        """What the full pass finds; when it would have been raised is not known to it."""
        return [(c.first, c.first, c.worse) for c in self.changes if c.state != "warning"]

    @property
    def fails(self) -> bool:
        """Whether `check` would exit with 3."""
        return any(c.worse and c.ended is None and c.state != "warning" for c in self.changes)


def measure(options: Options) -> Report:
    """All rules on all series, ours by noise and shape, and a part of it through the store."""
    count = 147 if options.quick else 2940
    with multiprocessing.Pool() as pool:
        quiet = pool.map(_judge, alert_series.quiet(count), 20)
        changed = pool.map(_judge, alert_series.changed(count), 20)
        grown = pool.map(_judge, alert_series.growing(120 if options.quick else 600), 20)
    rows, notes = _of_series(quiet, changed)
    for measured in (_on_slow_days, _of_images):
        more_rows, more_notes = measured(options)
        rows, notes = rows + more_rows, notes + more_notes
    found = share([any(worse for _, _, worse in judged.checked) for judged in grown])
    notes += [
        f"slow growth of 20 to 60 % found: {found:.1%}",
        _sizes(120 if options.quick else 600),
    ]
    notes.append(_recorded(28 if options.quick else 210))
    return Report(rows, "\n\n".join(notes))


def _judge(series: Series) -> _Judged:
    return _Judged(series, rivals.ours(series.values), find(series.values, LIMITS["duration"]))


def _of_series(quiet: list[_Judged], changed: list[_Judged]) -> tuple[list[Row], list[str]]:
    """Durations alone: what no rule can know more of than the values."""
    both = [*quiet, *changed]
    ours = _scored((j.series, j.raised) for j in both)
    table = [
        ("buildrec, build by build", *ours.cells()),
        ("buildrec, after `check`", *_scored((j.series, j.checked) for j in both).cells()),
    ]
    for name, rule in _OTHERS.items():
        table.append((name, *_scored((j.series, rule(j.series.values)) for j in both).cells()))
    calm = [j.fails for j in quiet if j.series.shape != "slow days"]
    slow = [j.fails for j in quiet if j.series.shape == "slow days"]
    rows = [
        _row("false alarms in 1,000 builds, all shapes", ours.in_a_thousand(), 1, "<"),
        _row("quiet series that fail `check`, slow days aside", share(calm), 0.005, "<"),
        _row("the same with slow days, nothing else on the builder", share(slow), 0.005, "<"),
    ]
    for noise in NOISE:
        some = [j for j in changed if j.series.noise == noise and j.series.step == 0.20]
        hits = [(j.series.shape, in_time(j.series, j.raised)) for j in some]
        what = f"+20 % within {SOON} builds, durations alone, noise of {noise:.0%}"
        usual = share([hit for shape, hit in hits if shape in _USUAL])
        rows.append(_row(f"{what}, one mode", usual, 0.95, ">=", _at_best(noise)))
        rows.append(_row(f"{what}, all shapes", share([hit for _, hit in hits]), 0.95, ">="))
    notes = [report.table(table, HEAD), _by("noise", NOISE, both), _by("shape", SHAPES, both)]
    return rows, notes


def _at_best(noise: float) -> str:
    """How many a rule finds that knows the usual value and a normal noise, and may be as wrong.

    It takes the mean of three builds, which is the most powerful test of a shift, with a false
    alarm in 1,000 builds; the noise grows with the value.
    """
    normal = statistics.NormalDist()
    off = 0.20 / noise * math.sqrt(SOON) - normal.inv_cdf(1 - 1 / 1000)
    return f"{normal.cdf(off / 1.2):.1%} at best"


def _on_slow_days(options: Options) -> tuple[list[Row], list[str]]:
    shared = slow_days.measure(20 if options.quick else 400)
    what = "the same with slow days, three images on the builder"
    note = (
        "images on a builder with slow days that became 30 % slower, found by `check` after three "
        f"builds: {shared.found:.1%}"
    )
    return [_row(what, shared.failing, 0.005, "<")], [note]


def _of_images(options: Options) -> tuple[list[Row], list[str]]:
    """Builds with their steps, as they are recorded."""
    count, rows, lines = (20 if options.quick else 200), [], []
    for noise in NOISE:
        found = stepped.changed(count, noise, (0.20, 0.20), seed=5)
        quiet = stepped.quiet(count, noise, seed=6)
        what = f"builds with steps, noise of {noise:.0%} of each"
        rows += [
            _row(f"+20 % within {SOON} builds, {what}", found.soon, 0.95, ">="),
            _row(f"false alarms in 1,000 {what}", quiet.in_a_thousand, 1, "<"),
            _row(f"quiet images that fail `check`, {what}", quiet.failing, 0.005, "<"),
        ]
    slow = stepped.quiet(2 * count, 0.05, seed=8, slow_days=True)
    what = "builds with steps, slow days, noise of 5% of each"
    rows += [
        _row(f"false alarms in 1,000 {what}", slow.in_a_thousand, 1, "<"),
        _row(f"quiet images that fail `check`, {what}", slow.failing, 0.005, "<"),
    ]
    guilty = stepped.changed(count, 0.05, (0.15, 0.50), seed=7, after=10)
    lines = [
        f"images with a step slower by 15 to 50 % of the build that alarm: {guilty.alarmed:.1%}"
    ]
    return [*rows, _row("the guilty step named", guilty.right, 0.95, ">=")], lines


def _scored(judged: Iterable[tuple[Series, Sequence[Alarm]]]) -> Score:
    score = Score()
    for series, alarms in judged:
        score.take(series, alarms)
    return score


def _by(what: str, kinds: Sequence[object], judged: Sequence[_Judged]) -> str:
    rows = []
    for kind in kinds:
        some = [j for j in judged if getattr(j.series, what) == kind]
        raised = _scored((j.series, j.raised) for j in some)
        checked = _scored((j.series, j.checked) for j in some)
        rows += [(f"{what} {kind}", *raised.cells()), ("  after `check`", *checked.cells())]
    return report.table(rows, HEAD)


def _sizes(count: int) -> str:
    sizes = _scored((s, rivals.ours(s.values, "size")) for s in alert_series.sizes(count))
    return report.table([("sizes, build by build", *sizes.cells())], HEAD)


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
            # What was over before it looked is none of its findings.
            found = "state <> 'withdrawn' AND (state <> 'resolved' OR rule <> 'recent')"
            checked.take(series, _rows(file, f"image-{number}", found))
    words = f"of {len(short)} series with at most 80 builds, recorded through the store:"
    rows = [("recorded", *score.cells()), ("  after `check`", *checked.cells())]
    return f"{words}\n\n{report.table(rows, HEAD)}"


def _stored(connection: sqlite3.Connection, name: str, values: Sequence[float]) -> list[Alarm]:
    found: list[Alarm] = []
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


def _rows(connection: sqlite3.Connection, name: str, where: str) -> list[Alarm]:
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


def _row(what: str, value: float, goal: float, side: str, floor: str = "") -> Row:
    met = value < goal if side == "<" else value >= goal
    shown = f"{value:.2f}" if goal == 1 else f"{value:.1%}"
    aim = f"{goal:g}" if goal == 1 else f"{goal:.1%}"
    return Row(what, floor, shown, "", f"{side} {aim}", met)
