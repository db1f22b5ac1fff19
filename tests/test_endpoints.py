"""What programs read: health, metrics, errors, the long document, and who may read them."""

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasette.app import Datasette
from prometheus_client.parser import text_string_to_metric_families
from publication_help import build, record, record_a_shop

from recorder import database, times
from recorder.live import LiveBuild, publish
from recorder.publish import metrics, parameters
from recorder.publish.serve import publication

ROOT = Path(__file__).parents[1]


HOME = "/docker_build_history"


QUERIES: dict[str, Any] = yaml.safe_load((ROOT / "metadata.yml").read_text())["databases"][
    "docker_build_history"
]["queries"]


CHECKED = {*parameters.BOUNDS, *parameters.CHOICES, *parameters.KNOWN}


@pytest.fixture
def published(database_path: Path) -> Datasette:
    record_a_shop(database_path)
    return publication(database_path)


async def get(published: Datasette, address: str, **headers: str) -> Any:
    return await published.client.get(address, headers=headers)


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_health_tells_the_newest_build_and_its_age(database_path: Path) -> None:
    published = publication(database_path)
    empty = (await get(published, "/-/healthz")).json()
    assert empty == {"ok": True, "newest_build": None, "newest_build_age_seconds": None}
    ended = times.now() - timedelta(hours=1)
    record(database_path, build(hours=(ended - build().completed_at) / timedelta(hours=1)))
    answer = (await get(published, "/-/healthz")).json()
    assert answer["newest_build"] == times.utc_text(ended)
    assert 3600 <= answer["newest_build_age_seconds"] < 3700


async def test_a_build_to_come_has_no_negative_age(database_path: Path) -> None:
    ahead = (datetime.now(UTC) - build().completed_at) / timedelta(hours=1) + 24
    record(database_path, build(hours=ahead))
    published = publication(database_path)
    assert (await get(published, "/-/healthz")).json()["newest_build_age_seconds"] == 0.0


async def test_metrics_are_those_of_the_statistics(
    published: Datasette, database_path: Path
) -> None:
    with database.connect(database_path) as connection:
        publish(connection, [LiveBuild("r", "shop/api", "b", times.utc_text(times.now()))], "me")
    answer = await get(published, "/-/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = samples(answer.text)
    assert found["buildrec_builds_total", "shop/api", "completed"] == 2
    assert found["buildrec_builds_total", "shop/web", "failed"] == 1
    assert found["buildrec_builds_total", "shop/web", "canceled"] == 1
    assert found["buildrec_last_build_duration_seconds", "shop/api"] == 10
    assert found["buildrec_median_build_duration_seconds", "shop/api"] == 15
    assert found["buildrec_p95_build_duration_seconds", "shop/api"] == 20
    assert found["buildrec_last_image_size_bytes", "shop/api"] == 100_000_000
    assert found["buildrec_cache_ratio", "shop/api"] == 0.25
    assert found["buildrec_build_seconds_total", "shop/api"] == 30
    assert found[("buildrec_live_builds",)] == 1
    assert found[("buildrec_images",)] == 2
    assert found[("buildrec_newest_build_age_seconds",)] > 0
    assert ("buildrec_last_build_duration_seconds", "shop/web") not in found


async def test_metrics_of_an_empty_history_are_there(database_path: Path) -> None:
    found = samples((await get(publication(database_path), "/-/metrics")).text)
    alerts = {("buildrec_standing_alerts", state): 0 for state in ("warning", "open", "confirmed")}
    assert found == {("buildrec_images",): 0, ("buildrec_live_builds",): 0, **alerts}


async def test_labels_of_metrics_say_what_was_recorded(database_path: Path) -> None:
    name = 'a"b\\c\nbuildrec_images 7'
    record(database_path, build(name))
    found = samples((await get(publication(database_path), "/-/metrics")).text)
    assert found["buildrec_builds_total", name, "completed"] == 1
    assert found[("buildrec_images",)] == 1


async def test_metrics_tell_of_the_images_that_cost_most_and_no_more(database_path: Path) -> None:
    most = metrics.MOST_IMAGES
    record(database_path, *(build(f"i{n}", seconds=n) for n in range(most + 5)))
    found = samples((await get(publication(database_path), "/-/metrics")).text)
    told = {key[1] for key in found if key[0] == "buildrec_build_seconds_total"}
    assert told == {f"i{n}" for n in range(5, most + 5)}
    assert found[("buildrec_images",)] == most + 5


async def test_metrics_speak_openmetrics_when_asked(published: Datasette) -> None:
    answer = await get(published, "/-/metrics", accept="application/openmetrics-text")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_every_parameter_of_every_query_is_checked() -> None:
    for name, query in QUERIES.items():
        unchecked = set(query.get("params", ())) - CHECKED
        assert not unchecked, f"say in parameters.py what {unchecked} of {name} may be"


@pytest.mark.parametrize("query", [name for name in QUERIES if QUERIES[name].get("params")])
async def test_a_wrong_parameter_is_an_error_in_every_format(
    published: Datasette, query: str
) -> None:
    for name, kind in product(QUERIES[query]["params"], ("", ".json", ".csv", ".xlsx")):
        answer = await get(published, f"{HOME}/{query}{kind}?{name}=no+such+%3Cthing%3E")
        assert answer.status_code == (404 if name in parameters.KNOWN else 400)
        if kind == ".json":
            assert answer.json()["ok"] is False
            assert "no such <thing>" in answer.json()["error"]
        else:
            assert "no such &lt;thing&gt;" in answer.text
        assert (await get(published, f"{HOME}/{query}{kind}?{name}=")).status_code == 200


@pytest.mark.parametrize("which", ["99", "1x", "nobody", "-1", "1.0", "9" * 30, "ref1&build=no"])
async def test_an_unknown_build_is_not_found(published: Datasette, which: str) -> None:
    answer = await get(published, f"{HOME}/steps_of_build.json?build={which}")
    assert (answer.status_code, answer.json()["ok"]) == (404, False)


@pytest.mark.parametrize("page", ["/-/databases.json", f"{HOME}.json?sql=select+1"])
async def test_a_refusal_is_json_where_json_was_asked_for(published: Datasette, page: str) -> None:
    answer = await get(published, page)
    assert (answer.status_code, answer.json()["ok"]) == (403, False)


async def test_a_long_name_is_not_repeated_whole(published: Datasette) -> None:
    answer = await get(published, f"{HOME}/image.json?image_name={'x' * 5000}")
    assert (answer.status_code, len(answer.text) < 200) == (404, True)


@pytest.mark.parametrize("kind", ["json", "csv", "xlsx", "atom"])
async def test_other_sites_may_read_every_format_only_when_told_so(
    published: Datasette, database_path: Path, kind: str
) -> None:
    shared = publication(database_path, cors=True)
    address = f"{HOME}/failures.{kind}"
    assert "access-control-allow-origin" not in (await get(published, address)).headers
    assert (await get(shared, address)).headers["access-control-allow-origin"] == "*"


async def test_a_long_document_comes_whole(database_path: Path) -> None:
    record(database_path, *(build(f"image-{n % 7}", seconds=n) for n in range(10_000)))
    published = publication(database_path, cors=True)
    answer = await get(published, "/docker_build_times.json")
    assert len(answer.content) > 1_000_000
    assert [row["duration"] for row in answer.json()["history"]] == list(range(9_999, -1, -1))
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    head = await published.client.request("HEAD", "/docker_build_times.json")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == answer.headers["etag"]
