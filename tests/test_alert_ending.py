"""When an alert is over, what an acknowledgement covers, and that neither is said too soon."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alerts_help import KEY, build, judged, noisy, record, record_series, rows, stepped

from recorder import database, store
from recorder.alert_tables import STANDING
from recorder.alerts import people
from recorder.model import Build

STATES = "state, first_build_id"


def acknowledge(path: Path) -> None:
    """All that stands."""
    with database.connect(path) as connection:
        numbers = connection.execute(f"SELECT id FROM alerts WHERE {STANDING}").fetchall()
        assert numbers
        people.acknowledge(connection, [number for (number,) in numbers])


def import_all(path: Path, builds: list[Build]) -> None:
    """Without a judgement of each."""
    with database.connect(path) as connection:
        store.record_all(connection, builds, KEY)


def import_series(path: Path, values: list[float], start: int = 0) -> None:
    import_all(path, [build(start + i, value) for i, value in enumerate(values)])


def standing(path: Path) -> list[Any]:
    return [row for row in rows(path, STATES) if row[0] in ("warning", "open", "confirmed")]


def sized(number: int, megabytes: float) -> Build:
    return build(number, 100.0, image_size_bytes=int(megabytes * 1e6), size_kind="unpacked")


def test_a_regression_after_an_improvement_is_over_only_at_the_better_level(database_path):
    values = [*noisy(28), *noisy(30, 74, seed=2), *noisy(12, 85, seed=3)]
    record_series(database_path, values)
    judged(database_path)
    found = rows(database_path, "direction, state, first_build_id")
    assert ("worse", "confirmed", 59) in found
    record_series(database_path, noisy(4, 85, seed=4), start=70)
    assert rows(database_path, "direction, state, first_build_id") == found
    record_series(database_path, noisy(3, 74, seed=5), start=74)
    assert standing(database_path) == [("confirmed", 29)]  # the improvement
    assert ("resolved", 59) in rows(database_path, STATES)


def test_a_regression_that_is_too_old_to_judge_again_is_over_when_values_are_back(database_path):
    import_series(database_path, [*noisy(40), *noisy(130, 130, seed=2)])
    judged(database_path)
    import_series(database_path, noisy(180, 130, seed=3), start=170)
    judged(database_path)
    assert standing(database_path) == [("confirmed", 41)]
    import_series(database_path, noisy(60, seed=4), start=350)
    judged(database_path)
    assert ("resolved", 41) in rows(database_path, STATES)
    assert judged(database_path) == 0


def test_a_regression_whose_good_builds_were_pruned_is_over_when_values_are_back(database_path):
    record_series(database_path, [*noisy(20), *noisy(5, 140, seed=2)])
    with database.connect(database_path) as connection:
        store.delete(connection, range(1, 21), keep_days=True)
    record_series(database_path, noisy(2, seed=3), start=25)
    assert standing(database_path) == [("open", 21)]
    record_series(database_path, noisy(1, seed=4), start=27)
    assert standing(database_path) == []


def test_a_regression_that_lasted_a_few_builds_is_resolved_and_not_called_an_error(database_path):
    record_series(database_path, [*noisy(20), *noisy(5, 140, seed=2), *noisy(20, seed=3)])
    assert judged(database_path) == 0
    assert rows(database_path, STATES) == [("resolved", 21)]


def test_an_alert_of_a_step_is_over_when_the_step_is_gone(database_path):
    def with_key(number: int, seconds: float, key: str) -> Build:
        made = stepped(number, [seconds, 5.0, 5.0])
        return replace(made, steps=(replace(made.steps[0], step_key=key), *made.steps[1:]))

    slow = [with_key(20 + i, value, "old") for i, value in enumerate(noisy(6, 60, seed=2))]
    record(
        database_path, [with_key(i, value, "old") for i, value in enumerate(noisy(20, 20))] + slow
    )
    judged(database_path)
    assert {row[0] for row in rows(database_path, "metric")} == {"duration", "step"}
    edited = [with_key(26 + i, value, "new") for i, value in enumerate(noisy(12, 20, seed=3))]
    record(database_path, edited[:3])
    assert standing(database_path) == []
    import_all(database_path, edited[3:])
    judged(database_path)
    assert standing(database_path) == []
    assert judged(database_path) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [({"builder": "ci"}, {"builder": "default"}), ({"target": "app"}, {"target": "web"}),
     ({"cache_ratio": 0.0}, {"cache_ratio": 1.0})],
)  # fmt: skip
def test_an_alert_of_builds_that_come_no_more_is_over_in_the_end(database_path, one, other):
    record_series(database_path, [*noisy(20), *noisy(6, 140, seed=2)], **one)

    def told(days: int) -> list[Any]:
        later = [build(26 + i + 24 * days, v, **other) for i, v in enumerate(noisy(3, seed=3))]
        record(database_path, later)
        judged(database_path)
        assert judged(database_path) == 0
        return [row for row in rows(database_path, "metric, state") if row[0] == "duration"]

    assert told(200) == [("duration", "confirmed")]  # for so long it was not built at all
    assert told(280) == [("duration", "confirmed")]
    assert told(300) == [("duration", "resolved")]
    record_series(database_path, noisy(6, 140, seed=4), start=8000, **one)
    judged(database_path)
    assert standing(database_path)[0] == ("confirmed", 21)


def test_an_alert_of_an_image_that_is_not_built_stands(database_path):
    record_series(database_path, [*noisy(20), *noisy(6, 140, seed=2)])
    record(database_path, [build(5000, 100.0, image="other")])
    judged(database_path)
    assert standing(database_path) == [("confirmed", 21)]


def test_a_size_that_was_back_meanwhile_is_told_with_the_build_that_is_larger_now(database_path):
    sizes = [100.0] * 12 + [110.0, 100.5, 100.5, 100.5, 130.0]
    record(database_path, [sized(i, size) for i, size in enumerate(sizes)])
    for number in range(17, 21):
        judged(database_path)
        found = rows(database_path, "state, first_build_id, round(after_value)")
        assert [row[1:] for row in found if row[0] != "resolved"] == [(17, 130e6)]
        record(database_path, [sized(number, 130.0)])


@pytest.mark.parametrize("one_by_one", [True, False])
def test_what_is_far_worse_than_what_was_acknowledged_is_told(database_path, one_by_one):
    record_series(database_path, [*noisy(20), *noisy(3, 120, seed=2)])
    acknowledge(database_path)
    put = record_series if one_by_one else import_series
    put(database_path, noisy(10, 240, seed=3), start=23)
    if one_by_one:
        assert standing(database_path) == [("open", 24)]
    judged(database_path)
    assert rows(database_path, STATES) == [("acknowledged", 21), ("confirmed", 24)]
    before, after = rows(database_path, "before_value, after_value")[1]
    assert (before, after) == (pytest.approx(120, rel=0.05), pytest.approx(240, rel=0.05))
    assert judged(database_path) == 0


def test_a_size_that_grows_on_after_it_was_acknowledged_is_told(database_path):
    record(database_path, [sized(i, 100) for i in range(20)] + [sized(20, 110)])
    assert standing(database_path) == [("open", 21)]
    acknowledge(database_path)
    record(database_path, [sized(21 + i, 1000) for i in range(10)])
    judged(database_path)
    assert rows(database_path, STATES) == [("acknowledged", 21), ("confirmed", 22)]


def test_a_change_that_was_acknowledged_twice_as_it_grew_is_not_told_again(database_path):
    record_series(database_path, [*noisy(20), 150.0])
    acknowledge(database_path)
    record_series(database_path, noisy(8, 200, seed=2), start=21)
    judged(database_path)
    assert [row[1] for row in standing(database_path)] == [22]
    (sentence,) = rows(database_path, "sentence")[-1]
    assert " above the usual 150 s of the last comparable build, since build 22 " in sentence
    acknowledge(database_path)
    record_series(database_path, noisy(4, 200, seed=3), start=29)
    judged(database_path)
    assert standing(database_path) == []
    record_series(database_path, noisy(8, 280, seed=4), start=33)
    judged(database_path)
    assert [row[1] for row in standing(database_path)] == [34]


def test_a_small_change_in_a_noisy_series_stays_acknowledged_while_it_lasts(database_path):
    import_series(database_path, [*noisy(40, noise=0.05), *noisy(40, 108, 0.05, seed=4)])
    judged(database_path)
    assert [row[0] for row in standing(database_path)] == ["confirmed"]
    acknowledge(database_path)
    judged(database_path)
    assert standing(database_path) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_small_change_in_a_noisy_series_is_not_over_as_soon_as_it_is_found(database_path, seed):
    import_series(database_path, [*noisy(40, noise=0.05), *noisy(40, 108, 0.05, seed=seed)])
    judged(database_path)
    assert [row[0] for row in standing(database_path)] == ["confirmed"]


def test_growth_that_was_acknowledged_is_not_told_again_by_another_date(database_path):
    values = [100 * (1 + 0.0007 * i) for i in range(400)]
    record_series(database_path, values[:360])
    judged(database_path)
    acknowledge(database_path)
    record_series(database_path, values[360:375], start=360)
    judged(database_path)
    assert standing(database_path) == []


@pytest.mark.parametrize("one_by_one", [True, False])
def test_what_was_acknowledged_ends_when_values_are_back_and_can_begin_anew(
    database_path, one_by_one
):
    put = record_series if one_by_one else import_series
    record_series(database_path, [*noisy(20), *noisy(10, 150, seed=2)])
    acknowledge(database_path)
    put(database_path, noisy(10, seed=3), start=30)
    judged(database_path)
    assert ("resolved", 21) in rows(database_path, STATES)
    put(database_path, noisy(14, 150, seed=4), start=40)
    judged(database_path)
    assert judged(database_path) == 0
    assert rows(database_path, STATES + ", direction") == [
        ("resolved", 21, "worse"), ("confirmed", 41, "worse"),
    ]  # fmt: skip


@pytest.mark.parametrize("one_by_one", [True, False])
def test_what_was_acknowledged_is_over_however_few_builds_it_lasted(database_path, one_by_one):
    record_series(database_path, [*noisy(20), *noisy(5, 150, seed=2)])
    acknowledge(database_path)
    put = record_series if one_by_one else import_series
    put(database_path, noisy(3, seed=3), start=25)
    judged(database_path)
    assert rows(database_path, STATES) == [("resolved", 21)]


@pytest.mark.parametrize("between", [5, 8, 12])
def test_what_comes_back_after_it_was_acknowledged_and_mended_is_a_regression_of_its_own(
    database_path, between
):
    record_series(database_path, [*noisy(25, 60), *noisy(11, 80, seed=2)])
    acknowledge(database_path)
    record_series(database_path, noisy(between, 60, seed=3), start=36)
    judged(database_path)
    back = 36 + between
    for number, value in enumerate(noisy(8, 80, seed=4)):
        record_series(database_path, [value], start=back + number)
        judged(database_path)
        state = "warning" if number < 2 else standing(database_path)[0][0]
        assert standing(database_path) == [(state, back + 1)]
        assert number < 2 or state in ("open", "confirmed")
    assert ("resolved", 26) in rows(database_path, STATES)


def test_one_size_beyond_what_was_acknowledged_is_told_and_one_that_is_back_ends_it(database_path):
    sizes = [100.0] * 12 + [120.0, 120.0]
    record(database_path, [sized(i, size) for i, size in enumerate(sizes)])
    acknowledge(database_path)

    def told(number: int, megabytes: float) -> list[Any]:
        record(database_path, [sized(number, megabytes)])
        one = standing(database_path)
        judged(database_path)
        assert judged(database_path) == 0
        assert [row[1] for row in standing(database_path)] == [row[1] for row in one]
        return [row for row in rows(database_path, "first_build_id, direction, round(after_value), "
                "state") if row[3] in ("open", "confirmed")]  # fmt: skip

    assert [row[:3] for row in told(14, 140.0)] == [(15, "worse", 140e6)]
    assert [row[:2] for row in told(15, 120.0)] == []
    assert "worse" not in [row[1] for row in told(16, 100.0)]
    assert [row[:3] for row in told(17, 120.0) if row[1] == "worse"] == [(18, "worse", 120e6)]


def test_an_acknowledged_outlier_hides_nothing_that_comes_later(database_path):
    record_series(database_path, [*noisy(20), 300.0])
    acknowledge(database_path)
    import_series(database_path, [*noisy(15, seed=2), *noisy(8, 170, seed=3)], start=21)
    judged(database_path)
    assert standing(database_path) == [("confirmed", 37)]


def test_a_second_pass_changes_nothing_whoever_ended_an_alert(database_path):
    record_series(database_path, [*noisy(20), *noisy(10, 150, seed=2)])
    acknowledge(database_path)
    record_series(database_path, noisy(10, seed=3), start=30)
    record_series(database_path, [190.0], start=40)  # a warning, so that each pass judges again
    judged(database_path)
    assert judged(database_path) == 0
    assert standing(database_path)
