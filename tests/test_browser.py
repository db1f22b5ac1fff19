"""What a person sees: drawn charts and the steps of a build in a real Chromium."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from browser_help import Visit, chromium
from cases import slow
from publication_help import build, record, step
from serve_help import serving

from recorder import times
from recorder.model import Layer

QUERIES = yaml.safe_load((Path(__file__).parents[1] / "metadata.yml").read_text())["databases"][
    "docker_build_history"
]["queries"]
CHARTS = [name for name, query in QUERIES.items() if "fragment" in query]

# Pixels that are neither white nor see-through; an empty canvas has none.
DRAWN = """() => {
  const canvas = document.querySelector('canvas.marks');
  if (!canvas || !canvas.width) return 0;
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let colours = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [red, green, blue, alpha] = data.slice(i, i + 4);
    if (alpha > 100 && Math.max(red, green, blue) - Math.min(red, green, blue) > 30) colours++;
  }
  return colours;
}"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("served") / "docker_build_history.db"
    now = times.now()
    record(
        path,
        *(
            build(
                f"shop/{'api' if number % 2 else 'web'}",
                hours=(now - timedelta(hours=6 * number) - build().completed_at)
                / timedelta(hours=1),
                seconds=20 + number % 7,
                image_size_bytes=100_000_000 + number * 1_000_000,
                cache_ratio=number % 3 / 2,
                image_digest=f"sha256:{number:064x}",
                layers=(Layer(1, "COPY . /srv", 90_000_000), Layer(2, "RUN make", 10_000_000)),
                error_message="<script>document.title='owned'</script>",
                steps=(
                    step(0, "[1/2] FROM alpine", duration=2.0),
                    step(1, "[2/2] RUN make <b>all</b>", started=2.0, duration=15.0, critical=True),
                ),
            )
            for number in range(40)
        ),
    )
    with serving(path) as (url, _):
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    visit = Visit(browser)
    yield visit
    visit.context.close()


@pytest.mark.parametrize("query", [*CHARTS[:3], *map(slow, CHARTS[3:])])
def test_the_link_to_a_query_draws_its_chart(visit: Visit, served: str, query: str) -> None:
    page = visit.open(f"{served}/docker_build_history")
    page.click(f'a[href^="/docker_build_history/{query}#"]')
    page.wait_for_function(f"({DRAWN})() > 50")
    page.wait_for_load_state("networkidle")
    assert visit.errors == []
    assert {host for host in visit.hosts if host} == {urlsplit(served).netloc}


def test_the_page_of_a_build_shows_its_steps_as_bars(visit: Visit, served: str) -> None:
    page = visit.open(f"{served}/")
    page.click("table.builds >> text=shop/web")
    page.wait_for_selector("td.when rect.critical")
    assert page.is_visible("text=[2/2] RUN make <b>all</b>")
    first, second = (page.locator("td.when rect").nth(i).bounding_box() for i in (0, 1))
    assert second["x"] == pytest.approx(first["x"] + first["width"], abs=1)
    assert second["width"] == pytest.approx(first["width"] * 7.5, rel=0.02)
    assert page.title() == "shop/web, build 1"
    assert visit.errors == []
    assert {host for host in visit.hosts if host} == {urlsplit(served).netloc}


def test_everything_but_charts_works_without_script(browser: Any, served: str) -> None:
    visit = Visit(browser, scripts=False)
    page = visit.open(f"{served}/")
    page.click("text=Recent builds")
    page.fill("input[name=limit]", "3")
    page.click("form.asked button")
    assert page.locator("table.rows-and-columns tbody tr").count() == 3
    page.click("table.rows-and-columns tbody tr:first-child td.col-id a")
    assert page.locator("td.when svg").count() == 2
    visit.context.close()
