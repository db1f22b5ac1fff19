"""The pages that explain builds, and their JSON: one substance, sound in light, dark and narrow."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser_help import Visit, chromium
from cases import slow
from datasette.app import Datasette
from publication_help import build, record, step
from serve_help import serving

from recorder import database
from recorder.explain import difference, explanation, page_rows, savings
from recorder.model import Build, Layer, Step
from recorder.publish import why_page
from recorder.publish.serve import publication

HOME = "/docker_build_history"
HOSTILE = "[app 3/3] RUN echo '<script>alert(1)</script>' `id`"


def numbered(*steps: Step) -> tuple[Step, ...]:
    """The steps in their order."""
    return tuple(replace(step, position=place) for place, step in enumerate(steps, 1))


def a_build(hours: float, *, missed: bool = False, assets: int = 1_000_000, **more: Any) -> Build:
    install = 96.0 if missed else 0.0
    return build(
        "my-app", hours=hours, seconds=10 + install, cache_ratio=0.0 if missed else 0.5,
        image_size_bytes=50_000_000 + assets, image_digest=f"sha256:{assets:064x}",
        layers=(Layer(0, "ADD rootfs", 50_000_000), Layer(1, "COPY assets /srv", assets)),
        build_args={"VERSION": str(hours)},
        steps=numbered(
            step(0, "[app 1/3] RUN npm ci", stage="app", cached=not missed, duration=install),
            step(0, "[app 2/3] RUN make", stage="app", started=install, duration=8.0),
            step(0, HOSTILE, stage="app", started=install + 8.0, duration=1.0),
        ),
        **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three usual builds, one that missed the cache, a failed one, and another image."""
    file = tmp_path_factory.mktemp("explained") / database.FILE_NAME
    with database.connect(file):
        pass
    record(
        file,
        *(a_build(hours) for hours in (1, 2, 3)),
        a_build(4, missed=True, assets=13_000_000),
        a_build(5, status="failed", error_message="exit code: 1 <b>", error_excerpt=">>> RUN x"),
        build("bare", hours=6),
    )
    return file


@pytest.fixture
def published(path: Path) -> Datasette:
    return publication(path)


async def rows(published: Datasette, address: str) -> list[dict[str, Any]]:
    answer = await published.client.get(f"{HOME}/{address}&_shape=array")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_the_json_has_what_the_explanation_says(published: Datasette, path: Path) -> None:
    with database.connect_to_read(path) as connection:
        why = page_rows.of_why(explanation.why(connection, 4))
        diff = page_rows.of_difference(difference.difference(connection, "2", "4"))
        found = page_rows.of_savings(savings.savings(connection, "my-app"))
    assert await rows(published, "why.json?build=4") == why
    assert await rows(published, "diff.json?a=2&b=4") == diff
    answered = await rows(published, "what_if.json?image_name=my-app")
    assert [row["name"] for row in answered] == [row["name"] for row in found]
    assert all(list(row) == list(page_rows.COLUMNS) for row in why + diff)


async def test_the_parts_in_the_json_sum_to_the_difference(published: Datasette) -> None:
    found = await rows(published, "why.json?build=4")
    answer, *_ = found
    assert answer["words"].startswith("my-app took 1 m 46 s, 1 m 36 s over its usual 10.0 s: ")
    assert answer["difference"] == 96
    assert sum(row["difference"] for row in found if row["what"] == "time") == 96
    size = next(row for row in found if row["what"] == "size")
    layers = [row["difference"] for row in found if row["what"] == "layer"]
    assert sum(layers) == size["difference"] == 12_000_000


@pytest.mark.parametrize(("build_id", "usual"), [(2, False), (5, True)])
async def test_nothing_is_called_usual_after_a_single_build(
    tmp_path: Path, build_id: int, usual: bool
) -> None:
    with database.connect(file := tmp_path / database.FILE_NAME):
        pass
    record(file, *(a_build(hours, missed=hours in {2, 5}) for hours in range(1, 6)))
    page = (await publication(file).client.get(f"{HOME}/why?build={build_id}")).text
    assert ('<th class="n">Usual</th>' in page) is usual


async def test_the_page_of_two_builds_shows_what_an_instruction_was(tmp_path: Path) -> None:
    with database.connect(file := tmp_path / database.FILE_NAME):
        pass
    for hours, text in ((1, "COPY a /a"), (2, "COPY a /b")):
        copy = step(1, f"[2/2] {text}", kind="copy", cached=True, instruction=text)
        record(file, build("my-app", hours=hours, steps=(copy,)))
    page = (await publication(file).client.get(f"{HOME}/diff?a=1&b=2")).text
    assert "changed, cached in both" in page
    assert '<td class="name">COPY a /a</td><td class="name">COPY a /b</td>' in page


async def test_a_step_that_is_hidden_whole_is_shown_where_nothing_else_differs(
    tmp_path: Path,
) -> None:
    with database.connect(file := tmp_path / database.FILE_NAME):
        pass
    make = step(1, "RUN make", duration=10.0)
    lint = step(2, "RUN lint", duration=4.0, critical=True)
    record(file, build("my-app", steps=(make,)), build("my-app", hours=1, steps=(make, lint)))
    for address in ("why?build=2", "diff?a=1&b=2"):
        page = (await publication(file).client.get(f"{HOME}/{address}")).text
        assert "new; +4.0 s of its own beside other steps" in page


async def test_an_empty_parameter_means_the_latest(published: Datasette) -> None:
    assert (await rows(published, "why.json?build="))[0]["build"] == 6
    found = await rows(published, "diff.json?b=4")
    assert (found[0]["reference"], found[0]["build"]) == (3, 4)


async def test_an_explanation_is_another_once_a_build_is_recorded(
    path: Path, tmp_path: Path
) -> None:
    shutil.copy(path, file := tmp_path / database.FILE_NAME)
    published = publication(file)
    for builds in (4, 5, 6):  # those of four weeks; the failed one is none of them
        for _ in range(2):
            (*_, last) = await rows(published, "what_if.json?image_name=my-app")
            assert last["builds"] == builds
        record(file, a_build(10 + builds))


async def test_the_page_of_savings_says_what_the_command_says(
    published: Datasette, path: Path
) -> None:
    with database.connect_to_read(path) as connection:
        found = savings.savings(connection, "my-app")
    page = (await published.client.get(f"{HOME}/what_if?image_name=my-app")).text
    assert why_page.with_code(found.sentence) in page
    assert f"Over 4 builds in {found.span}." in page


@pytest.mark.parametrize("address", ["why?build=77", "diff?a=77&b=1", "what_if?image_name=no"])
async def test_what_is_not_recorded_is_not_found(published: Datasette, address: str) -> None:
    for form in ("", ".json"):
        name, _, asked = address.partition("?")
        answer = await published.client.get(f"{HOME}/{name}{form}?{asked}")
        assert answer.status_code == 404


async def test_an_empty_history_has_pages_that_say_so(database_path: Path) -> None:
    published = publication(database_path)
    for name in ("why", "diff", "what_if"):
        answer = await published.client.get(f"{HOME}/{name}")
        assert answer.status_code == 200
        assert 'class="empty"' in answer.text


async def test_recorded_markup_stays_text(published: Datasette) -> None:
    for address in ("why?build=4", "why?build=5", "diff?a=1&b=4", "what_if?image_name=my-app"):
        text = (await published.client.get(f"{HOME}/{address}")).text
        assert "<script>alert" not in text
        assert "exit code: 1 <b>" not in text


def test_code_in_a_sentence_is_code_of_the_page() -> None:
    assert why_page.with_code("`RUN <a>` took 1 s") == "<code>RUN &lt;a&gt;</code> took 1 s"


async def test_the_page_of_a_build_leads_to_its_explanation(published: Datasette) -> None:
    text = (await published.client.get(f"{HOME}/docker_builds/4")).text
    assert f'href="{HOME}/why?build=4"' in text
    assert f'href="{HOME}/diff?a=3&amp;b=4"' in text


@pytest.fixture(scope="module")
def served(path: Path) -> Iterator[str]:
    with serving(path) as (url, _):
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


@pytest.mark.browser
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), slow("dark", 1280), ("dark", 390), slow("light", 390)]
)
@pytest.mark.parametrize(
    "address", ["why?build=4", slow("why?build=5"), slow("why?build=1"), "diff?a=2&b=4",
                "what_if?image_name=my-app"]
)  # fmt: skip
def test_everyone_can_read_the_pages(
    browser: Any, served: str, address: str, scheme: str, width: int
) -> None:
    visit = Visit(browser, scheme=scheme, width=width)
    page = visit.open(f"{served}{HOME}/{address}")
    assert visit.faults() == []
    assert visit.errors == []
    assert {host for host in visit.hosts if host} == {urlsplit(served).netloc}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visit.context.close()


@pytest.mark.browser
def test_a_reader_goes_from_the_build_to_the_step_that_did_it(browser: Any, served: str) -> None:
    visit = Visit(browser)
    page = visit.open(f"{served}{HOME}/docker_builds/4")
    page.click("text=Why?")
    assert page.inner_text("p.lead").startswith("my-app took 1 m 46 s, 1 m 36 s over its usual")
    assert "+1 m 36 s" in page.inner_text("table.builds tbody tr >> nth=0")
    page.click("text=All steps of both")
    assert page.locator("table.builds >> nth=0").locator("tbody tr").count() >= 3
    page.fill('input[name="a"]', "1")
    page.click("text=Compare")
    assert "than build 1" in page.inner_text("p.lead >> nth=0")
    visit.context.close()
