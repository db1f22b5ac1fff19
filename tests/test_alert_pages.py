"""Alerts stand on the pages where they belong: overview, image with its chart, build."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser_help import Visit, chromium
from cases import slow
from datasette.app import Datasette
from publication_help import build, step
from serve_help import serving

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


async def test_the_list_of_alerts_is_one_that_people_read(slower: Path) -> None:
    listed = await page(publication(slower), f"{HOME}/alerts")
    assert re.findall(r"<th[^>]*>([^<]*)</th>", listed) == ["What changed", "State", "Since"]
    assert re.search(r"<td class=.name.>shop/api: 15\d s is \d\d % above the usual 10\d s", listed)
    assert re.search(r">regression</span> <span class=.soft.>open<", listed)
    assert ">2025-07-10 22:00</time>" in listed, "in the zone of the image"
    assert f'href="{HOME}/image?image_name=shop%2Fapi#chart"' in listed
    assert f'href="{HOME}/step?step_key=key%20of%20RUN%20make#chart"' in listed
    image = await page(publication(slower), f"{HOME}/image?image_name=shop/api")
    assert image.count('id="chart"') == 1


async def test_the_list_of_alerts_shows_those_that_are_asked_for(slower: Path) -> None:
    with database.connect(slower) as connection:
        numbers = [row[0] for row in connection.execute("SELECT id FROM alerts ORDER BY id")]
        people.acknowledge(connection, numbers[:1], "<b>a bigger</b> compiler")
    published = publication(slower)
    for asked, wanted in (
        ("", numbers),
        ("?state=all", numbers),
        ("?state=acknowledged&image_name=shop/api", numbers[:1]),
        ("?state=resolved", []),
    ):
        listed = await page(published, f"{HOME}/alerts{asked}")
        assert sorted(map(int, re.findall(r">Alert (\d+)<", listed))) == wanted
        assert ('class="empty"' in listed) == (not wanted)
    listed = await page(published, f"{HOME}/alerts?state=Acknowledged&image_name=shop/api")
    assert "; &lt;b&gt;a bigger&lt;/b&gt; compiler." in listed
    assert "<option selected>acknowledged</option>" in listed
    assert f'href="{HOME}/alerts.json?image_name=shop%2Fapi&amp;state=Acknowledged"' in listed


async def test_more_alerts_than_are_listed_have_a_link(slower: Path) -> None:
    with database.connect(slower) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) "
            "INSERT INTO alerts (image_name, metric, direction, state, first_at, before_value, "
            "after_value, before_count, after_count, rule, parameters, sentence, group_key, "
            "created_at, updated_at) SELECT 'gone', 'size', 'worse', 'resolved', 'once', 1, 2, 9, "
            "2, 'recent', '{}', 'gone: it grew', 'g', 't', 't' FROM n"
        )
        connection.commit()
    published = publication(slower)
    listed = await page(published, f"{HOME}/alerts?state=resolved")
    more = f"{HOME}/alerts?state=resolved&amp;limit=1000"
    assert f'href="{more}"' in listed
    assert "image_name=gone" not in listed, "an image without builds has no page"
    listed = await page(published, more.replace("&amp;", "&"))
    assert listed.count(">Alert ") == 60
    assert "Older ones" not in listed


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


@pytest.mark.browser
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 390), slow("dark", 1280), slow("light", 390)]
)
def test_everyone_can_read_the_list_of_alerts(
    browser: Any, slower: Path, scheme: str, width: int
) -> None:
    with serving(slower) as (served, _):
        visit = Visit(browser, scheme=scheme, width=width)
        opened = visit.open(f"{served}{HOME}/alerts")
        assert visit.faults() == []
        assert visit.errors == []
        assert {host for host in visit.hosts if host} == {urlsplit(served).netloc}
        assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
        told = opened.locator("tbody td.name").first.bounding_box()
        assert told["x"] + told["width"] <= width
        opened.select_option("select[name=state]", "all")
        opened.click("form.asked button")
        assert opened.locator("tbody tr").count() >= 1
        visit.context.close()
