"""Comparing two runs of benchmarks: what compares, and what is more than noise."""

import json
import random
import statistics
from itertools import combinations
from pathlib import Path

import pytest
from bench_help import buildrec, result, stored
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.bench import comparison

_VALUES = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=5)


@given(_VALUES, _VALUES)
@settings(deadline=None)
def test_the_significance_is_the_share_of_all_deals_that_are_as_far_from_the_middle(
    one: list[float], other: list[float]
) -> None:
    together = [*one, *other]
    ranks = [
        statistics.fmean(i for i, v in enumerate(sorted(together), 1) if v == value)
        for value in together
    ]
    middle = len(one) * (len(together) + 1) / 2
    far = abs(sum(ranks[: len(one)]) - middle)
    deals = [abs(sum(deal) - middle) >= far - 1e-9 for deal in combinations(ranks, len(one))]
    assert comparison.significance(one, other) == pytest.approx(sum(deals) / len(deals))


@given(_VALUES, _VALUES)
def test_the_significance_is_the_same_from_either_side(
    one: list[float], other: list[float]
) -> None:
    assert comparison.significance(one, other) == pytest.approx(comparison.significance(other, one))


def test_large_samples_are_told_alike_by_the_normal_distribution() -> None:
    source = random.Random(7)
    one = [source.gauss(10, 1) for _ in range(20)]
    other = [source.gauss(10.6, 1) for _ in range(20)]
    exact = comparison.significance(one, other)
    doubled = comparison.significance([*one, 10.0], [*other, 10.6])
    assert exact == pytest.approx(doubled, abs=0.02)


def compared(path: Path, before: object, now: object) -> dict[str, dict[str, object]]:
    ended = buildrec("--db", str(path), "bench", "compare", str(before), str(now))
    assert ended.returncode == 0, ended.stderr
    return {row["benchmark"]: row for row in json.loads(ended.stdout)}


def test_a_change_is_told_from_noise(database_path: Path) -> None:
    before = stored(
        database_path,
        result("slower", 0.010), result("faster", 0.010), result("alike", 0.010),
        result("little", 0.010), result("gone", 0.010), result("failing", 0.010),
    )  # fmt: skip
    now = stored(
        database_path,
        result("slower", 0.012), result("faster", 0.008), result("alike", 0.0100001),
        result("little", 0.01015), result("new", 0.010),
        result("failing", raw=(), status="failed", reason="found 3 of 4"),
    )  # fmt: skip
    rows = compared(database_path, before, now)
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "slower": "slower",
        "faster": "faster",
        "alike": "same",
        "little": "same",
        "gone": "only before",
        "new": "only now",
        "failing": "failed",
    }
    assert rows["slower"]["change"] == pytest.approx(0.2)
    assert rows["slower"]["p"] < 0.05 <= rows["alike"]["p"]


def test_values_of_one_process_do_not_count_as_many(database_path: Path) -> None:
    few = stored(database_path, result(processes=1, raw=((0.01, 0.0101),)), quick=1)
    slower = stored(database_path, result(processes=1, raw=((0.02, 0.0201),)), quick=1)
    assert compared(database_path, few, slower)["sum"]["verdict"] == "too few values"
    one = stored(database_path, result(processes=2), quick=1)
    other = stored(database_path, result(processes=2, seconds=0.011), quick=1)
    much = stored(database_path, result(processes=2, seconds=0.02), quick=1)
    assert compared(database_path, one, other)["sum"]["verdict"] == "same"
    assert compared(database_path, one, much)["sum"]["verdict"] == "slower"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"mode": "contention", "copies": 2}),
        ({"mode": "contention", "copies": 2}, {"mode": "contention", "copies": 3}),
        ({"quick": 1}, {"quick": 0}),
        ({}, {"kind": "measured"}),
    ],
)
def test_what_measures_different_things_is_refused_in_one_sentence(
    database_path: Path, one: dict[str, object], other: dict[str, object]
) -> None:
    first = stored(database_path, result(), **one)
    second = stored(database_path, result(), **other)
    for pair in ((first, second), (second, first)):
        ended = buildrec("--db", str(database_path), "bench", "compare", *map(str, pair))
        assert (ended.returncode, ended.stdout) == (2, "")
        assert len(ended.stderr.splitlines()) == 1
        assert "compare runs of one kind" in ended.stderr


def test_runs_are_found_by_latest_previous_number_and_commit(database_path: Path) -> None:
    first = stored(database_path, result(seconds=0.01), git_commit="a" * 40)
    stored(database_path, result(seconds=0.02), kind="measured")
    second = stored(database_path, result(seconds=0.04), git_commit="b" * 40)
    for before, now in (
        ("previous", "latest"), (first, second), ("aaaaaaa", "b" * 40), ("AAAAAAA", "latest"),
    ):  # fmt: skip
        assert compared(database_path, before, now)["sum"]["change"] == pytest.approx(3)
    ended = buildrec("--db", str(database_path), "bench", "compare", "cccccc", "latest")
    assert ended.returncode == 1
    assert "there is no run of benchmarks 'cccccc'" in ended.stderr


def test_other_machines_load_and_runs_that_are_not_whole_are_told(database_path: Path) -> None:
    one = stored(database_path, result(), cpu="One", cpus=2, load_before=0.1)
    other = stored(
        database_path, result(), cpu="Other", cpus=2, load_before=1.9, ended="interrupted"
    )
    ended = buildrec("--db", str(database_path), "bench", "compare", str(one), str(other))
    assert "note: the machines differ: cpu One and Other" in ended.stderr
    assert f"note: run {other} began under a load of 1.9" in ended.stderr
    assert f"note: run {other} is not whole: it is interrupted" in ended.stderr
    alone = buildrec("--db", str(database_path), "bench", "compare", str(one), str(one))
    assert alone.stderr == ""


def test_figures_that_changed_are_told_beside_the_time(database_path: Path) -> None:
    one = stored(database_path, result(figures={"hits": 31, "accuracy": 0.9}))
    other = stored(database_path, result(figures={"hits": 30, "accuracy": 0.9}))
    assert compared(database_path, one, other)["sum"]["figures"] == {"hits": [31, 30]}
    words = ["bench", "compare", str(one), str(other), "--format"]
    table = buildrec("--db", str(database_path), *words, "table").stdout
    assert "hits 31 → 30" in table
    lines = buildrec("--db", str(database_path), *words, "csv").stdout.splitlines()
    assert lines[0].startswith("suite,benchmark,before,now,change,p,verdict")
    assert '{""hits"": [31, 30]}' in lines[1]
