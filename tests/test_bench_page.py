"""The page of benchmarks: results, their trend and the images of the project, as its JSON says."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from bench_help import result, stored
from browser_help import Visit, chromium
from datasette.app import Datasette
from publication_help import build, record
from serve_help import serving

from recorder.publish.serve import publication

HOME = "/docker_build_history"
DAY = "2026-01-{:02}T00:00:00.000Z"


@pytest.fixture
def filled(database_path: Path) -> Path:
    """Three runs that compare, of which the last failed in part, and one of contention between."""
    record(
        database_path,
        build("api", hours=1, seconds=30, image_size_bytes=1_000_000),
        build("api", hours=2, seconds=20, image_size_bytes=2_000_000),
    )
    machine = {"cpu": "A processor", "cpus": 2, "memory_bytes": 8_000_000_000}
    stored(database_path, result(seconds=0.01), result("rest", 0.5), started_at=DAY.format(1))
    stored(database_path, result(seconds=0.05), started_at=DAY.format(2), mode="contention",
           copies=2)  # fmt: skip
    stored(database_path, result(seconds=0.02), result("rest", 0.5), started_at=DAY.format(3))
    stored(
        database_path,
        result(seconds=0.03, figures={"hits": 31}, unstable=("it varies",)),
        result("rest", raw=(), status="failed", reason="found <b>3</b> of 4"),
        started_at=DAY.format(4), git_commit="c0ffee" * 6, ended="failed", **machine,
    )  # fmt: skip
    record(database_path, build("api", hours=3, seconds=25, image_size_bytes=3_000_000))
    return database_path


@pytest.fixture
def published(filled: Path) -> Datasette:
    return publication(filled)


async def rows(published: Datasette, address: str) -> list[dict[str, Any]]:
    answer = await published.client.get(f"{HOME}/{address}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_latest_run_is_told_beside_the_comparable_one_before(
    published: Datasette,
) -> None:
    found = await rows(published, "benchmark_results.json?_shape=array")
    assert [(row["run"], row["benchmark"], row["outcome"]) for row in found] == [
        (4, "rest", "failed"),
        (4, "sum", "completed"),
    ]
    assert found[1]["median"] == pytest.approx(0.03, rel=0.01)
    assert found[1]["before_median"] == pytest.approx(0.02, rel=0.01)
    of_first = await rows(published, "benchmark_results.json?_shape=array&run=1")
    assert [row["before_median"] for row in of_first] == [None, None]
    contention = await rows(published, "benchmark_results.json?_shape=array&run=2")
    assert [(row["mode"], row["before_median"]) for row in contention] == [("contention", None)]


async def test_the_trend_holds_only_runs_that_compare(published: Datasette) -> None:
    found = await rows(published, "benchmark_trend.json?_shape=array&benchmark=shop/sum")
    assert [row["run"] for row in found] == [4, 3, 1]
    assert {row["benchmark"] for row in found} == {"shop/sum"}
    contention = await rows(published, "benchmark_trend.json?_shape=array&run=2")
    assert [row["run"] for row in contention] == [2]
    assert len(await rows(published, "benchmark_trend.json?_shape=array&days=1")) == 3


@pytest.mark.parametrize("address", ["run=77", "run=x", "suite=none", "benchmark=none"])
@pytest.mark.parametrize("query", ["benchmark_results", "benchmark_trend"])
async def test_what_was_never_measured_is_not_found(
    published: Datasette, query: str, address: str
) -> None:
    name = address.partition("=")[0]
    takes = {"benchmark_results": {"run", "suite"}, "benchmark_trend": {"run", "benchmark"}}
    answer = await published.client.get(f"{HOME}/{query}.json?_shape=array&{address}")
    assert answer.status_code == (404 if name in takes[query] else 200)


async def test_one_page_shows_results_and_the_images_of_the_project(published: Datasette) -> None:
    page = (await published.client.get(f"{HOME}/benchmark_results")).text
    for words in ("30.1 ms", "+50", "hits 31", "A processor", "8 GB", "c0ffeec0ffee", "it varies"):
        assert words in page, words
    assert "found &lt;b&gt;3&lt;/b&gt; of 4" in page
    images = page.partition("Images of the project")[2].partition("</table>")[0]
    assert "20.0 s" in images
    assert "2 MB" in images
    assert "3 MB" in images
    assert "quick" not in page
    assert "2 at once" in page


async def test_an_empty_history_says_how_benchmarks_are_run(database_path: Path) -> None:
    for query in ("benchmark_results", "benchmark_trend"):
        answer = await publication(database_path).client.get(f"{HOME}/{query}")
        assert answer.status_code == 200
        assert "buildrec bench run" in answer.text


async def test_the_chart_of_many_is_against_their_first_and_of_one_in_its_unit(
    published: Datasette,
) -> None:
    many = await published.client.get(f"{HOME}/benchmark_trend.svg")
    one = await published.client.get(f"{HOME}/benchmark_trend.svg?benchmark=shop/sum")
    for answer in (many, one):
        assert answer.status_code == 200
        ElementTree.fromstring(answer.text)
    assert "3 \N{MULTIPLICATION SIGN}" in many.text
    assert "shop/rest" in many.text
    assert "30 ms" in one.text
    assert "\N{MULTIPLICATION SIGN}" not in one.text
    page = (await published.client.get(f"{HOME}/benchmark_trend?benchmark=shop/sum")).text
    assert "<h1>shop/sum</h1>" in page


async def test_measured_functions_are_shown_where_no_suite_was_run(database_path: Path) -> None:
    stored(database_path, result("work"), kind="measured")
    page = (await publication(database_path).client.get(f"{HOME}/benchmark_results")).text
    assert "measured functions" in page
    assert "shop/work" in page


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_everyone_can_read_the_pages_on_any_screen(filled: Path, width: int, scheme: str) -> None:
    found = {}
    with serving(filled) as (url, _), chromium() as browser:
        visit = Visit(browser, width=width, scheme=scheme)
        for address in (
            "benchmark_results",
            "benchmark_trend",
            "benchmark_trend?benchmark=shop/sum",
        ):
            page = visit.open(f"{url}{HOME}/{address}")
            faults = visit.faults()
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append("wider than the window")
            if faults:
                found[address] = faults
    assert not found
    assert visit.errors == []
    assert len(visit.hosts) == 1
