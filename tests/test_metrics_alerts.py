"""What Prometheus is told of alerts and outcomes, and what that costs."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from publication_help import build, record, record_a_shop

from recorder import database, queries, store
from recorder.publish import metrics
from recorder.publish.serve import publication
from recorder.upkeep.prune import Rules, prune

_ALERT = (
    "INSERT INTO alerts (image_name, metric, step_key, direction, state, first_at, before_value,"
    " after_value, before_count, after_count, rule, parameters, sentence, group_key, created_at,"
    " updated_at) VALUES (?, ?, ?, ?, ?, 't', 1, 2, 9, 2, 'recent', '{}', 's', 'g', 't', 't')"
)

_SMALL = ("build_statistics", "SEARCH build_totals", "INDEX standing_alerts", "SCAN told",
          "SEARCH pruned USING", "SEARCH pruned_days USING PRIMARY KEY")  # fmt: skip


def alert(path: Path, image: str, metric: str, state: str, **more: Any) -> None:
    values = {"step_key": None, "direction": "worse"} | more
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(_ALERT, (image, metric, values["step_key"], values["direction"], state))
        connection.commit()


def has_builds(path: Path, *images: str) -> None:
    record(path, *(build(image) for image in images))


async def samples(path: Path) -> dict[tuple[str, ...], float]:
    """Each sample by its name and its labels."""
    answer = await publication(path).client.get("/-/metrics")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def counters(found: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    return {key: value for key, value in found.items() if key[0].endswith("_total")}


async def test_alerts_that_stand_are_counted_by_state_and_image(database_path: Path) -> None:
    has_builds(database_path, "shop/api", "shop/web")
    alert(database_path, "shop/api", "duration", "open")
    alert(database_path, "shop/api", "step", "open", step_key="a")
    alert(database_path, "shop/api", "step", "open", step_key="b")
    alert(database_path, "shop/web", "size", "confirmed")
    alert(database_path, "shop/web", "cache", "warning")
    alert(database_path, "shop/web", "duration", "resolved")
    alert(database_path, "shop/old", "duration", "acknowledged")
    alert(database_path, "shop/new", "duration", "confirmed", direction="better")
    found = await samples(database_path)
    assert found["buildrec_standing_alerts", "open"] == 3
    assert found["buildrec_standing_alerts", "confirmed"] == 1
    assert found["buildrec_standing_alerts", "warning"] == 1
    by_image = {key[1:]: n for key, n in found.items() if key[0] == "buildrec_image_alerts"}
    assert by_image == {
        ("shop/api", "duration", "open"): 1,
        ("shop/api", "step", "open"): 2,
        ("shop/web", "size", "confirmed"): 1,
        ("shop/web", "cache", "warning"): 1,
    }


async def test_alerts_of_an_image_without_any_build_are_not_told_of(database_path: Path) -> None:
    has_builds(database_path, "shop/api", "shop/gone")
    for image in ("shop/api", "shop/gone"):
        alert(database_path, image, "duration", "open")
    with database.connect(database_path) as connection:
        store.delete(connection, [queries.find_build(connection, "shop/gone")["id"]])
    found = await samples(database_path)
    assert found["buildrec_standing_alerts", "open"] == 1
    assert {key[1] for key in found if key[0] == "buildrec_image_alerts"} == {"shop/api"}


async def test_no_alert_is_a_zero_and_not_a_gap(database_path: Path) -> None:
    found = await samples(database_path)
    for state in ("warning", "open", "confirmed"):
        assert found["buildrec_standing_alerts", state] == 0


async def test_what_was_pruned_stays_in_the_counters(database_path: Path) -> None:
    outcomes = ("completed", "failed", "canceled")
    record(
        database_path,
        *(
            build(image, hours=n, seconds=n * 0.1, status=outcomes[n % 3])
            for n in range(60)
            for image in ("shop/api", "shop/web")
        ),
    )
    before = counters(await samples(database_path))
    for keep in (40, 7, 1):
        prune(database_path, Rules(keep=keep))
        assert counters(await samples(database_path)) == before
    record(database_path, build("shop/api", hours=61, seconds=5))
    grown = {key: n - before[key] for key, n in counters(await samples(database_path)).items()}
    assert {key[1:]: n for key, n in grown.items() if n} == {
        ("shop/api", "completed"): 1,
        ("shop/api",): pytest.approx(5),
    }


async def test_the_share_that_went_well_and_the_time_of_the_last_build(database_path: Path) -> None:
    record_a_shop(database_path)
    record(database_path, build("shop/api", hours=5, status="failed"))
    found = await samples(database_path)
    assert found["buildrec_success_ratio", "shop/api"] == 2 / 3
    assert found["buildrec_success_ratio", "shop/web"] == 0, "a canceled build counts for neither"
    ended = build("shop/api", hours=5).completed_at.timestamp()
    assert found["buildrec_last_build_timestamp_seconds", "shop/api"] == ended


async def test_an_image_that_only_was_canceled_has_no_share(database_path: Path) -> None:
    record(database_path, build("x", status="canceled"))
    assert ("buildrec_success_ratio", "x") not in await samples(database_path)


async def test_alerts_of_no_more_images_than_may_be(database_path: Path) -> None:
    has_builds(database_path, *(f"i{n}" for n in range(600)))
    with closing(sqlite3.connect(database_path)) as connection:
        rows = ((f"i{n}", "duration", None, "worse", "open") for n in range(600))
        connection.executemany(_ALERT, rows)
        connection.commit()
    found = await samples(database_path)
    told = [key for key in found if key[0] == "buildrec_image_alerts"]
    assert len(told) == metrics.MOST_IMAGES
    assert found["buildrec_standing_alerts", "open"] == 600


def test_no_metric_looks_through_builds_or_old_alerts(database_path: Path) -> None:
    with closing(sqlite3.connect(database_path)) as connection:
        for query in (metrics._IMAGES, metrics._ALERTS, metrics._ALERTS_BY_STATE):
            plan = connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
            steps = [step[3] for step in plan]
            assert not [step for step in steps if "docker_builds" in step or "steps" in step]
            reads = [step for step in steps if step.startswith(("SCAN", "SEARCH"))]
            assert reads
            for step in reads:
                assert any(known in step for known in _SMALL), step
