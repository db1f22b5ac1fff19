"""Records and traces that a real engine gave (tests/data) become the builds that they were."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from recorder.engine import control_pb2 as api
from recorder.engine import records
from recorder.engine.local_state import LocalState
from recorder.model import Build, Step

DATA = Path(__file__).parent / "data"
NAMES = sorted(path.stem for path in DATA.glob("*.record"))
ABOUT = records.Origin("sync", "default")


def record_of(name: str) -> Any:
    return api.BuildHistoryRecord.FromString((DATA / f"{name}.record").read_bytes())


def trace_of(name: str) -> list[Any]:
    return [api.StatusResponse.FromString((DATA / f"{name}.trace").read_bytes())]


def build_of(name: str) -> Build:
    return records.to_build(record_of(name), trace_of(name), None, ABOUT)


def step_of(build: Build, words: str) -> Step:
    (step,) = [step for step in build.steps if words in step.name]
    return step


def test_every_kind_of_build_is_here() -> None:
    expected = "bake-one bake-two canceled cold failed heredoc linked shared stages warm"
    assert expected.split() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_payload_holds_nothing_of_the_machine_it_was_recorded_on(name: str) -> None:
    for file in DATA.glob(f"{name}.*"):
        content = file.read_bytes()
        assert not re.search(rb"/home/|/root|/Users/|/tmp/|/work|hostname", content), file


@pytest.mark.parametrize("name", NAMES)
def test_a_build_has_the_figures_that_docker_printed_when_it_was_recorded(name: str) -> None:
    build, printed = build_of(name), json.loads((DATA / f"{name}.json").read_text())
    assert build.ref == printed["Ref"]
    assert build.status == printed["Status"]
    assert build.build_duration == pytest.approx(printed["Duration"] / 1e9, abs=1e-6)
    assert build.started_at == datetime.fromisoformat(printed["StartedAt"][:26] + "+00:00")
    assert build.total_steps == printed["NumTotalSteps"]
    assert build.completed_steps == printed["NumCompletedSteps"]
    assert build.cached_steps == printed["NumCachedSteps"]


@pytest.mark.parametrize("name", NAMES)
def test_no_step_lies_outside_its_build_and_none_comes_twice(name: str) -> None:
    build = build_of(name)
    assert [step.position for step in build.steps] == list(range(1, len(build.steps) + 1))
    assert len({step.name for step in build.steps}) == len(build.steps)
    assert len({step.step_key for step in build.steps}) == len(build.steps)
    for step in build.steps:
        if step.duration is not None:
            assert 0 <= step.duration <= build.build_duration
            if not step.shared:
                assert step.started is not None
                assert 0 <= step.started + step.duration <= build.build_duration + 1e-6
    assert 0 < (build.critical_path_seconds or 0) <= build.build_duration + 1e-6


def test_a_cold_build_ran_its_steps_as_long_as_they_slept() -> None:
    build = build_of("cold")
    assert 0.3 < (step_of(build, "sleep 0.3").duration or 0) < build.build_duration
    # The engine had met busybox before, so one of four instructions was known.
    assert (build.cache_class, build.cache_ratio) == ("partial", 0.25)
    assert build.image_tags == ("payload-cold:1",)
    assert build.image_name == "payload-cold"
    assert build.platform == "linux/amd64"
    assert build.dockerfile_path == "Dockerfile"
    assert (build.context_bytes or 0) > 1_000_000


def test_a_warm_build_ran_nothing() -> None:
    cold, warm = build_of("cold"), build_of("warm")
    assert (warm.cache_class, warm.cache_ratio) == ("warm", 1.0)
    assert {step.duration for step in warm.steps if step.cached} == {0.0}
    assert sum(step.cached for step in warm.steps) == 4
    assert warm.image_digest == cold.image_digest
    assert (warm.context_bytes or 0) < 1000


def test_steps_keep_their_identity_from_the_cold_to_the_warm_build() -> None:
    assert {s.name: s.step_key for s in build_of("cold").steps} == {
        s.name: s.step_key for s in build_of("warm").steps
    }


def test_a_failed_build_has_its_error_on_one_step_and_never_ran_the_next() -> None:
    build = build_of("failed")
    assert (build.status, build.image_digest) == ("failed", None)
    assert "exit code: 3" in (build.error_message or "")
    assert [step.name for step in build.steps if step.error] == [step_of(build, "exit 3").name]
    never = step_of(build, "RUN echo never")
    assert (never.started, never.duration, never.cached) == (None, None, False)


def test_a_canceled_build_is_canceled_and_not_out_of_memory() -> None:
    build = build_of("canceled")
    assert build.status == "canceled"
    running = step_of(build, "sleep 300")
    assert (running.error or "").endswith("context canceled")
    assert "137" in (running.error or "")


def test_a_step_that_another_build_had_begun_is_shared_and_counts_from_our_start() -> None:
    build = build_of("shared")
    joined = step_of(build, "sleep 1.5")
    assert joined.shared
    assert (joined.started or 0) < 0 < (joined.duration or 0) <= build.build_duration
    assert (joined.duration or 0) - (joined.started or 0) > 1.5 > build.build_duration
    assert [step.name for step in build.steps if step.shared] == [joined.name]


def test_a_shared_step_has_the_identity_that_it_has_alone() -> None:
    shared = build_of("shared")
    trace = trace_of("shared")
    alone = api.StatusResponse()
    joined = {v.digest for v in trace[0].vertexes if v.HasField("started")}
    name = step_of(shared, "sleep 1.5").name
    for vertex in trace[0].vertexes:
        if vertex.name != name or vertex.digest in joined:
            alone.vertexes.append(vertex)
    other = records.to_build(record_of("shared"), [alone], None, ABOUT)
    assert step_of(other, "sleep 1.5").step_key == step_of(shared, "sleep 1.5").step_key


def test_a_linked_copy_and_a_heredoc_are_one_step_each() -> None:
    linked = step_of(build_of("linked"), "COPY --link")
    assert (linked.kind, linked.step, linked.steps) == ("copy", 2, 2)
    heredoc = step_of(build_of("heredoc"), "RUN <<END")
    assert (heredoc.kind, heredoc.step, heredoc.steps) == ("run", 2, 2)
    assert (heredoc.duration or 0) > 0.1


def test_arguments_are_put_back_into_instructions_but_not_into_names() -> None:
    build = build_of("stages")
    assert build.build_args == {"RELEASE": "1.25"}
    step = step_of(build, "sleep 0.2")
    assert " 1.25 && " in step.name
    assert " ${RELEASE} && " in (step.instruction or "")


def test_of_two_stages_at_once_the_slower_is_on_the_critical_path() -> None:
    build = build_of("stages")
    assert step_of(build, "sleep 0.4").critical
    assert not step_of(build, "sleep 0.1").critical
    assert (step_of(build, "sleep 0.4").stage, step_of(build, "sleep 0.1").stage) == (
        "left",
        "stage-2",
    )
    path = sum(step.duration or 0 for step in build.steps if step.critical)
    assert build.critical_path_seconds == pytest.approx(path, abs=0.005)


def test_each_target_of_a_bake_has_its_own_steps_and_shares_the_base() -> None:
    one, two = build_of("bake-one"), build_of("bake-two")
    assert (one.target, two.target) == ("one", "two")
    assert (one.image_tags, two.image_tags) == (("payload-bake-one:1",), ("payload-bake-two:1",))
    base = "[base 2/2]"
    assert step_of(one, base).step_key == step_of(two, base).step_key
    assert step_of(one, base).duration == pytest.approx(step_of(two, base).duration)
    assert not any("[two" in step.name for step in one.steps)
    assert (step_of(two, "[two 1/1]").duration or 0) > 0.2


def test_what_buildx_knows_names_the_build_and_its_dockerfile() -> None:
    record = record_of("cold")
    del record.Exporters[:]

    def with_state(context: str, dockerfile: str) -> Build:
        state = LocalState("r", "default", "default", context, dockerfile, "", 0.0)
        return records.to_build(record, trace_of("cold"), state, ABOUT)

    assert with_state("/src/shop", "").image_name == "shop"
    assert with_state("/src/shop", "/src/shop/docker/Dockerfile.dev").dockerfile_path == (
        "docker/Dockerfile.dev"
    )
    assert with_state("/src/shop", "/elsewhere/Dockerfile.dev").dockerfile_path == "Dockerfile.dev"
    assert with_state("-", "-").dockerfile_path == "Dockerfile"


def test_a_record_without_its_trace_is_a_build_without_steps() -> None:
    build = records.to_build(record_of("cold"), [], None, ABOUT)
    assert (build.steps, build.cache_ratio, build.critical_path_seconds) == ((), None, None)
    assert build.total_steps == 8


def test_a_question_is_no_build_nor_is_one_that_still_runs() -> None:
    record = record_of("cold")
    assert records.is_build(record)
    record.FrontendAttrs["requestid"] = "frontend.lint"
    assert not records.is_build(record)
    record = record_of("cold")
    record.ClearField("CompletedAt")
    assert not records.is_build(record)
