"""Our own pages in a real Chromium: what is drawn, where it leads, and that everyone can use it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser_help import Visit, chromium
from cases import slow
from publication_help import build, record, step
from serve_help import serving

from recorder import database, live, times
from recorder.model import Layer

pytestmark = pytest.mark.browser
HOME = "/docker_build_history"
BUILDS = 30
MAKE = "[2/3] RUN make all"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds of two images; every third is cold, the last failed or took three times as long."""
    file = tmp_path_factory.mktemp("pages") / "docker_build_history.db"
    start = (times.now() - timedelta(days=20) - build().completed_at) / timedelta(hours=1)
    for number in range(BUILDS):
        cold = number % 3 == 0
        last = number == BUILDS - 1
        seconds = (20.0 if cold else 8.0) + number % 4 / 10
        record(
            file,
            build(
                "shop/api",
                hours=start + 12 * number,
                seconds=seconds * 3 if last else seconds,
                image_size_bytes=100_000_000 + number * 1_000_000,
                cache_ratio=0.0 if cold else 0.5,
                image_digest=f"sha256:{number // 3:064x}",
                git_commit=f"{number:03x}{37 * 'a'}",
                git_remote="git@github.com:shop/api.git",
                ci_url="https://ci.example.com/runs/7",
                layers=(
                    Layer(1, "ADD rootfs /", 60_000_000),
                    Layer(2, "RUN make all", 40_000_000 + number * 1_000_000),
                ),
                steps=(
                    step(0, "[1/3] FROM alpine", kind="from", duration=2.0),
                    step(1, MAKE, stage="code", started=2.0, cached=not cold,
                         duration=6.0 if cold else 0.0, critical=cold),
                    step(2, "[3/3] COPY . /", stage="code", started=8.0, critical=True),
                ),
            ),
        )  # fmt: skip
    record(
        file,
        build(
            "shop/web", hours=start + 12 * BUILDS, seconds=3, status="failed",
            error_message="process \"/bin/sh -c make\" did not complete: exit code: 2",
            error_excerpt="   2 |     FROM alpine\n   3 | >>> RUN make",
            steps=(step(0, "[1/1] RUN make", error="exit code: 2"),),
        ),
    )  # fmt: skip
    return file


@pytest.fixture(scope="module")
def served(path: Path) -> Iterator[str]:
    with serving(path) as (url, _):
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def visit(browser: Any, served: str) -> Iterator[Visit]:
    visit = Visit(browser)
    yield visit
    assert visit.errors == []
    assert {host for host in visit.hosts if host} == {urlsplit(served).netloc}
    visit.context.close()


def words(page: Any, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


def test_a_walk_from_the_overview_to_a_step_and_back(visit: Visit, served: str) -> None:
    page = visit.open(served)
    assert words(page, ".tile dd")[0] == "31"
    page.locator("table.builds >> nth=1").locator("text=shop/api").click()

    assert page.title() == "shop/api"
    points = page.locator("figure >> nth=0").locator("a")
    assert points.count() == BUILDS
    newest = points.last
    assert f"shop/api {BUILDS}" in newest.locator("title").text_content()
    newest.click()

    assert page.title() == f"shop/api, build {BUILDS}"
    assert "usual" in words(page, "p.lead")[0]
    page.click(f"text={MAKE}")

    assert words(page, "h1") == [MAKE]
    assert words(page, ".tile dd")[:3] == ["10", "of 30 builds", "67%"]
    page.locator("table.builds a").first.click()
    assert page.title() == f"shop/api, build {BUILDS}"
    page.click("nav >> text=shop/api")
    page.click("text=Overview")
    assert page.url == served + "/"


def test_the_overview_tells_what_stands_out(visit: Visit, served: str) -> None:
    page = visit.open(served)
    alarm = page.locator("section.alarm")
    assert alarm.locator("a").inner_text() == "shop/web"
    assert "exit code: 2" in alarm.inner_text()
    newest = page.locator("table.builds >> nth=0").locator("tbody tr")
    assert "failed" in newest.nth(0).inner_text()
    assert "3 \N{MULTIPLICATION SIGN}" in newest.nth(1).inner_text()
    assert page.locator("svg.spark").count() == 2  # nothing to draw of an image built once
    assert page.locator("figure rect.ran").count() >= 15


def test_the_chart_of_an_image_tells_builds_apart(visit: Visit, served: str) -> None:
    page = visit.open(f"{served}{HOME}/image?image_name=shop/api")
    chart = page.locator("figure >> nth=0")
    assert chart.locator("a circle.critical").count() == 10  # cold
    assert chart.locator("polygon.band").count() == 1
    assert chart.locator("polyline.size").count() == 1
    tall = {
        number: chart.locator(f'a[href$="/{number}"] circle').bounding_box()["y"]
        for number in (1, 2, BUILDS)
    }
    assert tall[BUILDS] < tall[1] < tall[2], "slower is higher"
    layers = page.locator("figure >> nth=1")
    assert layers.locator("a").count() == 10, "one column for each different image"
    assert "RUN make all" in layers.inner_text()


def test_the_page_of_a_build_says_what_changed_and_where_it_came_from(
    visit: Visit, served: str
) -> None:
    page = visit.open(f"{served}{HOME}/docker_builds/2")
    figures = page.locator("table >> nth=0").inner_text()
    assert "Build 1, before" in figures
    assert "\N{MINUS SIGN}60" in figures.replace("\N{NARROW NO-BREAK SPACE}", "")
    commit = page.locator("a", has_text="001aaaaaaaaa")
    assert commit.get_attribute("href") == f"https://github.com/shop/api/commit/001{37 * 'a'}"
    assert page.locator("dl.facts >> nth=0").locator("a").last.get_attribute("href") == (
        "https://ci.example.com/runs/7"
    )
    assert words(page, "tr.stage") == ["code"]
    assert page.locator("td.when rect.cached").count() == 1
    layers = page.locator("table", has_text="Adds").locator("tbody tr")
    assert words(page, "table:has-text('Adds') tbody td.name") == ["ADD rootfs /", "RUN make all"]
    assert layers.first.locator("rect").bounding_box()["width"] > 200


def test_a_failed_build_shows_the_lines_of_its_dockerfile(visit: Visit, served: str) -> None:
    page = visit.open(f"{served}{HOME}/docker_builds/{BUILDS + 1}")
    assert ">>> RUN make" in page.locator("section.alarm pre").inner_text()
    assert page.locator("td.when rect.bad").count() == 1


def test_on_a_phone_the_waterfall_has_the_width_of_the_page(browser: Any, served: str) -> None:
    visit = Visit(browser, width=390)
    page = visit.open(f"{served}{HOME}/docker_builds/1")
    row = page.locator("table.waterfall tbody tr:not(.stage)").first
    name, bars = (row.locator(part).bounding_box() for part in ("td.name", "td.when svg"))
    assert bars["y"] >= name["y"] + name["height"], "below the name"
    assert bars["width"] > 300
    visit.context.close()


def test_a_moment_is_in_the_build_s_own_zone_with_utc_on_hover(visit: Visit, served: str) -> None:
    page = visit.open(f"{served}{HOME}/docker_builds/1")
    moment = page.locator("p.lead time")
    shown, utc = moment.inner_text(), moment.get_attribute("datetime")
    assert times.local_text(times.parse(utc), "Asia/Singapore")[:16].replace("T", " ") == shown
    assert f"{utc[:19].replace('T', ' ')} UTC" in moment.get_attribute("title")


def test_what_runs_now_shows_without_a_reload_and_goes(
    browser: Any, served: str, path: Path
) -> None:
    visit = Visit(browser)
    page = visit.open(f"{served}{HOME}/live")
    assert "No build runs" in page.inner_text("main")
    running = live.LiveBuild(
        ref="r", image_name="shop/api", builder="default", current_step="[2/3] RUN make all",
        started_at=times.utc_text(times.now() - timedelta(seconds=4)), steps=9, completed_steps=3,
        cached_steps=1, usual_duration=8.0,
    )  # fmt: skip
    with database.connect(path) as connection:
        live.publish(connection, [running], "a watch")
        page.wait_for_selector("ul.live >> text=3 of 9 steps, 1 cached")
        bar = page.locator("ul.live svg rect").bounding_box()["width"]
        assert 0.3 < bar / page.locator("ul.live svg").bounding_box()["width"] <= 1
        page = visit.open(served)
        assert "Running now" in page.inner_text("main")
        live.publish(connection, [], "a watch")
        page.wait_for_selector("text=Running now", state="detached")
    assert visit.errors == []
    visit.context.close()


@pytest.mark.parametrize(
    ("width", "scheme"),
    [(1280, "light"), (390, "dark"), slow(1280, "dark"), slow(390, "light")],
)
def test_everyone_can_use_each_page(browser: Any, served: str, width: int, scheme: str) -> None:
    """axe-core finds nothing, nothing is wider than the window, nothing fails."""
    visit = Visit(browser, width=width, scheme=scheme)
    names = (
        "", "/image", "/step", "/live", "/docker_builds", "/docker_builds/1",
        f"/docker_builds/{BUILDS + 1}", "/build_statistics/1", "/steps", "/recent_builds",
        "/cache_efficiency", "/time_spent", "/failures", "/layers",
    )  # fmt: skip
    found = {}
    for address in ("/", *(HOME + name for name in names)):
        page = visit.open(served + address)
        faults = visit.faults()
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append("wider than the window")
        if faults:
            found[address] = faults
    assert found == {}, json.dumps(found, indent=1)
    assert visit.errors == []
    visit.context.close()


def test_a_new_history_says_what_to_do(browser: Any, tmp_path: Path) -> None:
    empty = tmp_path / "docker_build_history.db"
    with database.connect(empty):
        pass
    with serving(empty) as (url, _):
        visit = Visit(browser)
        assert "buildrec build ." in visit.open(url).inner_text("main")
        for name in ("image", "step", "recent_builds", "time_spent", "live"):
            visit.open(f"{url}{HOME}/{name}")
            assert visit.faults() == []
        assert visit.errors == []
        visit.context.close()
