"""Whatever stands in the database, no reader of the publication comes to harm."""

import csv
import io
import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import openpyxl
import pytest
import yaml
from hostile_help import PAYLOADS, SUM, write
from prometheus_client.parser import text_string_to_metric_families
from serve_help import COMMAND, DEADLINE, serving

from recorder import database, schema, views

HOME = "/docker_build_history"
QUERIES: dict[str, Any] = yaml.safe_load((Path(__file__).parents[1] / "metadata.yml").read_text())[
    "databases"
]["docker_build_history"]["queries"]
TABLES = [*(table.name for table in schema.TABLES), *views.VIEWS]
LISTS = [*QUERIES, *(table for table in TABLES if table not in QUERIES)]
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

FORMULA = re.compile(r"(?![+-]?[\d.]+(e[+-]?\d+)?$)[=+\-@\t\r]")

# Elements and attributes that can only have come out of a payload, and links that run script.
FOUND = """() => {
  const found = [];
  if (window.owned) found.push('script ran');
  for (const element of document.querySelectorAll('*')) {
    for (const {name, value} of element.attributes) {
      if (/^on/i.test(name) && /owned/.test(value)) found.push(element.outerHTML.slice(0, 200));
      if (/^(href|src|action|formaction|xlink:href|data)$/i.test(name)) {
        const address = new URL(value, document.baseURI);
        if (!/^https?:$/.test(address.protocol) && !/^data:image/.test(value))
          found.push(`${name}=${value.slice(0, 200)}`);
      }
    }
    if (/script/i.test(element.tagName) && /owned/.test(element.textContent)
        && element.type !== 'application/json')
      found.push(element.outerHTML.slice(0, 200));
  }
  return found;
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("hostile") / "docker_build_history.db"
    with database.connect(path):
        pass
    write(path)
    with serving(path, "--cors") as (url, _):
        yield url


def addresses() -> Iterator[str]:
    """Every kind of page, and each page that is about one thing for each hostile thing."""
    yield from ("/", HOME, "/nothing%3Cscript%3E", f"{HOME}/docker_builds/999")
    for name in LISTS:
        yield f"{HOME}/{name}"
    yield f"{HOME}/docker_builds?_facet=image_name&_facet=status"
    for number, payload in enumerate(PAYLOADS, start=1):
        yield f"{HOME}/docker_builds/{number}"
        yield f"{HOME}/image?image_name={quote(payload, safe='')}"
        for name, query in QUERIES.items():
            if "build" in query.get("params", ()) and number % 7 == 1:
                yield f"{HOME}/{name}?build={number}"
            if "step_key" in query.get("params", ()) and number % 7 == 1:
                yield f"{HOME}/{name}?step_key={quote(payload, safe='')}"
    for payload in PAYLOADS[::3]:
        yield f"{HOME}/recent_builds?image_name=no{quote(payload, safe='')}"
        yield f"{HOME}/recent_builds?limit={quote(payload, safe='')}"


@pytest.mark.slow
@pytest.mark.browser
def test_no_page_runs_or_loads_what_was_recorded(served: str) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    trouble: list[str] = []
    host = urlsplit(served).netloc
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page()

        def say(text: str) -> None:
            trouble.append(f"{page.url.removeprefix(served)[:100]}: {text[:300]}")

        def hear(message: Any) -> None:
            # Chromium's own word on an answer that is meant to be an error.
            if "the server responded with a status of" not in message.text:
                say(message.text)

        def answer(dialog: Any) -> None:
            say("a dialog")
            dialog.dismiss()

        page.on("dialog", answer)
        page.on("console", hear)
        page.on("pageerror", lambda error: say(str(error)))
        page.on(
            "request",
            lambda asked: (
                say(f"asked {asked.url}")
                if urlsplit(asked.url).netloc not in (host, "") else None
            ),
        )  # fmt: skip
        for address in addresses():
            opened = page.goto(served + address, wait_until="load")
            assert opened.status in (200, 400, 404), (address, opened.status)
            for what in page.evaluate(FOUND):
                say(what)
            if SUM in page.inner_text("body"):
                say("a template ran")
        page.mouse.move(300, 300)
        assert not page.context.cookies()
        browser.close()
    assert not trouble, "\n".join(trouble)


def fetch(url: str) -> tuple[int, bytes, Any]:
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_whole_and_harmless_in_every_format(served: str, name: str) -> None:
    status, body, _ = fetch(f"{served}{HOME}/{name}.json?_shape=array")
    rows = json.loads(body)
    assert status == 200
    assert isinstance(rows, list)

    status, body, _ = fetch(f"{served}{HOME}/{name}.csv")
    cells = list(csv.reader(io.StringIO(body.decode(), newline="")))
    assert (status, len(cells) - 1) == (200, len(rows))
    assert not [cell for row in cells for cell in row if FORMULA.match(cell)]

    status, body, headers = fetch(f"{served}{HOME}/{name}.xlsx")
    (sheet,) = openpyxl.load_workbook(io.BytesIO(body)).worksheets
    assert (status, sheet.max_row - 1) == (200, len(rows))
    assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert headers["content-disposition"] == f'attachment; filename="{name}.xlsx"'

    status, body, _ = fetch(f"{served}{HOME}/{name}.atom")
    assert status in (200, 400)
    if status == 200:
        feed = ElementTree.fromstring(body)
        atom = "{http://www.w3.org/2005/Atom}"
        assert len(feed.findall(f"{atom}entry")) == len(rows)
        assert not any(re.search(r"[\x00-\x08\x1b\u202a-\u202e]", text) for text in feed.itertext())
        for link in feed.iter(f"{atom}link"):
            assert link.attrib["href"].startswith(f"{served}/")


@pytest.mark.parametrize("name", LISTS)
def test_a_drawing_is_sound_and_runs_nothing(served: str, name: str) -> None:
    status, body, headers = fetch(f"{served}{HOME}/{name}.svg")
    if status != 200:
        assert status in (400, 404)
        return
    assert headers.get_content_type() == "image/svg+xml"
    assert "script-src 'none'" in headers["content-security-policy"]
    for element in ElementTree.fromstring(body).iter():
        assert not element.tag.endswith("script")
        for attribute, value in element.attrib.items():
            assert not attribute.lower().startswith("on")
            if attribute.endswith("href"):
                assert re.match(r"https?://|/|#|\.", value), value


def test_documents_of_their_own_are_sound(served: str) -> None:
    status, body, _ = fetch(f"{served}/docker_build_times.json")
    assert (status, len(json.loads(body)["history"])) == (200, len(PAYLOADS))
    assert json.loads(fetch(f"{served}/-/healthz")[1])["ok"] is True
    status, body, _ = fetch(f"{served}/-/metrics")
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    images = {sample.labels["image_name"] for sample in families["buildrec_build_seconds"].samples}
    assert status == 200
    assert len(images) == len(PAYLOADS)
    assert next(iter(families["buildrec_images"].samples)).value == len(PAYLOADS)


def test_no_answer_carries_a_header_that_was_recorded(served: str) -> None:
    for payload in PAYLOADS:
        name = quote(payload, safe="")
        for address in (
            f"{HOME}/image?image_name={name}",
            f"{HOME}/docker_builds?image_name={name}",
        ):
            assert "set-cookie" not in fetch(served + address)[2]


@pytest.mark.parametrize("command", ["history", "stats", *(f"show {n + 1}" for n in range(28))])
def test_a_terminal_is_told_nothing(tmp_path: Path, command: str) -> None:
    path = tmp_path / "docker_build_history.db"
    with database.connect(path):
        pass
    write(path)
    ended = subprocess.run(
        [*COMMAND, "--db", str(path), *command.split(), "--format", "table"],
        capture_output=True, text=True, timeout=DEADLINE, errors="surrogateescape",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", ended.stdout)
