"""The rules that tell a regression from noise, as pure functions of values."""

import itertools
import random

import pytest
from alerts_help import noisy
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.judging import levels, recent, segments
from recorder.judging.changes import find
from recorder.judging.limits import ENOUGH, LIMITS
from recorder.judging.ranks import mann_whitney, median, quantile

DURATION = LIMITS["duration"]
_seconds = st.floats(1, 1e4, allow_nan=False)


def state(values, metric="duration"):
    verdict = recent.judge(values, LIMITS[metric])
    return verdict and verdict.state


@given(st.lists(_seconds, max_size=ENOUGH))
def test_nothing_is_said_of_fewer_than_five_comparable_builds(values):
    assert state(values) is None


def test_one_build_far_off_is_a_warning_and_three_are_a_regression():
    usual = noisy(20)
    assert state([*usual, 141.0]) == "warning"
    assert state([*usual, 141.0, 139.0]) == "warning"
    found = recent.judge([*usual, 141.0, 139.0, 140.0], DURATION)
    assert found is not None
    assert (found.state, found.first) == ("open", 20)
    assert found.baseline.median == median(usual)


def test_two_outliers_are_no_regression():
    assert state([*noisy(20), 150.0, 101.0, 160.0]) == "warning"
    assert state([*noisy(20), 150.0, 160.0, 100.0]) == "usual"


def test_what_was_there_before_and_went_away_is_nothing_new():
    slow_day = [130.0, 132.0, 129.0, 131.0]
    assert state([*noisy(20), *slow_day[:3]]) == "open"
    assert state([*noisy(20), *slow_day, *noisy(20, seed=2), 128.0, 127.0, 126.0]) != "open"


def test_the_upper_mode_of_two_is_no_regression():
    source = random.Random(4)
    values = [100.0 if source.random() < 0.6 else 160.0 for _ in range(40)]
    assert state([*values, 160.0, 160.0, 160.0]) != "open"


def test_what_is_back_within_its_noise_has_ended():
    usual = noisy(14, 39, 0.05)
    after = [*noisy(9, 40, 0.05, seed=2), *noisy(5, 50, 0.01), *noisy(5, 40, 0.05, seed=3)]
    found = find([*usual, *noisy(7, 56, 0.02), *after], DURATION)
    assert [(change.first, change.worse) for change in found] == [(14, True), (21, False)]
    assert found[0].ended == 21


def two_levels(count, low=100.0, high=150.0, seed=1):
    """Builds of which every fourth takes longer, all with a noise of 2 %."""
    source = random.Random(seed)
    return [(high if source.random() < 0.25 else low) * source.gauss(1, 0.02) for _ in range(count)]


def test_a_series_with_two_levels_tells_a_regression_of_both():
    slower = [value * 1.2 for value in two_levels(30, seed=2)]
    (change,) = find([*two_levels(30), *slower[:3]], DURATION)
    assert (change.first, change.state) == (pytest.approx(30, abs=1), "open")
    assert (change.before, change.after) == pytest.approx((100, 120), rel=0.03)
    (change,) = find([*two_levels(30), *slower], DURATION)
    assert (change.first, change.ended) == (pytest.approx(30, abs=1), None)
    (change,) = find([*two_levels(30), *slower, *two_levels(30, seed=3)], DURATION)[:1]
    assert (change.first, change.ended) == pytest.approx((30, 60), abs=1)
    assert find(two_levels(60), DURATION) == []


def test_a_series_that_stays_on_the_rarer_of_its_levels_is_a_regression_that_lasts():
    values = [*two_levels(40), *noisy(20, 150, 0.02)]
    (change,) = find(values, DURATION)
    assert (change.worse, change.ended, change.state) == (True, None, "confirmed")
    assert abs(change.first - 40) <= 1


def test_days_on_which_a_builder_is_slow_are_no_level():
    values = [*noisy(14), *noisy(6, 130, seed=2), *noisy(14, seed=3), *noisy(6, 130, seed=4)]
    assert levels.find(values, 0.015) is None


@given(st.lists(_seconds, min_size=10, max_size=60))
def test_a_value_is_changed_by_no_more_than_the_ratio_of_the_levels(values):
    found = levels.find(values, 0.015)
    if found:
        assert found.usual != found.other
        for value in values:
            assert found.evened(value) in (value, value * found.usual / found.other)
        assert sum(map(found.is_usual, values)) * 2 >= len(values)


@given(st.integers(6, 60), _seconds)
def test_builds_that_all_take_the_same_never_alarm(count, seconds):
    assert state([seconds] * count) == "usual"
    assert find([seconds] * count, DURATION) == []


def test_a_size_needs_one_build_from_two_percent_and_a_megabyte_on():
    assert state([100e6] * 6 + [102.1e6], "size") == "open"
    assert state([100e6] * 6 + [101.9e6], "size") == "usual"
    assert state([10e6] * 6 + [10.9e6], "size") == "usual"


def test_a_change_that_is_too_small_to_matter_is_none_however_sure():
    values = [100.0 + i % 2 / 10 for i in range(40)] + [104.0 + i % 2 / 10 for i in range(40)]
    assert find(values, DURATION) == []
    tenth = [value / 1000 for value in noisy(20)] + [0.2] * 20  # 0.1 s more is no matter
    assert find(tenth, DURATION) == []


@pytest.mark.parametrize("factor", [1.1, 1.2, 1.4, 2.0, 0.9, 0.8, 0.5])
def test_a_step_up_or_down_is_dated_to_its_build(factor):
    values = [*noisy(30), *noisy(30, 100 * factor, seed=2)]
    (change,) = find(values, DURATION)
    assert (change.first, change.worse, change.state) == (30, factor > 1, "confirmed")
    assert change.before == pytest.approx(100, rel=0.02)
    assert change.after == pytest.approx(100 * factor, rel=0.02)


def test_what_went_back_has_ended():
    values = [*noisy(30), *noisy(20, 140, seed=2), *noisy(20, seed=3)]
    worse, better = find(values, DURATION)
    assert (worse.first, worse.ended) == (30, 50)
    assert (better.first, better.worse, better.ended) == (50, False, None)


def test_slow_growth_is_found():
    values = [value * (1 + i / 600) for i, value in enumerate(noisy(200))]
    assert any(change.worse and change.ended is None for change in find(values, DURATION))


@settings(max_examples=40, deadline=None)
@given(st.lists(_seconds, min_size=8, max_size=40))
def test_pieces_are_long_enough_and_in_order(values):
    cuts = segments.cut(values)
    bounds = [0, *cuts, len(values)]
    assert bounds == sorted(set(bounds))
    assert all(b - a >= segments.SHORTEST for a, b in itertools.pairwise(bounds))


@settings(max_examples=40, deadline=None)
@given(st.lists(_seconds, min_size=6, max_size=60), st.sampled_from(sorted(LIMITS)))
def test_at_most_one_change_of_each_direction_stands(values, metric):
    found = find(values, LIMITS[metric])
    for worse in (True, False):
        lasting = [c for c in found if c.worse is worse and c.ended is None]
        assert sum(c.state != "warning" for c in lasting) <= 1
    assert all(0 < c.first < len(values) for c in found)
    assert all(c.before_count >= ENOUGH for c in found)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(10)))
def test_ranks_differ_as_often_as_counting_all_ways_to_draw_them_tells(values):
    one, other = values[:5], values[5:]

    def off(sample, rest):
        return abs(sum((a > b) - (a < b) for a in sample for b in rest))

    pool = [*one, *other]
    ways = [*itertools.combinations(range(len(pool)), len(one))]
    as_far = sum(
        off([pool[i] for i in way], [pool[i] for i in range(len(pool)) if i not in way])
        >= off(one, other)
        for way in ways
    )
    assert mann_whitney(one, other) == pytest.approx(as_far / len(ways), abs=0.05)


@given(st.lists(_seconds, min_size=1, max_size=30))
def test_the_median_and_quantiles_are_of_the_values(values):
    ranked = sorted(values)
    assert ranked[0] <= median(values) <= ranked[-1]
    assert quantile(ranked, 0.0) == ranked[0]
    assert quantile(ranked, 1.0) == ranked[-1]
