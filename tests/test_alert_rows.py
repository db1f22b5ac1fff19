"""Alerts as rows: opened at recording, judged anew by the full pass, kept whatever goes."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from alerts_help import KEY, NOON, build, judged, noisy, record, record_series, rows, stepped

from recorder import database, store, times
from recorder.alerts import people, verdict
from recorder.alerts.full_pass import judge_all
from recorder.alerts.settings import Settings
from recorder.model import Layer

STANDS = "metric, direction, state, first_ref"


def events(path):
    with database.connect(path) as connection:
        return connection.execute("SELECT alert_id, state FROM alert_events ORDER BY id").fetchall()


def test_a_build_that_is_recorded_is_judged_with_it(database_path):
    record_series(database_path, [*noisy(20), 140.0])
    assert rows(database_path) == [("duration", "worse", "warning", 21)]
    record_series(database_path, [139.0, 141.0], start=21)
    assert rows(database_path) == [("duration", "worse", "open", 21)]
    assert events(database_path) == [(1, "warning"), (1, "open")]
    ((sentence,),) = rows(database_path, "sentence")
    assert sentence.startswith("app: 140 s is ")
    assert "above the usual " in sentence
    assert "of the last 20 comparable builds, since build 21 (commit 0000000)" in sentence


def test_what_is_above_a_usual_of_nothing_has_no_share(database_path):
    record_series(database_path, [*[0.0] * 20, *[5.0] * 3])
    ((sentence,),) = rows(database_path, "sentence")
    assert sentence.startswith("app: 5.00 s is above the usual 0.00 s of the last 20 comparable ")


def test_a_warning_that_was_an_outlier_is_withdrawn(database_path):
    record_series(database_path, [*noisy(20), 160.0, *noisy(4, seed=2)])
    assert rows(database_path) == []
    assert events(database_path) == [(1, "warning"), (1, "withdrawn")]


def test_three_builds_that_are_back_resolve_a_regression(database_path):
    record_series(database_path, [*noisy(20), *noisy(5, 140, seed=2), *noisy(3, seed=3)])
    assert rows(database_path, "state, ended_at") == [
        ("resolved", (NOON + timedelta(hours=25)).strftime("%Y-%m-%dT%H:00:00.000Z"))
    ]


def test_what_is_acknowledged_is_the_new_usual(database_path):
    record_series(database_path, [*noisy(20), *noisy(4, 140, seed=2)])
    with database.connect(database_path) as connection:
        assert people.acknowledge(connection, [1], "we know") == 1
        assert people.acknowledge(connection, [1]) == 0
    record_series(database_path, noisy(15, 140, seed=3), start=24)
    assert rows(database_path) == [("duration", "worse", "acknowledged", 21)]
    record_series(database_path, noisy(3, 200, seed=4), start=39)
    assert [row[2:] for row in rows(database_path)] == [("acknowledged", 21), ("open", 40)]
    judged(database_path)
    assert [row[2:] for row in rows(database_path)] == [("acknowledged", 21), ("open", 40)]


def test_what_a_person_calls_mended_opens_again_if_it_is_not(database_path):
    record_series(database_path, [*noisy(20), *noisy(6, 140, seed=2)])
    with database.connect(database_path) as connection:
        people.resolve(connection, [1])
        connection.execute("UPDATE alerts SET ended_at = ?", ("2026-03-02T14:00:00.000Z",))
    judged(database_path)
    assert [row[2] for row in rows(database_path)] == ["resolved"]
    record_series(database_path, noisy(3, 140, seed=3), start=26)
    assert [row[2:] for row in rows(database_path)] == [("resolved", 21), ("open", 27)]


def test_failed_builds_are_no_part_of_a_series(database_path):
    values = [*noisy(20), *noisy(5, 300, seed=2)]
    made = [build(i, v) for i, v in enumerate(values)]
    record(database_path, made[:20] + [replace(b, status="failed") for b in made[20:]])
    judged(database_path)
    assert rows(database_path) == []


def test_what_is_called_mended_stays_so_though_its_builds_are_dated_ahead_of_the_clock(
    database_path,
):
    ahead = times.now() + timedelta(hours=2)
    made = [build(i, v) for i, v in enumerate([*noisy(20), *noisy(6, 140, seed=2)])]
    record(database_path, [replace(b, completed_at=b.completed_at - made[-1].completed_at + ahead)
                           for b in made])  # fmt: skip
    with database.connect(database_path) as connection:
        people.resolve(connection, [1])
    judged(database_path)
    assert [row[2] for row in rows(database_path)] == ["resolved"]


def test_an_alert_can_be_called_mended_beside_a_build_whose_time_is_spoiled(database_path):
    record_series(database_path, [*noisy(20), *noisy(6, 140, seed=2)])
    judged(database_path)
    with database.connect(database_path) as connection:
        connection.execute("UPDATE docker_builds SET build_timestamp = 'garbage' WHERE id = 26")
        assert people.resolve(connection, [1]) == 1
    assert [row[2] for row in rows(database_path)] == ["resolved"]


@pytest.mark.parametrize("part", ["platform", "target", "builder"])
def test_only_builds_that_compare_are_compared(database_path, part):
    record_series(database_path, noisy(20), **{part: "one"})
    record_series(database_path, noisy(5, 300, seed=2), start=20, **{part: "other"})
    judged(database_path)
    assert rows(database_path) == []


def test_a_builder_with_a_name_for_each_run_is_one_class(database_path):
    values = [*noisy(20), *noisy(3, 140, seed=2)]
    record(database_path, [build(i, v, builder=f"runner-{i:012x}") for i, v in enumerate(values)])
    assert rows(database_path, "state, builder") == [("open", "runner-*")]


def test_a_cold_build_is_not_slow_because_it_is_cold(database_path):
    source = random.Random(1)
    made = [
        build(i, (300 if cold else 20) * source.uniform(0.97, 1.03),
              cache_ratio=0.0 if cold else 1.0)
        for i in range(60)
        if (cold := i % 6 > 2) in (True, False)
    ]  # fmt: skip
    record(database_path, made)
    judged(database_path)
    assert rows(database_path) == []


def test_a_larger_image_is_told_with_its_first_build(database_path):
    sizes = [100_000_000] * 8 + [103_000_000]
    made = [
        build(i, 10.0, image_size_bytes=size, size_kind="unpacked") for i, size in enumerate(sizes)
    ]
    record(database_path, made)
    assert rows(database_path) == [("size", "worse", "open", 9)]
    other = build(9, 10.0, image_size_bytes=40_000_000, size_kind="compressed")
    record(database_path, [other])  # says nothing of the unpacked size
    assert rows(database_path) == [("size", "worse", "open", 9)]


def test_the_layer_that_grew_is_named(database_path):
    def layered(number, grown):
        layers = (Layer(1, "COPY . /app", 60_000_000 + grown), Layer(2, "RUN make", 40_000_000))
        return build(number, 100.0, image_size_bytes=100_000_000 + grown, size_kind="unpacked",
                     layers=layers, image_digest=f"sha256:{grown:064x}")  # fmt: skip

    record(database_path, [layered(i, 0) for i in range(8)] + [layered(8, 5_000_000)])
    ((sentence,),) = rows(database_path, "sentence")
    assert sentence.endswith("; `COPY . /app` grew by 5 MB")


def test_the_step_that_became_slower_is_named(database_path):
    source = random.Random(3)
    made = []
    for number in range(26):
        usual = [10.0, 20.0, 40.0, 5.0]
        usual[1] += 30 if number >= 22 else 0
        made.append(stepped(number, [s * source.uniform(0.97, 1.03) for s in usual]))
    record(database_path, made)
    found = {
        row[0]: row[1:] for row in rows(database_path, "metric, state, step_key, guilty_step_key")
    }
    assert found == {"duration": ("open", None, "key1"), "step": ("open", "key1", None)}
    assert len({row[0] for row in rows(database_path, "group_key")}) == 1


def guilty(path):
    (found,) = rows(path, "guilty_step_key, round(guilty_seconds)")
    return found


def test_an_edited_step_is_blamed_for_what_it_takes_more_than_the_one_before(database_path):
    def edited(number, seconds, key):
        made = stepped(number, [seconds, 5.0, 5.0])
        return replace(made, steps=(replace(made.steps[0], step_key=key), *made.steps[1:]))

    record(database_path, [edited(i, v, "old") for i, v in enumerate(noisy(12, 20))])
    record(database_path, [edited(12 + i, v, "new") for i, v in enumerate(noisy(4, 35, seed=2))])
    assert guilty(database_path) == ("new", 15)


def test_a_step_is_blamed_for_what_it_takes_more_than_on_the_level_before(database_path):
    times = [*noisy(12, 20), *noisy(8, 60, seed=2), *noisy(8, 100, seed=3)]
    record(database_path, [stepped(i, [v, 5.0, 5.0]) for i, v in enumerate(times)])
    judged(database_path)
    found = rows(database_path, "metric, state, round(guilty_seconds / 10)")
    assert [row[1:] for row in found if row[0] == "duration"] == [("resolved", 4), ("confirmed", 4)]


def test_what_is_left_of_a_regression_that_was_mended_in_part_is_told(database_path):
    def told(values):
        start = len(seconds)
        seconds.extend(values)
        record(database_path, [stepped(start + i, [v, 5.0, 5.0]) for i, v in enumerate(values)])
        judged(database_path)
        return [
            (state, *(round(number / 10) for number in figures))
            for metric, direction, state, *figures in rows(
                database_path,
                "metric, direction, state, before_value, after_value, guilty_seconds, after_count",
            )
            if (metric, direction) == ("duration", "worse")
        ]

    seconds: list[float] = []
    assert told([*noisy(20, 100), *noisy(20, 200, seed=2)]) == [("confirmed", 11, 21, 10, 2)]
    assert told(noisy(10, 150, seed=3)) == [("confirmed", 11, 16, 5, 1)]
    assert told(noisy(4, 100, seed=4)) == [("resolved", 11, 21, 10, 2)]


def test_a_regression_begins_with_the_build_that_is_nearer_to_it_than_to_what_was(database_path):
    record_series(database_path, [*noisy(20), 118.0, 300.0, 298.0])
    assert rows(database_path) == [("duration", "worse", "open", 22)]


def test_a_step_that_is_gone_is_named_for_an_improvement(database_path):
    record(database_path, [stepped(i, [v, 5.0, 20.0]) for i, v in enumerate(noisy(12, 20))])
    record(database_path, [stepped(12 + i, [v, 5.0]) for i, v in enumerate(noisy(4, 20))])
    assert guilty(database_path) == ("key2", -20)


def test_a_step_that_seldom_ran_before_is_blamed_for_what_it_takes_more(database_path):
    times = [[20.0, v, 5.0 + i % 2 / 10] for i, v in enumerate(noisy(30, 40))]
    made = [stepped(i, t, cached=[0] if i % 3 else [0, 1]) for i, t in enumerate(times)]
    slow = [stepped(30 + i, [20.0, 80.0, 5.0], cached=[0]) for i in range(8)]
    record(database_path, [*made, *slow])
    found = rows(database_path, "metric, guilty_step_key, round(guilty_seconds)")
    assert ("duration", "key1", 40) in found


def test_a_warning_is_dated_to_the_first_build_that_is_off(database_path):
    record_series(database_path, [*noisy(20), 140.0])
    record_series(database_path, [180.0], start=21)
    judged(database_path)
    assert rows(database_path) == [("duration", "worse", "warning", 21)]


def test_partial_builds_are_compared_by_the_steps_that_ran(database_path):
    source = random.Random(5)
    made = []
    for number in range(40):
        cached = range(source.randrange(1, 4))
        usual = [60.0, 10.0, 90.0, 15.0]
        made.append(stepped(number, [s * source.uniform(0.98, 1.02) for s in usual], cached))
    record(database_path, made)
    judged(database_path)
    assert [row for row in rows(database_path) if row[0] in ("duration", "step")] == []


def test_a_cache_that_broke_is_told(database_path):
    record(database_path, [build(i, 10.0, cache_ratio=0.9 if i < 20 else 0.4) for i in range(24)])
    found = rows(database_path, "metric, direction, sentence")
    assert [row[:2] for row in found] == [("cache", "worse")]
    assert "40% of its steps came from the cache, where 90% is usual" in found[0][2]


def test_a_build_that_comes_late_waits_for_the_full_pass(database_path):
    values = [*noisy(20), *noisy(6, 150, seed=2)]
    made = [build(i, v) for i, v in enumerate(values)]
    record(database_path, [made[-1], *made[:-1]])
    assert rows(database_path) == []
    judged(database_path)
    assert rows(database_path, STANDS) == [("duration", "worse", "confirmed", made[20].ref)]


def test_an_import_is_judged_by_the_next_check_and_not_before(database_path):
    made = [build(i, v) for i, v in enumerate([*noisy(20), *noisy(6, 150, seed=2)])]
    with database.connect(database_path) as connection:
        store.record_all(connection, made, KEY)
    assert rows(database_path) == []
    assert judged(database_path) == 1


@pytest.mark.parametrize("seed", range(12))
def test_what_stands_after_a_check_does_not_depend_on_how_builds_came_in(tmp_path, seed):
    source = random.Random(seed)
    values, level = [], 100.0
    for _ in range(source.randrange(2, 5)):
        values += noisy(source.randrange(6, 40), level, source.choice((0.02, 0.08)), seed)
        level *= source.choice((0.7, 0.9, 1.1, 1.3, 1.6))
    made = [build(i, v, image_size_bytes=int(1e6 * v), size_kind="unpacked")
            for i, v in enumerate(values)]  # fmt: skip
    one, other, shuffled = (tmp_path / name for name in ("one.db", "other.db", "shuffled.db"))
    record(one, made)
    with database.connect(other) as connection:
        store.record_all(connection, made, KEY)
    record(shuffled, source.sample(made, len(made)))
    found = []
    for path in (one, other, shuffled):
        judged(path)
        found.append(sorted(r for r in rows(path, f"{STANDS}, sentence") if r[2] != "resolved"))
        assert judged(path) == 0  # twice changes nothing
    plain = [[row[:4] for row in some] for some in found]
    assert plain[0] == plain[1] == plain[2]
    assert found[0] == found[1]


def test_a_build_that_comes_late_waits_however_many_others_came_since(database_path):
    arm = [build(i, v, platform="linux/arm64") for i, v in enumerate(noisy(20))]
    later = [build(40 + i, v, platform="linux/amd64") for i, v in enumerate(noisy(120, 50))]
    late = build(19.5, 400.0, ref="late", platform="linux/arm64")
    last = build(300, 100.0, platform="linux/arm64")
    record(database_path, [*arm, *later, last, late])
    assert rows(database_path) == []


def test_whether_the_builder_is_slow_does_not_depend_on_which_image_came_in_first(tmp_path):
    made = {
        name: [build(i / 4, v, image=name, builder="ci", ref=f"{name}.{i}")
               for i, v in enumerate([*noisy(20, seed=place), *noisy(6, 160, seed=place + 9)])]
        for place, name in enumerate(("app", "beta", "gamma", "delta"))
    }  # fmt: skip
    found = []
    for number, together in enumerate((False, True)):
        path = tmp_path / f"{number}.db"
        with database.connect(path) as connection:
            for builds in made.values():
                store.record_all(connection, builds, KEY)
                if not together:
                    judge_all(connection)
        judged(path)
        found.append(sorted(rows(path, "image_name, state")))
    assert found[0] == found[1] == [(name, "warning") for name in sorted(made)]


def test_an_image_without_builds_fails_no_check_and_is_not_written_of(database_path):
    record_series(database_path, [*noisy(20), *noisy(6, 140, seed=2)])
    with database.connect(database_path) as connection:
        store.delete(connection, range(1, 27), keep_days=False)
        judge_all(connection, ["app", "no-such"])
        assert verdict.standing(connection, Settings()) == []
        assert connection.execute("SELECT * FROM judged_images").fetchall() == []


def test_an_alarm_that_the_history_does_not_bear_out_is_withdrawn(database_path):
    record_series(database_path, [*noisy(10), 130.0, 131.0, 129.0])
    assert [row[2] for row in rows(database_path)] == ["open"]
    source = random.Random(2)
    mixed = [source.choice((100.0, 130.0)) * source.uniform(0.98, 1.02) for _ in range(40)]
    record_series(database_path, mixed, start=13)
    judged(database_path)
    assert [row for row in rows(database_path) if row[2] in ("open", "warning")] == []


def test_a_warning_gives_way_to_a_regression_that_is_found_later_and_began_before(database_path):
    values = [*noisy(60, 40), *noisy(6, 55, seed=2), 40.0, 55.0]
    builds = [build(number, value) for number, value in enumerate(values)]
    with database.connect(database_path) as connection:
        store.record_all(connection, builds, KEY)
    record_series(database_path, [80.0], start=len(values))
    assert [row[2] for row in rows(database_path)] == ["warning"]
    judged(database_path)
    found = rows(database_path, "state, first_build_id, ended_at")
    assert found == [("confirmed", 61, None)]
    judged(database_path)
    assert rows(database_path, "state, first_build_id, ended_at") == found


def test_an_alert_outlives_the_builds_that_it_is_about(database_path):
    record_series(database_path, [*noisy(20), *noisy(8, 140, seed=2)])
    judged(database_path)
    before = rows(database_path, "state, first_ref, sentence")
    with database.connect(database_path) as connection:
        store.delete(connection, range(1, 23), keep_days=True)
        judge_all(connection)
    assert rows(database_path, "state, first_ref, sentence") == before
    assert rows(database_path, "first_build_id, last_good_build_id") == [(None, None)]


def test_a_build_is_recorded_even_where_it_cannot_be_judged(database_path):
    record_series(database_path, noisy(20))
    with database.connect(database_path) as connection:
        connection.execute("DROP TABLE alert_events")
        store.record(connection, build(20, 400.0), KEY)
        count = connection.execute("SELECT count(*) FROM docker_builds").fetchone()
        assert count == (21,)
        assert connection.execute("SELECT count(*) FROM alerts").fetchone() == (0,)


def test_a_judgement_reads_no_more_of_a_longer_history(tmp_path):
    """Counted in pages of the file that are read, so that no clock is asked."""

    def steps_taken(count):
        path = tmp_path / f"{count}.db"
        with database.connect(path) as connection:
            store.record_all(connection, [build(i, v) for i, v in enumerate(noisy(count))], KEY)
            taken = 0

            def tick():
                nonlocal taken
                taken += 1

            connection.set_progress_handler(tick, 100)
            store.record(connection, build(count, 100.0), KEY)
            connection.set_progress_handler(None, 0)
        return taken

    assert steps_taken(3000) < 1.5 * steps_taken(300)
