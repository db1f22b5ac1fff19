"""Every figure of the publication against plain Python over all rows: queries, then pages."""

import statistics
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from figures_help import HISTORIES, IMAGES, Row, World, made

from recorder import figures, queries, times
from recorder.publish import build_page, home_page

near = pytest.approx


@pytest.fixture(scope="module", params=HISTORIES, ids=lambda history: f"{history[1]} builds")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with made(tmp_path_factory.mktemp("figures"), *request.param) as world:
        yield world


def usual(world: World, build: Row) -> float | None:
    if not build["success"]:
        return None
    earlier = [
        row for row in world.of(build["image_name"])
        if row["completed_at"] < build["completed_at"] and row["success"]
    ][:100]  # fmt: skip
    like = [r["build_duration"] for r in earlier if r["cache_class"] == build["cache_class"]][:20]
    return statistics.median(like) if like else None


def test_recent_builds_and_what_is_usual(world: World) -> None:
    found = world.ask("recent_builds", limit=1000)
    assert [row["id"] for row in found] == [row["id"] for row in world.left]
    for row, build in zip(found, world.left, strict=True):
        assert {k: row[k] for k in row if k in build} == {k: build[k] for k in row if k in build}
        assert row["usual_duration"] == near(usual(world, build))
    for image in world.images:
        one = world.ask("recent_builds", image_name=image)
        assert [row["id"] for row in one] == [row["id"] for row in world.of(image)[:20]]
        assert world.ask("badge", image_name=image)[:1] == [
            {k: row.get(k, row["id"]) for k in
             "image_name build_duration image_size_mb build build_timestamp completed_at".split()}
            for row in world.of(image) if row["success"]
        ][:1]  # fmt: skip
        assert [r["id"] for r in world.ask("image", image_name=image)] == [
            r["id"] for r in world.of(image)[:100]
        ]


def test_a_build_s_page_says_the_same_as_the_lists(world: World) -> None:
    listed = {row["id"]: row for row in world.ask("recent_builds", limit=1000)}
    for build in world.left[:20]:
        page = build_page.page(world.datasette, world.connection, str(build["id"]))
        said = queries.usual_duration(
            world.connection, build["image_name"], build["cache_class"],
            before=build["completed_at"],
        )  # fmt: skip
        assert page["usual"] == said
        if build["success"]:
            assert said == near(listed[build["id"]]["usual_duration"])
        of_image = world.of(build["image_name"])
        older = of_image[of_image.index(build) + 1 :]
        assert (page["before"] or {}).get("id") == (older[0]["id"] if older else None)
        for row in page["compared"]:
            if "—" in (row["value"], row["before"]):
                assert row["change"] == ""


def test_a_build_s_page_tells_how_its_steps_stand_to_their_runs_before(world: World) -> None:
    for build in world.left[:20]:
        of_image = world.of(build["image_name"])
        older = of_image[of_image.index(build) + 1 :]
        good = [row["id"] for row in older if row["success"]][:100]
        runs = [
            one for number in good for one in world.steps[number] if one["duration"] is not None
        ]
        page = build_page.page(world.datasette, world.connection, str(build["id"]))
        for one in world.steps[build["id"]]:
            same = [run for run in runs if run["step_key"] == one["step_key"]]
            took = [run["duration"] for run in same if not run["cached"]]
            usually = statistics.median(took) if took else None
            said, why = page["standing"].get(one["position"], (None, None))
            if one["cached"] or one["duration"] is None:
                assert said is None
            elif any(run["cached"] and run["build_id"] == older[0]["id"] for run in same):
                assert said.words == "was cached"
            elif usually is None:
                assert said is None
            elif abs(one["duration"] - usually) > 10:
                assert why == f"usually {figures.duration(usually)}"
                assert said.class_ == ("slower" if one["duration"] > usually else "quicker")


def test_statistics_of_images(world: World) -> None:
    found = {row["image_name"]: row for row in world.ask("image_statistics")}
    assert list(found) == sorted(found, key=lambda name: (-found[name]["total_duration"], name))
    assert set(found) == set(world.images)
    for name, row in found.items():
        builds = world.of(name)
        good = [b for b in builds if b["success"]]
        took = [b["build_duration"] for b in good]
        sizes = [b["image_size_mb"] for b in builds if b["image_size_mb"]]
        ratios = [b["cache_ratio"] for b in good if b["cache_ratio"] is not None]
        assert (row["total_builds"], row["successful_builds"]) == (len(builds), len(good))
        assert row["failed_builds"] == sum(b["status"] == "failed" for b in builds)
        assert row["total_duration"] == near(sum(b["build_duration"] for b in builds))
        assert row["avg_duration"] == near(statistics.mean(took) if took else None)
        assert row["median_duration"] == near(statistics.median(took[:100]) if took else None)
        assert row["p95_duration"] == (
            min(v for v in took[:100] if sum(o <= v for o in took[:100]) >= 0.95 * len(took[:100]))
            if took else None
        )  # fmt: skip
        assert row["min_duration"] == near(min(took, default=None))
        assert row["max_duration"] == near(max(took, default=None))
        assert row["last_duration"] == (took[0] if took else None)
        assert row["last_size_mb"] == (sizes[0] if sizes else None)
        assert row["avg_size_mb"] == near(statistics.mean(sizes) if sizes else None)
        assert row["avg_cache_ratio"] == near(statistics.mean(ratios) if ratios else None, abs=1e-6)
        assert row["last_build_timestamp"] == builds[0]["build_timestamp"]


def test_days_count_what_was_pruned(world: World) -> None:
    for days in (30, 7, 400):
        since = world.since(days)
        ever = [row for row in world.ever if row["completed_at"][:10] >= since]
        by_day: dict[str, list[Row]] = defaultdict(list)
        by_both: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in ever:
            by_day[row["completed_at"][:10]].append(row)
            by_both[row["completed_at"][:10], row["image_name"]].append(row)
        found = world.ask("time_spent", days=days)
        assert [row["day"] for row in found] == sorted(by_day, reverse=True)
        for row in found:
            builds = by_day[row["day"]]
            assert row["builds"] == len(builds)
            assert row["successful_builds"] == sum(b["success"] for b in builds)
            assert row["failed_builds"] == sum(b["status"] == "failed" for b in builds)
            assert row["total_duration"] == near(sum(b["build_duration"] for b in builds))
            assert row["saved_seconds"] == near(sum(b["saved_seconds"] or 0 for b in builds))
        # Over many days the trends show fewer images, unless one is named.
        trend, sizes = (
            {
                (row["day"], row["image_name"]): row
                for image in world.images
                for row in world.ask(query, days=days, image_name=image)
            }
            for query in ("build_trend", "size_trend")
        )
        good = {k: [b["build_duration"] for b in v if b["success"]] for k, v in by_both.items()}
        sized = {k: [b for b in v if b["image_size_mb"]] for k, v in by_both.items()}
        assert set(trend) == {key for key, took in good.items() if took}
        assert set(sizes) == {key for key, builds in sized.items() if builds}
        for key, row in trend.items():
            assert row["successful_builds"] == len(good[key])
            assert row["avg_duration"] == near(statistics.mean(good[key]))
            assert (row["min_duration"], row["max_duration"]) == near(
                (min(good[key]), max(good[key]))
            )
        for key, row in sizes.items():
            assert row["image_size_mb"] == sized[key][0]["image_size_mb"]
        page = home_page.page(world.datasette, world.connection)
        if days == 30 and ever:
            ended = [b["success"] for b in ever if b["status"] != "canceled"]
            assert page["totals"]["builds"] == len(ever)
            assert page["totals"]["success_share"] == near(
                statistics.mean(ended) if ended else None
            )


def test_the_cache(world: World) -> None:
    ever = [row for row in world.ever if row["completed_at"][:10] >= world.since(30)]
    found = {row["image_name"]: row for row in world.ask("cache_efficiency")}
    for image in IMAGES:
        builds = [row for row in ever if row["image_name"] == image]
        judged = [b for b in builds if b["success"] and b["cache_ratio"] is not None]
        assert bool(judged) == (image in found)
        if not judged:
            continue
        row = found[image]
        assert row["successful_builds"] == len(judged)
        assert row["avg_cache_ratio"] == near(
            statistics.mean(b["cache_ratio"] for b in judged), abs=1e-6
        )
        assert row["saved_seconds"] == near(sum(b["saved_seconds"] or 0 for b in builds))
        for kind in ("cold", "partial", "warm"):
            took = [b["build_duration"] for b in judged if b["cache_class"] == kind]
            assert row[kind] == len(took)
            assert row[f"avg_{kind}_duration"] == near(statistics.mean(took) if took else None)


def test_failures_and_those_that_stand(world: World) -> None:
    latest = times.parse(world.left[0]["completed_at"]) if world.left else datetime.now(UTC)
    since = times.utc_text(latest - timedelta(days=30))
    bad = [b for b in world.left if not b["success"] and b["completed_at"] >= since]
    assert [r["id"] for r in world.ask("failures", limit=1000)] == [b["id"] for b in bad]
    expected = {}
    for image in world.images:
        builds = [b for b in world.of(image) if b["status"] != "canceled"]
        run = next((i for i, b in enumerate(builds) if b["success"]), len(builds))
        if run:
            expected[builds[0]["id"]] = (run, builds[run - 1]["build_timestamp"])
    found = world.ask("standing_failures")
    stand = {row["id"]: (row["failures_in_a_row"], row["failing_since"]) for row in found}
    assert stand == expected


def ran(step: Row) -> bool:
    return not step["cached"] and step["duration"] is not None


def test_the_slowest_steps(world: World) -> None:
    latest = times.parse(world.left[0]["completed_at"]) if world.left else datetime.now(UTC)
    since = times.utc_text(latest - timedelta(days=30))
    seen: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for build in [b for b in world.left if b["completed_at"] >= since][:200]:
        for step in filter(ran, world.steps[build["id"]]):
            seen[build["image_name"], step["step_key"]].append(step)
    found = world.ask("slowest_steps", limit=1000)
    assert {(r["image_name"], r["step_key"]) for r in found} == set(seen)
    totals = [row["total_duration"] for row in found]
    assert totals == sorted(totals, reverse=True)
    for row in found:
        steps = seen[row["image_name"], row["step_key"]]
        took = [step["duration"] for step in steps]
        assert (row["runs"], row["total_duration"]) == (len(took), near(sum(took)))
        assert (row["avg_duration"], row["max_duration"]) == near(
            (statistics.mean(took), max(took))
        )
        assert row["on_critical_path"] == sum(step["critical"] for step in steps)
        slowest = {s["build_id"] for s in steps if s["duration"] == max(took)}
        assert row["build"] in slowest
