"""Figures of steps, layers and images against plain Python over all rows, and their pages."""

import statistics
from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest
from figures_help import HISTORIES, Row, World, made
from publication_help import build, record, step

from recorder.publish import image_page, step_page

near = pytest.approx


@pytest.fixture(scope="module", params=HISTORIES, ids=lambda history: f"{history[1]} builds")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with made(tmp_path_factory.mktemp("figures"), *request.param) as world:
        yield world


def took(steps: list[Row]) -> list[float]:
    """Seconds of the steps that ran."""
    return [s["duration"] for s in steps if not s["cached"] and s["duration"] is not None]


def test_steps_of_an_image(world: World) -> None:
    for image in world.images:
        seen: dict[str, list[Row]] = defaultdict(list)
        for number in [b["id"] for b in world.of(image)[:100]]:
            for one in world.steps[number]:
                if one["kind"] in {"run", "copy"} and one["started"] is not None:
                    seen[one["step_key"]].append(one)
        found = world.ask("image_steps", image_name=image)
        assert {row["step_key"] for row in found} == set(seen)
        for row in found:
            steps = seen[row["step_key"]]
            runs = sum(not one["cached"] for one in steps)
            assert (row["appearances"], row["runs"]) == (len(steps), runs)
            assert row["miss_share"] == near(runs / len(steps))
            assert row["total_duration"] == near(sum(took(steps)))
            assert row["avg_duration"] == near(
                statistics.mean(took(steps)) if took(steps) else None
            )
            assert row["max_duration"] == near(max(took(steps), default=None))
            assert row["failures"] == sum(one["error"] is not None for one in steps)
            assert (row["build"], row["name"]) == (steps[0]["build_id"], steps[0]["name"])
        page = image_page.page(
            world.datasette, world.connection, world.ask("image", image_name=image)
        )
        (tiles,) = world.ask("image_statistics", image_name=image)
        assert page["image"] == tiles
        assert page["slowest"] == [row for row in found if row["runs"]][:12]


def test_one_step_across_builds(world: World) -> None:
    for key in {one["step_key"] for steps in world.steps.values() for one in steps}:
        expected = [
            (b["id"], one["position"], one)
            for b in world.left
            for one in world.steps[b["id"]]
            if one["step_key"] == key
        ][:200]
        found = world.ask("step", step_key=key)
        assert [row["build"] for row in found] == [number for number, _, _ in expected]
        for row, (_, _, one) in zip(found, expected, strict=True):
            assert (row["duration"], row["cached"], row["error"], row["name"]) == (
                one["duration"], one["cached"], one["error"], one["name"],
            )  # fmt: skip
        page = step_page.page(world.datasette, found)
        steps = [one for _, _, one in expected if one["started"] is not None]
        ran = took(steps)
        assert (page["seen"], page["ran"]) == (len(steps), len(ran))
        assert page["median"] == near(statistics.median(ran) if ran else None)
        assert page["longest"] == max(ran, default=None)


def test_layers_over_time(world: World) -> None:
    for image in world.images:
        first: dict[str, Row] = {}
        for row in [b for b in world.of(image) if b["success"]][:300]:
            if row["image_digest"]:
                first[row["image_digest"]] = row
        expected = sorted(first.values(), key=lambda row: row["completed_at"], reverse=True)[:30]
        layers = {row["build_id"]: [] for row in world.sql("SELECT build_id FROM build_layers", ())}
        for row in world.sql("SELECT * FROM build_layers ORDER BY position", ()):
            layers[row["build_id"]].append((row["instruction"], row["bytes"]))
        found: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for row in world.ask("layers", image_name=image):
            found[row["build"]].append((row["instruction"], row["bytes"]))
        stamps = {b["id"]: b["completed_at"] for b in world.left}
        assert [stamps[b] for b in found] == [row["completed_at"] for row in expected]
        assert {b["id"] for b in expected} == set(found) or len(set(stamps.values())) < len(stamps)
        assert all(layers[number] == of_build for number, of_build in found.items())


def test_a_step_is_found_in_every_image_though_it_never_ran(tmp_path: Any) -> None:
    with made(tmp_path, 1, 0) as world:
        path = tmp_path / "docker_build_history.db"
        for hours, image in enumerate(("a", "b", "c")):
            record(path, build(image, hours=hours, steps=(step(0, "[1/1] RUN x", cached=True),)))
        found = world.ask("step", step_key="key of [1/1] RUN x")
        assert [row["image_name"] for row in found] == ["c", "b", "a"]


def test_a_failure_at_the_instant_of_a_success_counts(tmp_path: Any) -> None:
    with made(tmp_path, 1, 0) as world:
        path = tmp_path / "docker_build_history.db"
        record(path, build("a"), build("a", status="failed"), build("a", status="failed"))
        assert [row["failures_in_a_row"] for row in world.ask("standing_failures")] == [2]


def test_an_image_s_step_is_named_as_in_its_latest_build(tmp_path: Any) -> None:
    with made(tmp_path, 1, 0) as world:
        path = tmp_path / "docker_build_history.db"
        for hours, name, seconds in ((2, "new", 1.0), (0, "old", 9.0)):
            one = replace(step(0, f"[1/1] RUN {name}", duration=seconds), step_key="k")
            record(path, build("a", hours=hours, steps=(one,)))
        (row,) = world.ask("image_steps", image_name="a")
        assert (row["name"], row["build"], row["max_duration"]) == ("[1/1] RUN new", 1, 9.0)
