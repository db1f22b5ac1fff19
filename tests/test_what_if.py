"""What a build would take were a step cached or two in parallel, and what would help most."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import properties  # noqa: F401
import pytest
from hypothesis import given
from hypothesis import strategies as st
from publication_help import build, record, step
from recording_help import COMMAND, Terminal, buildrec

from recorder import database
from recorder.errors import StepNotFoundError
from recorder.explain import graph, savings
from recorder.model import Build, Inputs, Step


def a_step(place: int, name: str, start: float, took: float, **more: Any) -> Step:
    stage, _, rest = name.partition(": ")
    usual = {"stage": stage, "step": place, "steps": 9, "instruction": rest}
    return replace(
        step(place, f"[{stage} {place}/9] {rest}", started=start, duration=took, **more), **usual
    )


def two_stages(hours: float = 0.0, test: float = 30.0, **more: Any) -> Build:
    """Stage `app` installs for 60 s and tests; beside it `docs` renders for 40 s; then a copy."""
    steps = (
        a_step(1, "app: RUN install", 0, 60),
        a_step(2, "app: RUN test", 60, test),
        a_step(3, "docs: RUN render", 0, 40),
        a_step(4, "app: COPY --from=docs /out /out", 60 + test, 1, kind="copy"),
    )
    return build(
        "my-app", hours=hours, seconds=62 + test, steps=steps,
        inputs=Inputs(graph=((), (1,), (), (2, 3))), **more,
    )  # fmt: skip


@pytest.fixture
def path(database_path: Path) -> Path:
    record(database_path, *(two_stages(24 * day) for day in range(28)))
    return database_path


def listed(path: Path) -> savings.Savings:
    with database.connect_to_read(path) as connection:
        return savings.savings(connection, "my-app")


def test_the_sentence_counts_the_builds_that_run_the_step_and_all_in_plain_numbers(
    database_path: Path,
) -> None:
    busy = [two_stages(hour / 10) for hour in range(55)]
    warm = [
        replace(one, steps=tuple(replace(s, cached=True, duration=0.0) for s in one.steps))
        for one in busy[1::2]
    ]
    record(database_path, *busy[::2], *warm)
    assert (
        "in each build that runs it, 25 of 50; 350 builds a week)" in listed(database_path).sentence
    )


def test_the_most_valuable_changes_come_first_in_minutes_a_week(path: Path) -> None:
    found = listed(path)
    assert (found.builds, found.weeks) == (28, pytest.approx(27 / 7, abs=0.001))
    best = found.savings[0]
    assert (best.step.name, best.how, best.ran) == ("[app 1/9] RUN install", "cached", 28)
    # Without the install, 31 s are left in its stage beside the 41 s that the docs take.
    assert best.took == 60
    assert best.saves == pytest.approx(91 - 41)
    assert best.minutes_a_week == pytest.approx(50 / 60 * 28 / found.weeks)
    assert "caching `RUN install` would save" in found.sentence


def test_a_step_beside_the_critical_path_saves_nothing(path: Path) -> None:
    assert "RUN render" not in {saving.step.instruction for saving in listed(path).savings}


def test_neighbours_that_take_turns_are_thought_side_by_side(path: Path) -> None:
    parallel = [saving for saving in listed(path).savings if saving.how == "parallel"]
    assert [(s.step.instruction, s.beside and s.beside.instruction) for s in parallel] == [
        ("RUN test", "RUN install")
    ]
    assert parallel[0].saves == pytest.approx(30)


def test_how_often_a_step_really_ran_counts(database_path: Path) -> None:
    builds = [two_stages(24 * day) for day in range(4)]
    cached = [
        replace(b, steps=(replace(b.steps[0], cached=True, duration=0.0), *b.steps[1:]))
        for b in builds[1:]
    ]
    record(database_path, builds[0], *cached)
    install = next(s for s in listed(database_path).savings if s.step.instruction == "RUN install")
    assert install.ran == 1
    assert install.minutes_a_week == pytest.approx(install.saves / 60 * 1)  # one week, one run


def test_builds_without_steps_do_not_make_a_saving_smaller(path: Path) -> None:
    before = listed(path)
    record(path, *(build("my-app", hours=27 * 24 + 1 + hour) for hour in range(27)))
    after = listed(path)
    best, best_before = after.savings[0], before.savings[0]
    assert (before.builds, after.builds) == (28, best.ran)
    assert best.saves == best_before.saves
    assert after.builds_a_week > before.builds_a_week
    assert best.minutes_a_week == pytest.approx(best.saves / 60 * after.builds_a_week)
    assert f"in each build that runs it, {best.ran} of {best.ran};" in after.sentence


def one_stage(hours: float, *instructions: str, **more: Any) -> Build:
    """A build that runs these instructions for ten seconds each."""
    steps = tuple(
        a_step(place, f"app: {text}", 10 * (place - 1), 10)
        for place, text in enumerate(instructions, 1)
    )
    return build("my-app", hours=hours, seconds=10 * len(steps), steps=steps, **more)


def told(path: Path) -> dict[str | None, int]:
    """The steps whose caching is told of, each with the builds that ran it."""
    return {s.step.instruction: s.ran for s in listed(path).savings if s.how == "cached"}


def test_a_step_that_is_gone_from_the_dockerfile_saves_nothing(database_path: Path) -> None:
    record(
        database_path,
        *(one_stage(hour, "RUN npm ci", "RUN lint --all the files") for hour in range(9)),
        one_stage(10, "RUN npm ci"),
    )
    assert told(database_path) == {"RUN npm ci": 10}


def test_an_edited_step_is_one_step_called_what_it_is_now(database_path: Path) -> None:
    record(
        database_path,
        *(one_stage(version, f"RUN pip install tool=={version}") for version in range(4)),
    )
    assert told(database_path) == {"RUN pip install tool==3": 4}


def test_the_time_of_an_edited_step_is_that_of_its_present_text(database_path: Path) -> None:
    def made(hours: float, text: str, took: float) -> Build:
        steps = (a_step(1, f"app: {text}", 0, took),)
        return build("my-app", hours=hours, seconds=took, steps=steps)

    slow = [made(hour, "RUN npm install --all", 100) for hour in range(3)]
    record(database_path, *slow, made(4, "RUN npm install --few", 8))
    [saving] = listed(database_path).savings
    assert (saving.step.instruction, saving.ran) == ("RUN npm install --few", 4)
    assert (saving.took, saving.saves) == (8, 8)
    assert saving.minutes_a_week == pytest.approx(4 * 8 / 60), "four builds in one week"


def test_a_present_text_that_always_came_from_the_cache_has_the_times_of_before(
    database_path: Path,
) -> None:
    steps = (a_step(1, "app: RUN npm install --few", 0, 0, cached=True),)
    record(
        database_path,
        one_stage(1, "RUN npm install --all"),
        build("my-app", hours=2, seconds=1.0, steps=steps),
    )
    [saving] = listed(database_path).savings
    assert (saving.ran, saving.took) == (1, 10)


def test_a_build_of_another_target_does_not_hide_the_steps_of_the_usual_one(
    database_path: Path,
) -> None:
    record(
        database_path,
        *(one_stage(hour, "RUN npm ci", "RUN lint --all the files") for hour in range(9)),
        one_stage(10, "RUN npm ci", target="deps"),
        one_stage(11, "RUN npm ci", target="deps"),
    )
    assert told(database_path) == {"RUN npm ci": 11, "RUN lint --all the files": 9}


def test_a_target_that_is_built_no_more_has_no_steps_of_its_own(database_path: Path) -> None:
    record(
        database_path,
        *(one_stage(hour, "RUN npm ci", "RUN lint --all the files") for hour in range(9)),
        *(one_stage(10 + hour, "RUN npm ci", target="app") for hour in range(20)),
    )
    assert told(database_path) == {"RUN npm ci": 29}


def test_a_step_is_not_thought_beside_one_that_is_gone(database_path: Path) -> None:
    record(
        database_path,
        *(one_stage(hour, "RUN lint --all the files", "RUN npm ci") for hour in range(9)),
        one_stage(10, "RUN npm ci"),
    )
    assert {saving.how for saving in listed(database_path).savings} == {"cached"}


def imagine(path: Path, *words: str) -> Any:
    return json.loads(buildrec("what-if", "my-app", *words, db=path).stdout)


def test_a_build_is_imagined_with_a_step_cached(path: Path) -> None:
    found = imagine(path, "--cached", "install")
    assert (found["build_duration"], found["would_take"]) == (92, 42)  # 1 s of it is waiting
    assert found["graph"] == "recorded"
    assert found["sentence"] == (
        "my-app would take 42.0 s instead of 1 m 32 s were `RUN install` cached: 50.0 s less."
    )


def test_a_build_is_imagined_with_two_steps_in_parallel(path: Path) -> None:
    assert imagine(path, "--parallel", "install", "test")["saves"] == pytest.approx(30)
    both = imagine(path, "--parallel", "install", "test", "--cached", "render")
    assert both["saves"] == pytest.approx(30)
    assert imagine(path, "--parallel", "install", "render")["saves"] == 0


def test_a_step_that_is_none_or_several_is_an_error_that_names_them(path: Path) -> None:
    ended = buildrec("what-if", "my-app", "--cached", "RUN", db=path)
    assert ended.returncode == 1
    assert b"3 steps are called 'RUN' (1: RUN install; 2: RUN test" in ended.stderr
    ended = buildrec("what-if", "my-app", "--cached", "nothing", db=path)
    assert b"no step 'nothing'" in ended.stderr


def test_a_step_is_found_by_number_key_or_a_part_of_its_name() -> None:
    steps = two_stages().steps
    assert graph.find(steps, "3") == 2
    assert graph.find(steps, "run render") == 2
    with pytest.raises(StepNotFoundError):
        graph.find(steps, "")


def test_without_a_recorded_graph_the_stages_tell_the_order(database_path: Path) -> None:
    record(database_path, replace(two_stages(), inputs=Inputs()))
    found = imagine(database_path, "--cached", "install")
    assert (found["graph"], found["saves"]) == ("inferred", 50)


def test_an_image_without_builds_and_one_without_steps(database_path: Path) -> None:
    record(database_path, build("bare"))
    found = json.loads(buildrec("what-if", "bare", db=database_path).stdout)
    assert found["savings"] == []
    assert found["sentence"].startswith("bare: nothing can be said, as no steps")
    ended = buildrec("what-if", "bare", "--cached", "RUN", db=database_path)
    assert ended.stderr.startswith(b"error: the steps of the build are not recorded: ")
    ended = buildrec("what-if", "no-such", db=database_path)
    assert ended.returncode == 1
    assert b"no build of 'no-such'" in ended.stderr


def test_the_list_is_a_table_json_or_markdown(path: Path) -> None:
    table = buildrec("what-if", "my-app", "--format", "table", db=path).stdout.decode()
    assert re.search("SAVES +A WEEK$", table, re.MULTILINE)
    assert "28 of 28" in table
    text = buildrec("what-if", "my-app", "--format", "markdown", db=path).stdout.decode()
    assert "| `RUN install` | cached | 28 of 28 |" in text


def test_the_list_fits_a_terminal(path: Path) -> None:
    words = (COMMAND, "--db", path, "what-if", "my-app")
    terminal = Terminal(*words, environ={"COLUMNS": "60"})
    assert terminal.wait() == 0
    (shown,) = re.findall("STEP.*?\r\n\r\n", terminal.shown.decode(), re.DOTALL)
    assert max(map(len, shown.splitlines())) <= 60
    assert "RUN insta…" in shown


edges = st.integers(2, 7).flatmap(
    lambda size: st.tuples(
        *(st.lists(st.integers(1, place), unique=True).map(tuple) if place else st.just(())
          for place in range(size))
    )
)  # fmt: skip


@given(edges, st.data())
def test_two_steps_taken_apart_do_not_wait_for_one_another(needs: Any, data: Any) -> None:
    places = st.integers(0, len(needs) - 1)
    one, other = data.draw(places), data.draw(places)
    apart = graph.apart(needs, one, other)
    if one != other:
        assert one + 1 not in graph.ancestors(apart, other)
        assert other + 1 not in graph.ancestors(apart, one)
    for place in range(len(needs)):
        assert place + 1 not in graph.ancestors(apart, place), "nothing waits for itself"
