"""A slow builder is told from a slow image: by other images on it, and by all steps alike."""

import random

from alerts_help import build, judged, record, rows, stepped

_USUAL = (10.0, 20.0, 40.0, 5.0, 15.0)


def test_a_day_on_which_the_builder_is_slow_for_all_is_no_regression(database_path):
    source = random.Random(1)
    for images, state in ((("a", "b", "c", "d"), "warning"), (("alone",), "open")):
        for number in range(24):
            slow = 1.3 if number >= 20 else 1.0
            record(database_path, [
                build(number, slow * source.uniform(98, 102), image=name, builder=images[0])
                for name in images
            ])  # fmt: skip
        first = images[0]
        found = {row[1] for row in rows(database_path, "image_name, state") if row[0] == first}
        assert found == {state}
        judged(database_path)
        assert {row[1] for row in rows(database_path, "image_name, state") if row[0] == first} <= (
            {"warning"} if state == "warning" else {"confirmed", "open"}
        )


def test_builders_that_are_as_quick_as_ever_do_not_hide_that_one_is_slow(database_path):
    source = random.Random(1)
    for number in range(24):
        for builder in ("slow", "one", "two", "three"):
            slow = 1.3 if number >= 20 and builder == "slow" else 1.0
            record(database_path, [
                build(number, slow * source.uniform(98, 102), image=f"{builder}-{name}",
                      builder=builder)
                for name in ("a", "b", "c", "d")
            ])  # fmt: skip
    assert {row[1] for row in rows(database_path, "image_name, state")} == {"warning"}
    judged(database_path)
    assert {row[1] for row in rows(database_path, "image_name, state")} <= {"warning"}


def test_one_image_that_is_slower_than_the_others_on_its_builder_is_a_regression(database_path):
    source = random.Random(1)
    for number in range(24):
        record(database_path, [
            build(number, 100 * (1.3 if name == "a" and number >= 20 else 1.0)
                  * source.uniform(0.98, 1.02), image=name, builder="one")
            for name in ("a", "b", "c", "d")
        ])  # fmt: skip
    assert rows(database_path, "image_name, state") == [("a", "open")]


def of_steps(count, factors, seed=1):
    """Builds whose steps take, from the twentieth build on, so many times as long."""
    source = random.Random(seed)
    return [
        stepped(
            number,
            [
                usual * source.uniform(0.97, 1.03) * (factor if number >= 20 else 1)
                for usual, factor in zip(_USUAL, factors, strict=True)
            ],
        )
        for number in range(count)
    ]


def test_a_build_of_which_all_steps_slow_alike_is_the_builders_matter(database_path):
    record(database_path, of_steps(25, [1.3] * 5))
    assert {row[2] for row in rows(database_path)} == {"warning"}
    judged(database_path)
    assert {row[2] for row in rows(database_path)} <= {"warning"}


def test_a_builder_that_stays_slow_is_a_regression_in_the_end(database_path):
    record(database_path, of_steps(20 + 60, [1.3] * 5))
    judged(database_path)
    assert ("duration", "worse", "confirmed", 21) in rows(database_path)


def test_a_step_that_slows_among_steps_as_quick_as_ever_is_a_regression(database_path):
    record(database_path, of_steps(23, [1.0, 1.0, 1.5, 1.0, 1.0]))
    found = rows(database_path, "metric, state, coalesce(step_key, guilty_step_key)")
    assert sorted(found) == [("duration", "open", "key2"), ("step", "open", "key2")]


def test_a_step_that_slows_more_than_the_rest_does_not_hide_behind_a_few(database_path):
    record(database_path, of_steps(23, [1.3, 1.0, 1.8, 1.0, 1.0]))
    assert ("duration", "open") in rows(database_path, "metric, state")


def test_a_builder_that_is_quick_again_makes_no_image_better(database_path):
    record(database_path, of_steps(25, [0.7] * 5))
    assert rows(database_path) == []
    judged(database_path)
    assert rows(database_path) == []


def test_a_builder_that_stays_quick_is_an_improvement_in_the_end(database_path):
    record(database_path, of_steps(20 + 60, [0.7] * 5))
    judged(database_path)
    assert ("duration", "better", "confirmed", 21) in rows(database_path)


def test_a_step_that_is_quicker_among_steps_as_slow_as_ever_is_an_improvement(database_path):
    record(database_path, of_steps(23, [1.0, 1.0, 0.4, 1.0, 1.0]))
    found = rows(database_path, "metric, direction, coalesce(step_key, guilty_step_key)")
    assert sorted(found) == [("duration", "better", "key2"), ("step", "better", "key2")]
