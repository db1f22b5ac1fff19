"""Alerts stand on the pages where they belong: overview, image with its chart, build."""

import re
from pathlib import Path

import pytest
from datasette.app import Datasette
from publication_help import build, step

from recorder import database, store
from recorder.alerts import people
from recorder.publish.serve import publication

HOME = "/docker_build_history"


@pytest.fixture
def slower(database_path: Path) -> Path:
    """Ten builds of 100 s, then three of 150 s, whose `RUN make` did it."""
    with database.connect(database_path) as connection:
        for hour in range(13):
            took = 100.0 + hour % 3 + (50.0 if hour >= 10 else 0.0)
            made = build(
                "shop/api", hours=hour, seconds=took, ref=f"ref{hour}", cache_ratio=0.0,
                git_commit=f"{hour:040x}", steps=(step(1, "RUN make", duration=took - 5),),
            )  # fmt: skip
            store.record(connection, made)
    return database_path


async def page(published: Datasette, address: str) -> str:
    answer = await published.client.get(address)
    assert answer.status_code == 200
    return answer.text


async def test_what_got_worse_stands_on_the_overview_until_it_is_acknowledged(
    slower: Path,
) -> None:
    published = publication(slower)
    before = await page(published, "/")
    assert "What got worse" in before
    assert re.search(r"shop/api: 15\d s is \d\d % above the usual 10\d s", before)
    with database.connect(slower) as connection:
        for (number,) in connection.execute("SELECT id FROM alerts").fetchall():
            people.acknowledge(connection, [number], "a bigger compiler")
    published = publication(slower)
    assert "What got worse" not in await page(published, "/")
    image = await page(published, f"{HOME}/image?image_name=shop/api")
    assert "acknowledged" in image
    assert "a bigger compiler" in image


async def test_the_chart_of_an_image_marks_where_it_became_worse(slower: Path) -> None:
    published = publication(slower)
    image = await page(published, f"{HOME}/image?image_name=shop/api")
    assert image.count('class="change line-bad"') == 2, "in the chart, and in its key"
    assert "worse from here" in image
    alone = await page(published, f"{HOME}/image.svg?image_name=shop/api")
    assert 'class="change line-bad"' in alone
    rows = (await published.client.get(f"{HOME}/image.json?_shape=array")).json()
    assert [row["id"] for row in rows if row["alert"]] == [11]
    assert {row["alert_direction"] for row in rows} == {None, "worse"}


async def test_a_build_tells_the_regression_that_it_is_in(slower: Path) -> None:
    published = publication(slower)
    assert "regression" not in await page(published, f"{HOME}/docker_builds/10")
    for number in (11, 13):
        text = await page(published, f"{HOME}/docker_builds/{number}")
        assert "regression" in text
        assert "since build 11" in text


async def test_the_list_of_alerts_links_their_builds_and_takes_no_alert_for_a_build(
    slower: Path,
) -> None:
    published = publication(slower)
    rows = (await published.client.get(f"{HOME}/alerts.json?_shape=array")).json()
    assert {row["first_build_id"] for row in rows} == {11}
    listed = await page(published, f"{HOME}/alerts")
    links = set(re.findall(rf'href="{HOME}/docker_builds/(\d+)"', listed))
    assert links == {"10", "11"}
