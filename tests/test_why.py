"""Why a build took what it took: the parts sum to the difference, and the first line answers."""

import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import properties  # noqa: F401
import pytest
from hypothesis import given
from hypothesis import strategies as st
from publication_help import build, record, step
from recording_help import buildrec, shell, unlike_any_other

from recorder import database
from recorder.alerts import people
from recorder.alerts.full_pass import judge_all
from recorder.cli import explained
from recorder.errors import BuildNotFoundError
from recorder.explain import (
    causes,
    compared,
    explanation,
    markdown,
    page_rows,
    rows,
    sentences,
    sizes,
)
from recorder.explain.compared import Comparison, Side
from recorder.explain.explanation import Why
from recorder.model import Build, Inputs, Layer, Listing, Step

SECOND = 1_000_000
seconds = st.floats(-5, 90) | st.integers(0, 90).map(float)
steps_of_any_build = st.lists(
    st.builds(
        Step,
        position=st.integers(0, 20),
        name=st.sampled_from(["RUN a", "RUN ab", "[x 1/2] COPY . .", "exporting to image"]),
        step_key=st.sampled_from("abcdefg"),
        kind=st.sampled_from(["run", "copy", "export", "from", "internal"]),
        cached=st.booleans(),
        shared=st.booleans(),
        started=st.none() | seconds,
        duration=st.none() | st.floats(0, 90),
    ),
    max_size=10,
)
sides = st.builds(Side, st.integers(0, 80 * SECOND), steps_of_any_build)


@given(sides, sides)
def test_the_parts_sum_to_the_difference_to_the_microsecond(before: Side, now: Side) -> None:
    found = compared.compare(before, now)
    assert sum(part.difference for part in found.parts) == now.duration - before.duration
    assert found.difference == now.duration - before.duration


@given(sides, sides)
def test_every_step_of_both_builds_stands_in_one_pair(before: Side, now: Side) -> None:
    pairs = compared.compare(before, now).pairs
    assert sorted(id(p.before) for p in pairs if p.before) == sorted(map(id, before.steps))
    assert [p.now for p in pairs if p.now] == list(now.steps)


@given(sides)
def test_a_build_does_not_differ_from_itself(side: Side) -> None:
    assert compared.compare(side, side).parts == ()


layers = st.lists(
    st.builds(
        Layer, st.just(0), st.sampled_from(["RUN a", "RUN ab", "COPY b"]), st.integers(0, 900)
    ),
    max_size=6,
)


@given(layers, layers, st.integers(1, 5000), st.integers(1, 5000))
def test_the_parts_of_a_size_sum_to_the_difference(
    before: list[Layer], now: list[Layer], first: int, second: int
) -> None:
    found = sizes.compare(
        build(image_size_bytes=first, layers=tuple(before)),
        build(image_size_bytes=second, layers=tuple(now)),
    )
    assert found
    assert sum(part.difference for part in found.parts) == second - first == found.difference


def test_sizes_that_count_something_else_are_not_compared() -> None:
    kept = build(image_size_bytes=10, size_kind="unpacked")
    assert sizes.compare(kept, build(image_size_bytes=5, size_kind="compressed")) is None
    assert sizes.compare(kept, build()) is None


def parts(comparison: Comparison) -> list[tuple[str, str, float]]:
    return [(p.kind, sentences.named(p), p.seconds) for p in comparison.parts]


def ran(name: str, start: float, took: float, **more: Any) -> Step:
    return step(1, name, started=start, duration=took, **more)


def hit(name: str, **more: Any) -> Step:
    return step(1, name, started=0.0, duration=0.0, cached=True, **more)


def numbered(*steps: Step) -> tuple[Step, ...]:
    """The steps in their order."""
    return tuple(replace(step, position=place) for place, step in enumerate(steps, 1))


def side(took: float, *steps: Step) -> Side:
    return Side(round(took * SECOND), steps)


def test_a_step_beside_a_longer_one_adds_only_what_it_made_the_build_longer() -> None:
    before = side(100, ran("RUN long", 0, 100), ran("RUN other", 0, 90))
    now = side(130, ran("RUN long", 0, 100), ran("RUN other", 0, 130))
    found = compared.compare(before, now)
    assert parts(found) == [("slower", "RUN other", 30)]
    assert found.parts[0].hidden == 10 * SECOND


def test_a_step_hidden_behind_others_adds_nothing() -> None:
    before = side(100, ran("RUN long", 0, 100), hit("RUN other"))
    now = side(100, ran("RUN long", 0, 100), ran("RUN other", 0, 90))
    assert compared.compare(before, now).parts == ()


def test_a_step_of_the_critical_path_is_a_part_though_others_hide_it() -> None:
    before = side(100, ran("RUN long", 0, 100))
    now = side(100, ran("RUN long", 0, 100), ran("RUN other", 0, 40, critical=True))
    assert parts(compared.compare(before, now)) == [("new", "RUN other", 0)]


@pytest.mark.parametrize("style", ["table", "markdown"])
def test_a_step_that_ran_long_beside_others_has_a_line_that_says_so(
    database_path: Path, style: str
) -> None:
    lint = ran("RUN lint", 1, 9.004)
    slow = replace(
        usual(4), build_duration=14.0, steps=numbered(ran(INSTALL, 10, 4), ran(MAKE, 1, 9), lint)
    )
    record(database_path, *(usual(hours) for hours in (1, 2, 3)), slow)
    text = buildrec("why", "--format", style, db=database_path).stdout.decode()
    assert text.count("| `RUN lint`" if style == "markdown" else "RUN lint ") == 1
    assert "+9.0 s of its own beside other steps" in text
    assert "smaller part" not in text


def test_steps_that_took_turns_instead_of_running_side_by_side_are_told() -> None:
    before = side(60, ran("RUN one", 0, 60), ran("RUN two", 0, 50))
    now = side(110, ran("RUN one", 0, 60), ran("RUN two", 60, 50))
    assert parts(compared.compare(before, now)) == [("alone", "RUN two", 50)]
    assert parts(compared.compare(now, before)) == [("beside", "RUN two", -50)]
    quicker = side(60, ran("RUN one", 0, 60), ran("RUN two", 0, 45))
    assert parts(compared.compare(now, quicker)) == [("beside", "RUN two", -50)]


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (hit("RUN a"), ran("RUN a", 0, 9), "not cached"),
        (ran("RUN a", 0, 9), hit("RUN a"), "cached"),
        (ran("RUN a", 0, 3), ran("RUN a", 0, 9), "slower"),
        (ran("RUN a", 0, 9), ran("RUN a", 0, 3), "quicker"),
        (None, ran("RUN a", 0, 9), "new"),
        (ran("RUN a", 0, 9), None, "gone"),
        (ran("RUN make it", 0, 3), ran("RUN make its", 0, 9), "changed"),
        (ran("RUN a", 0, 3), replace(ran("RUN a", 0, 9), step_key="renamed stage"), "slower"),
        (hit("RUN a"), ran("RUN a", 0, 9, shared=True), "shared"),
        (ran("RUN a", 0, 9, shared=True), hit("RUN a"), "cached"),
        (hit("FROM a", kind="from"), ran("FROM a", 0, 9, kind="from"), "pulling"),
        (None, ran("exporting", 0, 9, kind="export"), "exporting"),
        (
            ran("[internal] load build context", 0, 1, kind="internal"),
            ran("[internal] load build context", 0, 9, kind="internal"),
            "context",
        ),
    ],
)
def test_each_part_has_its_kind(before: Step | None, now: Step | None, kind: str) -> None:
    idle = ran("RUN same", 20, 1)
    found = compared.compare(
        side(21, idle, *([before] if before else [])), side(21, idle, *([now] if now else []))
    )
    assert [part.kind for part in found.parts if part.step] == [kind]
    assert {part.kind for part in found.parts} == {kind, "waiting"}


def test_time_in_which_nothing_ran_is_waiting() -> None:
    found = compared.compare(side(5, ran("RUN a", 0, 5)), side(9, ran("RUN a", 4, 5)))
    assert parts(found) == [("waiting", "waiting, no step ran", 4)]


def test_builds_without_steps_leave_the_difference_unaccounted() -> None:
    found = compared.compare(side(5), side(9, ran("RUN a", 4, 5)))
    assert [(part.kind, part.seconds) for part in found.parts] == [("unaccounted", 4)]


INSTALL, MAKE = "RUN npm ci", "RUN make"


def usual(hours: float, **more: Any) -> Build:
    """A build of 10 s, in which the install comes from the cache."""
    return build(
        "my-app", hours=hours, seconds=10.0, ref=f"usual{hours}", cache_ratio=0.5,
        steps=numbered(hit(INSTALL), ran(MAKE, 1, 9)), **more,
    )  # fmt: skip


@pytest.fixture
def reader(database_path: Path) -> Callable[..., Why]:
    """A function that records builds and explains the last."""

    def explained(*builds: Build) -> Why:
        record(database_path, *builds)
        with database.connect_to_read(database_path) as connection:
            return explanation.why(connection, len(builds))

    return explained


def test_what_was_acknowledged_is_usual_from_then_on(database_path: Path) -> None:
    def slow(hours: float) -> Build:
        return replace(usual(hours), build_duration=40.0)

    record(database_path, *map(usual, range(12)), *map(slow, range(12, 15)))
    with database.connect(database_path) as connection:
        judge_all(connection)
        assert explanation.why(connection, 15).verdict == "slower"
        people.acknowledge(connection, [1])
    record(database_path, slow(15))
    with database.connect_to_read(database_path) as connection:
        found = explanation.why(connection, 16)
    assert found.verdict == "as usual"
    assert found.usual
    assert found.usual.builds == 3


def test_the_first_line_is_the_answer(reader: Callable[..., Why]) -> None:
    slow = build(
        "my-app", hours=9, seconds=106.0, cache_ratio=0.0,
        steps=numbered(ran(INSTALL, 1, 96), ran(MAKE, 97, 9)),
    )  # fmt: skip
    found = reader(usual(1), usual(2), usual(3), slow)
    assert found.verdict == "slower"
    assert found.sentence.startswith(
        "my-app took 1 m 46 s, 1 m 36 s over its usual 10.0 s: `RUN npm ci` was not cached "
        "(+1 m 36 s)"
    )
    assert [(part.kind, part.seconds) for part in found.parts] == [("not cached", 96)]
    assert sum(part.difference for part in found.parts) == 96 * SECOND


def test_what_a_missed_step_took_when_it_last_ran_is_told(reader: Callable[..., Why]) -> None:
    cold = build(
        "my-app", hours=0, seconds=60.0, steps=numbered(ran(INSTALL, 1, 50), ran(MAKE, 51, 9))
    )
    slow = build(
        "my-app", hours=9, seconds=106, steps=numbered(ran(INSTALL, 1, 96), ran(MAKE, 97, 9))
    )
    found = reader(cold, usual(1), usual(2), usual(3), slow)
    assert rows.of_why(found)["parts"][0]["last_run"] == 50


def test_what_ran_before_too_is_not_slower_because_of_the_cache(reader: Callable[..., Why]) -> None:
    """Its cause, whatever that is, held of the usual build as well."""
    slow = build("my-app", hours=9, seconds=20.0, steps=numbered(hit(INSTALL), ran(MAKE, 1, 19)))
    found = reader(usual(1), usual(2), usual(3), replace(slow, build_args={"A": "1"}))
    assert found.cause is not None
    assert found.sentence.endswith("10.0 s: `RUN make` took longer (+10.0 s).")


@pytest.mark.parametrize("edited", [1, 2])
def test_an_edited_step_takes_longer_by_its_edit_and_not_by_what_ran_before_it(
    reader: Callable[..., Why], edited: int
) -> None:
    """A file that changes in every build made it run in the usual build, too."""

    def made(hours: int, run: str, seconds: float) -> Build:
        copy = ran("COPY n.txt /", 0, 1, kind="copy")
        return build(
            "my-app", hours=hours, seconds=seconds,
            steps=numbered(copy, ran(run, 1, seconds - 1, instruction=run)),
            inputs=Inputs(graph=((), (1,)), files=Listing("key", {"n.txt": str(hours)})),
        )  # fmt: skip

    before = [made(hours, "RUN make one", 2) for hours in range(4)]
    found = reader(*before, *(made(5 + hours, "RUN make two", 9) for hours in range(edited)))
    assert found.sentence.endswith(
        "`RUN make two` was changed (+7.0 s), because its instruction changed from `RUN make one`."
    )
    assert explanation.cause_sentence(found) == (
        "The cache was missed first by `COPY n.txt /`, because n.txt changed."
    )


LONG = f"RUN make{' 1234' * 20}"
AROUND = f"…1234 1234 --count=3 RUN make{' 1234' * 6}…"
END = f"…1234{' 1234' * 8}"


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ("RUN make 1", "RUN make 2", "its instruction changed from `RUN make 1`"),
        ("RUN make  1", "RUN make 1", "only blanks in its instruction changed"),
        (
            f"{LONG} --count=3 {LONG}",
            f"{LONG} --count=5 {LONG}",
            f"its instruction changed from `{AROUND}` to `{AROUND.replace('3 RUN', '5 RUN')}`",
        ),
        (
            f"{LONG} --count=3",
            f"{LONG} --count=50",
            f"its instruction changed from `{END} --count=3` to `{END} --count=50`",
        ),
    ],
)
def test_the_reason_shows_where_an_instruction_differs(before: str, now: str, words: str) -> None:
    one, other = (
        build(steps=(ran(text, 0, 9, instruction=text),), inputs=Inputs(graph=((),)))
        for text in (before, now)
    )
    assert causes.cause_of(other, one, 1).words == words


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("settings-only", "cannot be known why: the digest of its base settings-only was not"),
        ("scratch", "the cache no longer had it, as all that goes into it is the same"),
    ],
)
def test_a_base_that_left_no_step_behind_may_be_another(base: str, words: str) -> None:
    inputs = Inputs(graph=((),), settings=(f"stage-0\t0\tFROM {base}",))
    one = build(steps=(ran(MAKE, 0, 9, step=1, steps=1, instruction=MAKE),), inputs=inputs)
    assert words in causes.cause_of(one, one, 1).words


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            ran(MAKE, 10, 9),
            "my-app took 19.0 s, 9.0 s over its usual 10.0 s: `RUN lint` is new (+9.0 s).",
        ),
        (hit(MAKE), "The cache was missed first by `RUN lint`, which is new."),
    ],
)
def test_an_instruction_is_called_new_once(reader, make: Step, said: str) -> None:
    steps = numbered(hit(INSTALL), ran("RUN lint", 1, 9), make)
    slow = build("my-app", hours=9, seconds=10 + (make.duration or 0), steps=steps)
    found = reader(usual(1), usual(2), usual(3), slow)
    assert said in (found.sentence, explanation.cause_sentence(found))


def test_that_a_step_is_new_is_no_reason_why_it_ran(reader: Callable[..., Why]) -> None:
    """It was usual, then it was taken out, and now it is back."""

    def made(hours: float, seconds: float, *steps: Step) -> Build:
        return build("my-app", hours=hours, seconds=seconds, steps=numbered(*steps))

    had = [made(hours, 10, ran(INSTALL, 0, 9), hit("RUN lint")) for hours in (1, 2, 3)]
    back = made(5, 19, hit(INSTALL), ran("RUN lint", 1, 18))
    found = reader(*had, made(4, 10, ran(INSTALL, 0, 10)), back)
    assert found.sentence.endswith(
        "`RUN lint` was not cached (+18.0 s), because the build before it did not have this "
        "instruction, but `RUN npm ci` came from the cache (\N{MINUS SIGN}9.0 s)."
    )
    assert explanation.cause_sentence(found) == ""


def test_a_step_that_was_shared_in_both_builds_took_longer_or_shorter() -> None:
    def of(took: float, **more: Any) -> Side:
        return side(took, ran("RUN a", 0, took, **more))

    assert parts(compared.compare(of(5, shared=True), of(9, shared=True))) == [
        ("slower", "RUN a", 4)
    ]
    assert parts(compared.compare(of(5), of(9, shared=True))) == [("shared", "RUN a", 4)]
    assert parts(compared.compare(of(5, shared=True), of(9))) == [("shared", "RUN a", 4)]


def test_what_outweighs_most_of_the_difference_is_told_too() -> None:
    """Else the parts that are told make more than the difference, and nothing says why."""

    def of_size(*layers: Layer) -> Build:
        return build(image_size_bytes=sum(layer.bytes for layer in layers), layers=layers)

    before = of_size(Layer(1, "COPY deps /", 3_000_000), Layer(2, "COPY logo /", 2_500_000))
    one = explanation.size_sentence(sizes.compare(before, of_size(Layer(1, "RUN dd", 3_000_000))))
    assert one == (
        "Its image is 2.5 MB smaller (3 MB): `COPY deps /` is gone (\N{MINUS SIGN}3 MB) and "
        "`COPY logo /` is gone (\N{MINUS SIGN}2.5 MB), but `RUN dd` added 3 MB."
    )
    small = (Layer(1, "COPY deps /", 3_000_000), Layer(3, "COPY more /", 500_000))
    assert " but " not in explanation.size_sentence(sizes.compare(before, of_size(*small)))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "[internal] load build definition from app.Dockerfile",
            "loading the Dockerfile took longer",
        ),
        ("[internal] load .dockerignore", "loading .dockerignore took longer"),
        ("[auth] app:pull token for registry", "asking for access took longer"),
    ],
)
def test_what_is_loaded_is_called_by_its_name(name: str, said: str) -> None:
    kind = name[1 : name.index("]")]
    found = compared.compare(
        side(1, ran(name, 0, 1, kind=kind)), side(3, ran(name, 0, 3, kind=kind))
    )
    assert [sentences.clause(part) for part in found.parts] == [f"{said} (+2.0 s)"]


def test_of_two_steps_of_one_text_the_first_is_called_another() -> None:
    def made(text: str, *keys: str) -> Build:
        steps = [replace(ran(text, n, 2, instruction=text), step_key=k) for n, k in enumerate(keys)]
        return build(steps=numbered(*steps), inputs=Inputs(graph=((), (1,))))

    cause = causes.cause_of(made("RUN sync", "a", "b"), made("COPY file.txt /", "c"), 2)
    assert cause.words == "another `RUN sync` before it is new"


def test_a_build_as_usual_says_so(reader: Callable[..., Why]) -> None:
    found = reader(usual(1), usual(2), usual(3))
    assert found.sentence == "my-app took 10.0 s, as usual (usually 10.0 s)."


def test_what_is_usual_with_as_much_cached_is_told_of_the_same_target(
    reader: Callable[..., Why],
) -> None:
    tests = [
        build("my-app", hours=n, seconds=90, target="tests", cache_ratio=0.5) for n in range(4)
    ]
    found = reader(*tests, *(usual(hours) for hours in (5, 6, 7)), usual(8))
    assert rows.of_why(found)["usual_duration_of_cache_class"] == 10


def test_one_build_before_is_not_called_usual(reader: Callable[..., Why]) -> None:
    found = reader(usual(1), usual(2))
    assert found.sentence == "my-app took 10.0 s, as the build before (10.0 s)."


def test_a_quick_build_is_explained_too(reader: Callable[..., Why]) -> None:
    warm = build("my-app", hours=5, seconds=1.0, steps=numbered(hit(INSTALL), hit(MAKE)))
    found = reader(usual(1), usual(2), warm)
    assert found.sentence == (
        "my-app took 1.0 s, 9.0 s under its usual 10.0 s: `RUN make` came from the cache "
        "(\N{MINUS SIGN}9.0 s)."
    )


def test_the_first_build_of_an_image_has_nothing_to_compare_with(
    reader: Callable[..., Why],
) -> None:
    found = reader(usual(1, platform="linux/arm64"))
    assert found.sentence == "my-app took 10.0 s; there is no build to compare with yet."
    assert found.reference is None
    assert rows.of_why(found)["parts"] == []


@pytest.mark.parametrize(
    ("target", "platform", "kind"),
    [
        ("deps", "linux/amd64", "of its target `deps` for `linux/amd64`"),
        ("deps", None, "of its target `deps`"),
        (None, "linux/386", "of its default target for `linux/386`"),
    ],
)
def test_a_build_of_another_target_or_platform_is_not_compared(
    reader: Callable[..., Why], target: str | None, platform: str | None, kind: str
) -> None:
    others = [usual(hours, platform="linux/amd64") for hours in (1, 2, 3)]
    mine = replace(usual(4), build_duration=1.0, steps=(), target=target, platform=platform)
    found = reader(*others, mine)
    assert found.sentence == f"my-app took 1.0 s; there is no build {kind} to compare with yet."
    assert (found.verdict, found.reference, found.parts, found.size) == ("first", None, (), None)


def test_a_build_that_left_no_image_to_tell_its_platform_is_compared(
    reader: Callable[..., Why],
) -> None:
    found = reader(*(usual(hours, platform="linux/amd64") for hours in (1, 2, 3)), usual(4))
    assert found.sentence == "my-app took 10.0 s, as usual (usually 10.0 s)."


def test_a_failed_build_tells_its_step_its_error_and_when_it_last_worked(
    reader: Callable[..., Why],
) -> None:
    error = 'process "/bin/sh -c make" did not complete successfully: exit code: 2'

    def failed(hours: float) -> Build:
        return build(
            "my-app", hours=hours, seconds=3.0, status="failed", error_message=error,
            steps=numbered(ran(INSTALL, 0, 1, error="context canceled"),
                           ran(MAKE, 1, 2, error=error)),
        )  # fmt: skip

    found = reader(usual(1), failed(2), failed(3))
    assert found.verdict == "failed"
    assert found.sentence == (
        "my-app failed after 3.0 s in `RUN make`: exit code: 2; it last worked in build 1 "
        "(2025-07-10 13:00) and has failed 2 times since."
    )
    assert rows.of_why(found)["failure"]["first_failed"] == 2
    assert found.parts == ()


def test_of_a_file_that_is_missing_its_name_is_told(reader: Callable[..., Why]) -> None:
    error = (
        "failed to compute cache key: failed to calculate checksum of ref "
        'fde96aac-9a09-404d-934d-ff00764122af::bloximv7rvezs1b6hpoucvfnr: "/nothere": not found'
    )
    found = reader(build("my-app", status="failed", error_message=error))
    assert found.sentence.startswith('my-app failed after 10.0 s: "/nothere": not found; ')


def test_a_failed_build_that_never_worked_says_so(reader: Callable[..., Why]) -> None:
    found = reader(build("my-app", status="failed", error_message="no such builder."))
    assert found.sentence == (
        "my-app failed after 10.0 s: no such builder; no build of it has worked yet."
    )


@pytest.mark.parametrize(
    ("target", "said", "worked"),
    [
        ("tests", "it last worked in build 1 (2025-07-10 13:00)", 1),
        ("docs", "no build of its target `docs` has worked yet", None),
    ],
)
def test_a_failed_build_last_worked_when_one_of_its_own_target_did(
    reader: Callable[..., Why], target: str, said: str, worked: int | None
) -> None:
    def failed(hours: float, target: str | None) -> Build:
        return build("my-app", hours=hours, status="failed", error_message="oh", target=target)

    found = reader(usual(1, target="tests"), failed(2, None), usual(3), failed(4, target))
    assert found.sentence.endswith(f"; {said}.")
    failure = rows.of_why(found)["failure"]
    assert (failure["last_worked"], failure["failed_since"]) == (worked, 1)


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        ("linux/arm64", "no build of its default target for `linux/arm64` has worked yet."),
        (None, "it last worked in build 1 (2025-07-10 13:00)."),
    ],
)
def test_what_worked_for_another_platform_is_no_time_when_it_last_worked(
    reader: Callable[..., Why], platform: str | None, said: str
) -> None:
    failed = build("my-app", hours=2, status="failed", error_message="oh", platform=platform)
    assert reader(usual(1, platform="linux/amd64"), failed).sentence.endswith(f"; {said}")


def test_builds_without_steps_are_a_good_sentence(reader: Callable[..., Why]) -> None:
    found = reader(build("my-app", seconds=10), build("my-app", hours=1, seconds=20))
    assert found.sentence == (
        "my-app took 20.0 s, 10.0 s over the 10.0 s of the build before: no steps are recorded "
        "that would say where (+10.0 s)."
    )


def test_the_usual_build_is_the_middle_one_of_its_series(reader: Callable[..., Why]) -> None:
    others = [build("my-app", hours=n, seconds=n, target="dev") for n in (50, 60, 70)]
    mine = [build("my-app", hours=n, seconds=n, target="app") for n in (10, 40, 20, 30)]
    found = reader(*others, *mine, build("my-app", hours=99, seconds=25, target="app"))
    assert found.usual
    assert (found.usual.duration, found.usual.builds, found.usual.alike) == (20, 4, "series")


def test_a_builder_for_each_run_does_not_scatter_the_series(reader: Callable[..., Why]) -> None:
    builds = [build("my-app", hours=n, seconds=10 + n, builder=f"builder-{n}") for n in range(4)]
    found = reader(*builds)
    assert found.usual
    assert (found.usual.builds, found.usual.alike) == (3, "target")


def test_the_instruction_that_added_megabytes_is_named(reader: Callable[..., Why]) -> None:
    def sized(hours: float, assets: int) -> Build:
        return build(
            "my-app", hours=hours, image_size_bytes=50_000_000 + assets, size_kind="unpacked",
            image_digest=f"sha256:{assets:064x}",
            layers=(Layer(0, "RUN /bin/sh -c make # buildkit", 50_000_000),
                    Layer(1, "COPY assets /srv # buildkit", assets)),
        )  # fmt: skip

    found = reader(sized(1, 1_000_000), sized(2, 13_000_000))
    assert found.size_sentence == (
        "Its image is 12 MB larger (63 MB): `COPY assets /srv` grew by 12 MB."
    )


def imported(hours: float, size: int, *settings: str) -> Build:
    """A build whose base has a layer without an instruction, as `docker import` makes it."""
    return build(
        "my-app", hours=hours, image_size_bytes=size + 3, size_kind="unpacked",
        image_digest=f"sha256:{size:064x}", layers=(Layer(1, "", size), Layer(2, "COPY a /", 3)),
        inputs=Inputs(settings=tuple(f"{line.split()[-1]}\t0\t{line}" for line in settings)),
        steps=numbered(
            *(step(0, f"[{line.split()[-1]} 1/2] FROM docker.io/library/{line.split()[1]}",
                   kind="from", stage=line.split()[-1]) for line in settings if ":" in line),
            step(0, "[last 2/2] COPY a /", stage="last", kind="copy"),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["FROM mine:1 AS last"], "base mine:1"),
        (["FROM other:1 AS a", "FROM mine:1 AS b", "FROM b AS last"], "base mine:1"),
        (["FROM other:1 AS a", "FROM mine:1 AS b", "FROM $WHICH AS last"], "the base image"),
        ([], "the base image"),
    ],
)
def test_a_base_whose_layers_have_no_instruction_is_named(
    reader: Callable[..., Why], lines: list[str], named: str
) -> None:
    found = reader(imported(1, 2_000_000, *lines), imported(2, 6_000_000, *lines))
    assert found.size_sentence == f"Its image is 4 MB larger (6 MB): {named} grew by 4 MB."
    assert f"| {named} | grown | +4 MB |" in markdown.of_why(found)
    assert re.match(rf"  {named} +grown ", explained.layers(found.size)[1])
    layer = next(row for row in page_rows.of_why(found) if row["what"] == "layer")
    assert (layer["name"], layer["words"]) == (named, f"{named} grew by 4 MB")


def test_a_layer_without_an_instruction_is_shown_as_the_base_image(database_path: Path) -> None:
    record(database_path, imported(1, 2_000_000))
    shown = buildrec("show", "--format", "table", db=database_path).stdout.decode()
    assert re.search(r"^  the base image +2 MB", shown, re.MULTILINE)


def test_a_size_that_no_layer_tells_is_not_accounted_for(reader: Callable[..., Why]) -> None:
    found = reader(*(build("my-app", hours=size, image_size_bytes=size * 1_000_000,
                           size_kind="unpacked") for size in (1, 3)))  # fmt: skip
    assert "| not accounted for |  | +2 MB |" in markdown.of_why(found)
    assert "  not accounted for" in "\n".join(explained.layers(found.size))


def test_there_is_no_explanation_of_no_build(database_path: Path) -> None:
    with (
        database.connect_to_read(database_path) as connection,
        pytest.raises(BuildNotFoundError),
    ):
        explanation.why(connection, 1)


def test_markdown_escapes_what_was_recorded(reader: Callable[..., Why]) -> None:
    name = "RUN echo `id` | <img src=x> @all"
    slow = build("my-app", hours=9, seconds=50.0, steps=numbered(ran(name, 1, 49)))
    text = markdown.of_why(reader(usual(1), slow))
    assert "\\|" in text
    for line in text.splitlines():
        outside = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", line)  # what is no code
        assert "<img" not in outside
        assert "@all" not in outside


def test_markdown_says_with_what_a_build_was_compared_and_since_when_what_changed(
    reader: Callable[..., Why],
) -> None:
    slow = build("my-app", hours=9, seconds=50.0, builder="ci",
                 steps=numbered(ran(INSTALL, 0, 10), ran(MAKE, 30, 9)))  # fmt: skip
    found = reader(usual(1), slow)
    text = markdown.of_why(found)
    assert "\n\n**Since build 1**\n\n- builder: none → `ci`\n\n" in text
    assert text.endswith("\n\nCompared with build 1 (2025-07-10 13:00), the only one before.\n")
    assert re.search(r"^\| waiting, no step ran \|  \| ", text, re.MULTILINE)
    assert "|  | waiting" not in text


def test_the_command_prints_one_screen_json_or_markdown(database_path: Path) -> None:
    slow = build(
        "my-app", hours=9, seconds=106, steps=numbered(ran(INSTALL, 1, 96), ran(MAKE, 97, 9))
    )
    record(database_path, usual(1), usual(2), slow, build("other", hours=10))
    table = buildrec("why", "my-app", "--format", "table", db=database_path).stdout.decode()
    lines = table.splitlines()
    assert lines[0].startswith("my-app took 1 m 46 s, 1 m 36 s over its usual 10.0 s: ")
    assert len(lines) <= 24
    total = next(line for line in lines if line.lstrip().startswith("in all"))
    assert total.endswith("+1 m 36 s")
    found = json.loads(buildrec("why", "--image", "my-app", db=database_path).stdout)
    assert found["difference"] == sum(part["difference"] for part in found["parts"]) == 96
    assert (found["build"], found["reference"]) == (3, 2)
    newest = json.loads(buildrec("why", db=database_path).stdout)
    assert newest["image_name"] == "other"
    shown = buildrec("why", "3", "--format", "markdown", db=database_path).stdout.decode()
    assert "| `RUN npm ci` | not cached | cached | 1 m 36 s | +1 m 36 s |" in shown


def test_the_table_fits_a_narrow_terminal_and_calls_one_build_before_not_usual(
    database_path: Path,
) -> None:
    record(database_path, usual(1), replace(usual(2), build_duration=20.0))
    words = ("why", "--format", "table")
    text = buildrec(*words, db=database_path, environ={"COLUMNS": "40"}).stdout.decode()
    table = [line for line in text.splitlines() if line.startswith("  ")][:-1]
    assert max(map(len, table)) <= 40
    assert table[0].split() == ["STEP", "BEFORE", "NOW", "ADDS"]
    record(database_path, replace(usual(3), build_duration=30.0))
    text = buildrec(*words, db=database_path).stdout.decode()
    assert re.search("STEP +USUAL +NOW +ADDS", text)


def test_the_sum_of_smaller_parts_has_no_bar_as_it_is_no_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    pairs = [(ran(f"RUN part {n}", n, 1), ran(f"RUN part {n}", 2 * n, 2)) for n in range(40)]
    before, now = ([*steps] for steps in zip(*pairs, strict=True))
    found = compared.compare(side(40, *before), side(80, *now))
    sides = ("40 s", "80 s")
    lines = map(click.unstyle, explained.parts(found.parts, found.difference, sides, sides))
    bars = {re.split("  +", line)[1]: len(re.findall("[█#]", line)) for line in lines}
    assert bars["RUN part 1"] == 12
    assert bars["28 smaller parts"] == bars["in all"] == 0


def test_the_json_of_the_command_has_stable_columns(reader: Callable[..., Why]) -> None:
    found = rows.of_why(reader(usual(1), usual(2)))
    assert list(found) == [
        "sentence", "verdict", "build", "image_name", "build_duration", "reference",
        "usual_duration", "usual_of_builds", "usual_alike", "usual_duration_of_cache_class",
        "difference", "parts", "size", "cause", "changes", "failure",
    ]  # fmt: skip


def test_a_build_and_an_image_together_are_wrong_usage(database_path: Path) -> None:
    ended = buildrec("why", "1", "--image", "app", db=database_path)
    assert ended.returncode == 2
    assert b"not both" in ended.stderr


@pytest.mark.engine
def test_a_real_slower_step_a_missed_cache_and_a_grown_layer_are_named(
    context: Callable[..., Path], image_name: str, tmp_path: Path
) -> None:
    db = tmp_path / "docker_build_history.db"

    def built(*runs: str) -> dict[str, Any]:
        folder = context(shell(*runs))
        ended = buildrec("build", "-t", image_name, "--load", folder, db=db)
        assert ended.returncode == 0, ended.stderr
        return json.loads(buildrec("why", db=db).stdout)

    mark = unlike_any_other()
    install, work = f"busybox sleep 1 && echo {mark}", f"echo {mark} work"
    fill = "busybox head -c 1000000 /dev/urandom > /a"
    assert built(install, work)["verdict"] == "first"
    missed = built(install.replace("sleep 1", "sleep 4"), work)
    assert missed["verdict"] == "slower"
    assert "`RUN busybox sleep 4" in missed["sentence"]
    assert missed["parts"][0]["kind"] == "changed"
    lasted = "SELECT duration FROM steps WHERE name LIKE '%busybox sleep%' ORDER BY build_id DESC"
    (now,), (before,) = sqlite3.connect(db).execute(lasted).fetchall()
    assert 1 < missed["parts"][0]["difference"] == pytest.approx(now - before, abs=0.02)
    assert sum(part["difference"] for part in missed["parts"]) == pytest.approx(
        missed["difference"], abs=1e-9
    )
    grown = built(install.replace("sleep 1", "sleep 4"), work, fill)
    assert "RUN busybox head -c 1000000" in grown["size"]["parts"][0]["instruction"]
    assert grown["size"]["parts"][0]["difference"] == pytest.approx(1_000_000, abs=5000)
    assert sqlite3.connect(db).execute("SELECT count(*) FROM docker_builds").fetchone() == (3,)
