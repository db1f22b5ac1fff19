"""The same rows as a feed, a workbook, CSV and lines of JSON."""

import csv
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import feedparser
import openpyxl
import pytest
from datasette.app import Datasette
from hypothesis import given
from hypothesis import strategies as st
from publication_help import build, record, record_a_shop

from recorder import harmless
from recorder.publish import csv_answers, xlsx
from recorder.publish.serve import publication

HOME = "/docker_build_history"


@pytest.fixture
def published(database_path: Path) -> Datasette:
    record_a_shop(database_path)
    return publication(database_path)


async def get(published: Datasette, address: str, **headers: str) -> Any:
    return await published.client.get(address, headers=headers)


async def test_failures_are_a_feed(published: Datasette) -> None:
    answer = await get(published, f"{HOME}/failures.atom?image_name=shop/web")
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = feedparser.parse(answer.content)
    assert not feed.bozo
    assert feed.version == "atom10"
    assert feed.feed.title == "Failures: Docker build history"
    assert feed.feed.updated == "2025-07-10T07:00:00.000Z"
    assert feed.feed.author == "buildrec"
    links = {link.rel: link.href for link in feed.feed.links}
    assert links["self"] == f"http://localhost{HOME}/failures.atom?image_name=shop/web"
    assert links["alternate"] == f"http://localhost{HOME}/failures?image_name=shop/web"
    canceled, failed = feed.entries
    assert canceled.title == "shop/web canceled"
    assert failed.title == 'shop/web failed: =cmd|" /C calc"!A0 second line \ufffd[31m\ufffd'
    assert failed.updated == "2025-07-10T06:00:00.000Z"
    assert failed.link == f"http://localhost{HOME}/docker_builds/3"
    assert "CI: https://ci.example/1" in failed.content[0].value
    assert failed.content[0].type == "text/plain"


async def test_entries_keep_their_ids(published: Datasette, database_path: Path) -> None:
    async def ids() -> list[str]:
        feed = feedparser.parse((await get(published, f"{HOME}/failures.atom")).content)
        return [entry.id for entry in feed.entries]

    before = await ids()
    assert len(set(before)) == 2
    assert all(identity.startswith("urn:uuid:") for identity in before)
    record(database_path, build("shop/web", hours=4, status="failed"))
    assert (await ids())[1:] == before


async def test_a_feed_without_entries_is_one(database_path: Path) -> None:
    feed = feedparser.parse(
        (await get(publication(database_path), f"{HOME}/failures.atom")).content
    )
    assert (feed.bozo, feed.version, feed.entries) == (False, "atom10", [])
    assert feed.feed.updated


async def test_only_builds_are_a_feed(published: Datasette) -> None:
    assert (await get(published, f"{HOME}/recent_builds.atom")).status_code == 200
    assert (await get(published, f"{HOME}/docker_builds.atom?success=0")).status_code == 200
    refused = await get(published, f"{HOME}/image_statistics.atom")
    assert (refused.status_code, "failures.atom" in refused.text) == (400, True)
    assert "failures.atom" in (await get(published, f"{HOME}/failures")).text
    assert "image_statistics.atom" not in (await get(published, f"{HOME}/image_statistics")).text


def opened(content: bytes) -> list[list[Any]]:
    """The cells of a workbook, formulas as their text."""
    (sheet,) = openpyxl.load_workbook(io.BytesIO(content)).worksheets
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


@pytest.mark.parametrize("page", ["failures", "docker_builds", "docker_builds/3", "steps"])
async def test_rows_are_a_workbook(published: Datasette, page: str) -> None:
    answer = await get(published, f"{HOME}/{page}.xlsx")
    assert answer.headers["content-type"] == xlsx.CONTENT_TYPE
    head, *cells = opened(answer.content)
    rows = (await get(published, f"{HOME}/{page}.json?_shape=objects")).json()["rows"]
    assert head == list(rows[0])
    # Excel has no control characters; all else comes back as it was.
    assert len(cells) == len(rows)
    for row, given_cells in zip(rows, cells, strict=True):
        for value, cell in zip(row.values(), given_cells, strict=True):
            if not isinstance(value, str) or value.isprintable():
                assert cell == value


async def test_a_page_links_its_workbook(published: Datasette) -> None:
    for page in ("failures", "docker_builds"):
        assert f'href="{HOME}/{page}.xlsx' in (await get(published, f"{HOME}/{page}")).text


@pytest.mark.parametrize(
    "text", ["=1+1", "{=1}", "+1", "@SUM(A1)", "http://x.example", "12", "x\x00y"]
)
def test_text_stays_text_in_a_workbook(text: str) -> None:
    (_, (cell,)) = opened(xlsx.workbook("q", ["c"], [[text]]))
    assert isinstance(cell, str)
    assert cell.startswith(text[0])


def test_a_workbook_keeps_to_the_limits_of_excel() -> None:
    rows = [["x" * 40_000, 12345678901234567, 1.5, None, b"ab"]]
    (_, cells) = opened(xlsx.workbook("n" * 40, list("abcde"), rows))
    assert cells == ["x" * 32_767, "12345678901234567", 1.5, None, "<2 bytes>"]


async def cells_of(published: Datasette, address: str) -> list[list[str]]:
    answer = await get(published, address)
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.text, newline="")))


@pytest.mark.parametrize("page", ["failures", "docker_builds"])
async def test_csv_cells_run_in_no_spreadsheet(published: Datasette, page: str) -> None:
    head, *rows = await cells_of(published, f"{HOME}/{page}.csv")
    (error,) = {row[head.index("error_message")] for row in rows} - {""}
    assert error == '\'=cmd|" /C calc"!A0\nsecond line \x1b[31m\u202e'
    head, *rows = await cells_of(published, f"{HOME}/{page}.csv?_raw=1")
    (error,) = {row[head.index("error_message")] for row in rows} - {""}
    assert error.startswith("=cmd")


@pytest.mark.parametrize("text", ["=1", "+a", "-a", "@a", "\ta", "\ra", "-1-1", "=", "+1+cmd|x"])
def test_a_formula_is_led_by_an_apostrophe(text: str) -> None:
    assert harmless.cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-1", "+2.5", "-1e-7", "a=b", "", "'x", -1.5, None])
def test_what_is_no_formula_is_left_alone(value: Any) -> None:
    assert harmless.cell(value) == value


@given(
    rows=st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2)),
    size=st.integers(1, 50),
)
async def test_csv_comes_out_cell_by_cell_however_it_is_cut(
    rows: list[list[str]], size: int
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    body = written.getvalue().encode()
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    guarded = csv_answers.guarded(send, "")
    await guarded({"type": "http.response.start", "status": 200, "headers": []})
    for start in range(0, len(body), size):
        part = body[start : start + size]
        await guarded({"type": "http.response.body", "body": part, "more_body": True})
    await guarded({"type": "http.response.body", "body": b""})
    found = list(csv.reader(io.StringIO(b"".join(sent).decode(), newline="")))
    assert found == [[harmless.cell(cell) for cell in row] for row in rows]


async def test_rows_come_as_lines_of_json(published: Datasette) -> None:
    answer = await get(published, f"{HOME}/recent_builds.json?_shape=array&_nl=on")
    assert answer.headers["content-type"].startswith("text/plain")
    assert [json.loads(line)["id"] for line in answer.text.splitlines()] == [4, 3, 2, 1]


async def test_text_that_is_not_utf8_is_shown_all_the_same(
    published: Datasette, database_path: Path
) -> None:
    connection = sqlite3.connect(database_path)
    connection.execute("UPDATE docker_builds SET error_message = CAST(X'61ff62' AS TEXT)")
    connection.commit()
    connection.close()
    for kind in ("", ".json", ".csv", ".xlsx", ".atom"):
        assert (await get(published, f"{HOME}/failures{kind}")).status_code == 200
    assert (await get(published, "/docker_build_times.json")).status_code == 200
