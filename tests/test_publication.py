"""The publication through Datasette's own client: queries, pages, documents and what is closed."""

import html
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from bench_help import result, stored
from datasette.app import Datasette
from publication_help import build, record, record_a_shop, step

from recorder import database, queries, schema, views
from recorder.model import Layer, Lint
from recorder.publish import parameters, words
from recorder.publish.charts import of_query
from recorder.publish.serve import publication

ROOT = Path(__file__).parents[1]
QUERIES = (
    "recent_builds image_statistics build_trend size_trend slowest_steps cache_efficiency "
    "time_spent failures standing_failures alerts steps_of_build layers_of_build warnings_of_build "
    "image image_steps step layers why diff what_if badge build_times build_averages "
    "benchmark_results benchmark_trend"
).split()
PARAMETERS = {
    "image_name", "limit", "days", "build", "step_key", "run", "suite", "benchmark",
    "a", "b", "state",
}  # fmt: skip
HOME = "/docker_build_history"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    text = (ROOT / "metadata.yml").read_text()
    return yaml.safe_load(text)["databases"]["docker_build_history"]


@pytest.fixture
def published(database_path: Path) -> Datasette:
    record(
        database_path,
        build(
            "shop/api",
            hours=0,
            seconds=20,
            ref="firstrefofthebuildthatran",
            image_size_bytes=100_000_000,
            cache_ratio=0.0,
            image_digest="sha256:" + "a" * 64,
            layers=(Layer(1, "COPY . /srv", 90_000_000), Layer(2, "RUN make", 10_000_000)),
            lints=(Lint("stage-name-casing", "Stage names should be lowercase", 3),),
            steps=(
                step(0, "[1/2] FROM alpine", cached=True, duration=0.0),
                step(1, "[2/2] RUN make", duration=15.0, critical=True),
            ),
        ),
        build("shop/api", hours=24, seconds=10, image_size_bytes=90_000_000, cache_ratio=1.0),
        build("shop/web", hours=25, seconds=5, status="failed", error_message="exit code: 2"),
        build("<i>x</i> & y", hours=26, seconds=7, build_args={"A": "<script>alert(1)</script>"}),
    )
    stored(database_path, result())
    return publication(database_path)


async def rows(published: Datasette, address: str) -> list[dict[str, Any]]:
    mark = "&" if "?" in address else "?"
    answer = await published.client.get(f"{HOME}/{address}{mark}_shape=array")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("query", QUERIES)
async def test_each_query_answers_without_parameters(published: Datasette, query: str) -> None:
    # The latest build has none of these.
    without = {"image_steps", "step", "layers", "what_if", "alerts"}
    if not query.endswith("_of_build") and query not in without:
        assert await rows(published, f"{query}.json")
    for kind, start in {"": "text/html", ".csv": "text/plain"}.items():
        answer = await published.client.get(f"{HOME}/{query}{kind}")
        assert (answer.status_code, answer.headers["content-type"][: len(start)]) == (200, start)


@pytest.mark.parametrize("query", QUERIES)
async def test_each_query_answers_about_an_empty_history(database_path: Path, query: str) -> None:
    assert await rows(publication(database_path), f"{query}.json") == []


def test_the_queries_are_described_and_take_only_the_known_parameters(
    described: dict[str, Any],
) -> None:
    assert list(described["queries"]) == QUERIES
    for query in described["queries"].values():
        assert query["title"]
        assert query.get("description") or query.get("description_html")
        assert set(query["params"]) <= PARAMETERS


async def test_recent_builds_are_newest_first_and_of_one_image_on_request(
    published: Datasette,
) -> None:
    assert [row["id"] for row in await rows(published, "recent_builds.json")] == [4, 3, 2, 1]
    one = await rows(published, "recent_builds.json?image_name=shop/api&limit=1")
    assert [(row["id"], row["image_name"]) for row in one] == [(2, "shop/api")]


async def test_what_hangs_on_a_build_is_found_by_its_id_and_its_ref(published: Datasette) -> None:
    for which in ("1", "firstrefofthebuildthatran"):
        layers = await rows(published, f"layers_of_build.json?build={which}")
        assert [row["instruction"] for row in layers] == ["COPY . /srv", "RUN make"]
        warnings = await rows(published, f"warnings_of_build.json?build={which}")
        assert [(row["rule"], row["line"]) for row in warnings] == [("stage-name-casing", 3)]


async def test_the_trends_have_a_row_for_each_day_and_image(published: Datasette) -> None:
    trend = await rows(published, "build_trend.json?image_name=shop/api")
    assert [(row["day"], row["avg_duration"]) for row in trend] == [
        ("2025-07-11", 10.0),
        ("2025-07-10", 20.0),
    ]
    sizes = await rows(published, "size_trend.json?image_name=shop/api")
    assert [(row["day"], row["image_size_mb"]) for row in sizes] == [
        ("2025-07-11", 90.0),
        ("2025-07-10", 100.0),
    ]


async def test_days_are_counted_back_from_the_latest_build(published: Datasette) -> None:
    latest = await rows(published, "build_trend.json?days=1")
    assert {row["day"] for row in latest} == {"2025-07-11"}
    both = await rows(published, "build_trend.json?days=2")
    assert {row["day"] for row in both} == {"2025-07-10", "2025-07-11"}


async def test_a_build_dated_in_the_future_does_not_hide_the_others(database_path: Path) -> None:
    now = datetime.now(UTC)
    record(
        database_path,
        build("a", hours=(now - build().completed_at) / timedelta(hours=1) - 1),
        build("a", hours=(now - build().completed_at) / timedelta(hours=1) + 24 * 400),
    )
    trend = await rows(publication(database_path), "build_trend.json?days=7")
    assert sum(row["successful_builds"] for row in trend) == 2


async def test_a_chart_stays_below_the_row_limit(database_path: Path) -> None:
    record(
        database_path,
        *(build(f"image-{i % 30}", hours=24 * (i // 30)) for i in range(30 * 120)),
    )
    published = publication(database_path)
    for query in ("build_trend", "size_trend"):
        answer = (await published.client.get(f"{HOME}/{query}.json?days=120")).json()
        assert answer["truncated"] is False


async def test_the_slowest_steps_leave_out_what_came_from_the_cache(published: Datasette) -> None:
    (row,) = await rows(published, "slowest_steps.json")
    assert (row["name"], row["total_duration"], row["build"]) == ("[2/2] RUN make", 15.0, 1)


async def test_the_cache_is_judged_by_cold_and_warm_builds(published: Datasette) -> None:
    (row,) = await rows(published, "cache_efficiency.json")
    assert (row["cold"], row["warm"], row["avg_cache_ratio"]) == (1, 1, 0.5)
    assert (row["avg_cold_duration"], row["avg_warm_duration"]) == (20.0, 10.0)


async def test_failures_tell_the_error(published: Datasette) -> None:
    (row,) = await rows(published, "failures.json")
    assert (row["image_name"], row["error_message"]) == ("shop/web", "exit code: 2")


@pytest.mark.parametrize("build_", ["1", "firstrefofthebuildthatran", " 1 "])
async def test_steps_are_found_by_id_and_by_ref(published: Datasette, build_: str) -> None:
    found = await rows(published, f"steps_of_build.json?build={build_}")
    assert [row["name"] for row in found] == ["[1/2] FROM alpine", "[2/2] RUN make"]


async def test_a_build_without_steps_gives_none(published: Datasette) -> None:
    assert await rows(published, "steps_of_build.json?build=2") == []


async def test_image_shows_the_one_that_was_built_last_when_none_is_named(
    published: Datasette,
) -> None:
    assert [row["id"] for row in await rows(published, "image.json")] == [4]
    named = await rows(published, "image.json?image_name=shop/api")
    assert [row["id"] for row in named] == [2, 1]


async def test_older_tools_get_their_rows(published: Datasette) -> None:
    assert (await rows(published, "build_times.json?image_name=shop/api"))[0] == {
        "timestamp": "2025-07-11T12:00:00.000+08:00",
        "image": "shop/api",
        "duration": 10.0,
        "size_mb": 90.0,
        "timezone": "Asia/Singapore",
    }
    assert {
        "image": "shop/api",
        "avg_duration": 15.0,
        "avg_size_mb": 95.0,
        "total_builds": 2,
    } in await rows(published, "build_averages.json")


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("recent_builds", "limit=abc"),
        ("recent_builds", "limit=-1"),
        ("recent_builds", "limit=0"),
        ("recent_builds", "limit=1001"),
        ("recent_builds", "limit=1e3"),
        ("recent_builds", "limit=5&limit=abc"),
        ("build_trend", "days=a+week"),
        ("slowest_steps", "days=1.5"),
    ],
)
@pytest.mark.parametrize("kind", ["", ".json", ".csv"])
async def test_text_where_a_number_is_due_is_an_error(
    published: Datasette, query: str, given: str, kind: str
) -> None:
    answer = await published.client.get(f"{HOME}/{query}{kind}?{given}")
    assert answer.status_code == 400
    assert "must be a whole number" in answer.text


@pytest.mark.parametrize("given", ["limit=", "limit=+", "limit=+7+", "limit=1000", "other=abc"])
async def test_an_empty_or_sound_number_is_taken(published: Datasette, given: str) -> None:
    assert await rows(published, f"recent_builds.json?{given}")


def test_the_bounds_of_numbers_are_told() -> None:
    wrong = parameters.wrong_value(parameters.given("limit=0", ["limit"]))
    assert wrong == (400, "limit must be a whole number from 1 to 1000, not '0'.")
    assert parameters.wrong_value(parameters.given("limit=x", ["days"])) is None


@pytest.mark.parametrize("table", [*(t.name for t in schema.TABLES), "steps"])
async def test_every_table_opens(published: Datasette, table: str) -> None:
    for kind in ("", ".json"):
        answer = await published.client.get(f"{HOME}/{table}{kind}")
        assert answer.status_code == 200


def test_every_table_and_column_is_described_as_in_the_schema(described: dict[str, Any]) -> None:
    tables = described["tables"]
    for table in schema.TABLES:
        assert tables[table.name]["title"]
        assert tables[table.name]["description"] == table.about
        texts = tables[table.name]["columns"]
        assert list(texts) == [column.name for column in table.columns]
        for column in table.columns:
            assert texts[column.name].startswith(column.about.removesuffix("."))
            assert column.unit in texts[column.name]
    assert tables["steps"]["description"] == views.VIEW_ABOUT["steps"]


def test_the_view_is_described_column_by_column(
    described: dict[str, Any], database_path: Path
) -> None:
    with database.connect_to_read(database_path) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(steps)")]
    assert list(described["tables"]["steps"]["columns"]) == names


def test_metadata_is_as_the_generator_writes_it() -> None:
    code = (
        "import runpy, sys; made = runpy.run_path('docs/generate.py')['metadata'](); "
        "sys.exit(made != open('metadata.yml').read())"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT)
    assert ended.returncode == 0, "run `python docs/generate.py metadata`"


async def test_the_overview_works_out_for_no_table_who_may_see_it(published: Datasette) -> None:
    published._permission_checks.clear()
    assert "shop/api" in (await published.client.get("/")).text
    asked = {check["action"] for check in published._permission_checks}
    assert asked == {"view-database", "view-instance"}


@pytest.mark.parametrize("path", ["/", HOME])
async def test_pages_of_ours_are_for_reading_alone(published: Datasette, path: str) -> None:
    statuses = {m: (await published.client.request(m, path)).status_code
                for m in ("GET", "HEAD", "POST", "DELETE")}  # fmt: skip
    assert statuses == {"GET": 200, "HEAD": 200, "POST": 405, "DELETE": 405}


@pytest.mark.parametrize("path", ["/", HOME, f"{HOME}/image", f"{HOME}/why.json"])
async def test_a_history_that_is_not_for_everyone_is_shown_to_nobody_else(
    database_path: Path, path: str
) -> None:
    record_a_shop(database_path)
    published = publication(database_path)
    published._metadata_local["databases"]["docker_build_history"]["allow"] = {"id": "root"}
    assert (await published.client.get(path)).status_code == 403
    visitor = {"ds_actor": published.sign({"a": {"id": "root"}}, "actor")}
    assert (await published.client.get(path, cookies=visitor)).status_code == 200


async def test_helper_tables_are_hidden(published: Datasette) -> None:
    tables = (await published.client.get(f"{HOME}.json")).json()["tables"]
    hidden = {table["name"] for table in tables if table["hidden"]}
    helpers = set(
        "build_totals build_days pruned_days step_names step_errors step_last_runs images "
        "layer_instructions image_layers live_builds imported_files alert_messages judged_images "
        "build_inputs input_parts".split()
    )
    assert hidden == {*helpers, "_sqlite_migrations"}


async def test_nobody_can_run_sql_of_his_own_or_take_the_file(published: Datasette) -> None:
    for address in (
        f"{HOME}?sql=select+1",
        f"{HOME}.json?sql=select+1",
        f"{HOME}/docker_builds.json?_where=1",
        f"{HOME}.db",
    ):
        assert (await published.client.get(address)).status_code == 403
    streamed = await published.client.get(f"{HOME}/docker_builds.csv?_stream=on")
    assert streamed.status_code == 400


@pytest.mark.parametrize(
    "page",
    "databases metadata plugins settings config threads versions permissions allow-debug messages "
    "patterns".split(),
)
async def test_pages_about_the_server_are_closed_unless_asked_for(
    published: Datasette, database_path: Path, page: str
) -> None:
    for address in (f"/-/{page}", f"/-/{page}.json"):
        assert (await published.client.get(address)).status_code == 403
    if page not in ("permissions", "config"):
        opened = publication(database_path, debug=True)
        assert (await opened.client.get(f"/-/{page}")).status_code == 200


async def test_no_answer_tells_the_folder_of_the_file(
    published: Datasette, database_path: Path
) -> None:
    for address in ("/", HOME, f"{HOME}/docker_builds/1", "/docker_build_times.json", "/.json"):
        answer = await published.client.get(address)
        assert str(database_path.parent) not in answer.text


async def test_the_document_for_older_tools_has_three_layouts(published: Datasette) -> None:
    document = (await published.client.get("/docker_build_times.json")).json()
    assert document["averages"]["shop/api"] == 15.0
    objects = (await published.client.get("/docker_build_times.json?_layout=objects")).json()
    assert objects["averages"]["shop/api"]["total_builds"] == 2
    plain = (await published.client.get("/docker_build_times.json?_layout=list")).json()
    assert [row["duration"] for row in plain] == [20, 10, 5, 7]
    wrong = await published.client.get("/docker_build_times.json?_layout=x")
    assert (wrong.status_code, wrong.json()["ok"]) == (400, False)


async def test_the_document_is_sent_again_only_when_it_changed(
    published: Datasette, database_path: Path
) -> None:
    address = "/docker_build_times.json"
    etag = (await published.client.get(address)).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await published.client.get(address, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    other = await published.client.get(f"{address}?_layout=list", headers={"If-None-Match": etag})
    assert other.status_code == 200
    record(database_path, build("shop/api", hours=30))
    answer = await published.client.get(address, headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert answer.headers["etag"] != etag


def damage(path: Path) -> None:
    """Overwrite all of the file but its header."""
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


def lose(path: Path) -> None:
    path.unlink()


async def test_health_is_read_from_the_file_as_it_is_now(
    published: Datasette, database_path: Path
) -> None:
    answer = await published.client.get("/-/healthz")
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    damage(database_path)
    answer = await published.client.get("/-/healthz")
    assert (answer.status_code, answer.json()["ok"]) == (503, False)
    lose(database_path)
    assert (await published.client.get("/-/healthz")).json()["error"] == "database-missing"


async def test_every_answer_has_its_security_headers(published: Datasette) -> None:
    for address in ("/", HOME, f"{HOME}/docker_builds", "/nothing", "/docker_build_times.json"):
        headers = (await published.client.get(address)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["referrer-policy"] in ("same-origin", "no-referrer")
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_scripts_are_allowed_only_where_they_are_used(published: Datasette) -> None:
    allowed = {}
    pages = ("/", f"{HOME}/docker_builds/1", HOME, f"{HOME}/image", f"{HOME}/recent_builds")
    for address in pages:
        policy = (await published.client.get(address)).headers["content-security-policy"]
        allowed[address] = policy.split("script-src ")[1]
    assert allowed == dict.fromkeys(pages, "'self'") | {
        f"{HOME}/recent_builds": "'self' 'unsafe-eval'"
    }


async def test_no_page_carries_a_script_of_its_own(published: Datasette) -> None:
    for address in ("/", HOME, f"{HOME}/docker_builds/1", f"{HOME}/docker_builds", f"{HOME}/image"):
        page = (await published.client.get(address)).text
        assert re.findall(r"<script(?![^>]* src=)", page) == []


async def test_the_home_page_links_the_latest_builds_and_the_queries(published: Datasette) -> None:
    page = (await published.client.get("/")).text
    assert f'href="{HOME}/docker_builds/1"' in page
    assert f'href="{HOME}/build_trend#g.mark=line' in page
    assert "&lt;i&gt;x&lt;/i&gt; &amp; y" in page
    assert "<i>x</i>" not in page


async def test_the_page_of_a_build_shows_its_steps(published: Datasette) -> None:
    page = (await published.client.get(f"{HOME}/docker_builds/1")).text
    assert "[2/2] RUN make" in page
    assert 'width="75.000%"' in page
    assert "firstrefofthebuildthatran" in page
    escaped = (await published.client.get(f"{HOME}/docker_builds/4")).text
    assert "&lt;script&gt;alert(1)" in escaped
    assert "No steps are recorded" in escaped
    assert (await published.client.get(f"{HOME}/docker_builds/99")).status_code == 404


async def test_values_in_tables_are_as_stored(published: Datasette) -> None:
    (row,) = await rows(published, "docker_builds.json?id=4&_json=build_args")
    assert row["image_name"] == "<i>x</i> & y"
    assert row["build_args"] == {"A": "<script>alert(1)</script>"}


async def test_ids_of_builds_in_queries_are_links(published: Datasette) -> None:
    page = (await published.client.get(f"{HOME}/recent_builds")).text
    assert f'<a href="{HOME}/docker_builds/1">1</a>' in page


async def test_the_file_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "some other name.sqlite"
    record(path, build())
    assert await rows(publication(path), "recent_builds.json")


async def test_the_plugin_leaves_another_datasette_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY, build_duration REAL)")
    connection.execute("INSERT INTO numbers VALUES (1, 2.5)")
    connection.commit()
    connection.close()
    other = Datasette([str(path)])
    for address in ("/", "/other", "/other/numbers", "/other/numbers/1", "/-/databases"):
        answer = await other.client.get(address)
        assert answer.status_code == 200
        assert "content-security-policy" not in answer.headers
    assert (await other.client.get("/docker_build_times.json")).status_code == 404


async def test_other_sites_may_read_only_when_told_so(
    published: Datasette, database_path: Path
) -> None:
    shared = publication(database_path, cors=True)
    for address in ("/docker_build_times.json", f"{HOME}/recent_builds.json?limit=x"):
        closed = await published.client.get(address)
        assert "access-control-allow-origin" not in closed.headers
        opened = await shared.client.get(address)
        assert opened.headers["access-control-allow-origin"] == "*"


async def test_the_name_of_a_step_leads_to_the_page_of_the_step(published: Datasette) -> None:
    answer = await published.client.get(f"{HOME}/step_names/1")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{HOME}/step?step_key=")
    assert (await published.client.get(f"{HOME}/step_names/99")).status_code == 404
    assert (await published.client.get(f"{HOME}/step_names/1.json")).status_code == 200


async def test_the_data_page_lists_every_question_table_and_view(
    published: Datasette, described: dict[str, Any]
) -> None:
    page = (await published.client.get(HOME)).text
    for name in [*described["queries"], *described["tables"]]:
        if name != "_sqlite_migrations":
            assert f'href="{HOME}/{name}' in page, name


@pytest.mark.parametrize("query", QUERIES)
async def test_a_chart_is_also_an_image(published: Datasette, query: str) -> None:
    answer = await published.client.get(f"{HOME}/{query}.svg")
    page = (await published.client.get(f"{HOME}/{query}")).text
    if of_query.has_chart(query):
        assert answer.headers["content-type"] == "image/svg+xml; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        ElementTree.fromstring(answer.text)
    else:
        assert answer.status_code == 404
        assert f"{query}.svg" not in page


async def test_a_stylesheet_may_be_kept_for_good_as_its_address_changes(
    published: Datasette,
) -> None:
    address = re.search(r'href="(/-/buildrec/[^"]+css)"', (await published.client.get("/")).text)
    answer = await published.client.get(address[1])
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/css")
    other = address[1].replace(address[1].split("/")[3], "0" * 12)
    assert (await published.client.get(other)).status_code == 404


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/acme/shop.git", "https://github.com/acme/shop/commit/abcdef0"),
        ("git@github.com:acme/shop.git", "https://github.com/acme/shop/commit/abcdef0"),
        ("github.com:acme/shop", "https://github.com/acme/shop/commit/abcdef0"),
        ("ssh://git@gitlab.acme.com/a/b/c", "https://gitlab.acme.com/a/b/c/-/commit/abcdef0"),
        ("https://bitbucket.org/acme/shop", "https://bitbucket.org/acme/shop/commits/abcdef0"),
        ("/srv/git/shop.git", None),
        ("javascript:alert(1)//x.y", None),
        ('https://evil.com/"><script>', None),
        (None, None),
    ],
)
def test_a_commit_is_linked_where_its_remote_is_on_the_web(remote: str, address: str) -> None:
    assert words.commit_address(remote, "abcdef0") == address
    assert words.commit_address(remote, None) is None
    assert words.commit_address(remote, "no commit") is None


def test_only_addresses_of_the_web_are_links() -> None:
    assert words.web_address("https://ci.example.com/7") == "https://ci.example.com/7"
    for address in ("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "", None):
        assert words.web_address(address) is None


@pytest.mark.parametrize(
    ("value", "usual", "said"),
    [(10.0, 10.0, "as usual"), (10.9, 10.0, "as usual"), (0.4, 0.1, "as usual"),
     (15.0, 10.0, "+50"), (5.0, 10.0, "50"), (40.0, 10.0, "4"), (4.0, None, None)],
)  # fmt: skip
def test_a_verdict_tells_a_difference_only_where_it_counts(
    value: float, usual: float | None, said: str | None
) -> None:
    verdict = words.verdict(value, usual)
    assert (verdict and said in verdict.words) if said else verdict is None


def test_a_timestamp_of_another_program_is_shown_as_it_is() -> None:
    assert str(words.moment("<b>yesterday")) == "&lt;b&gt;yesterday"
    assert words.items("not JSON") == ["not JSON"]
    assert words.items('{"A": 1}') == ["A=1"]
    assert words.items('["a", 2]') == ["a", "2"]


def test_what_no_step_worked_in_is_waiting() -> None:
    for took, path, waited in ((10.0, 7.25, 2.75), (3.0, 3.5, 0.0), (3.0, None, None)):
        row = {"build_duration": took, "critical_path_seconds": path}
        assert queries.waiting_seconds(row) == waited


@pytest.mark.parametrize(
    ("kind", "said"), [("unpacked", "+50"), ("containerd", "counted differently")]
)
async def test_sizes_that_were_counted_differently_are_not_compared(
    database_path: Path, kind: str, said: str
) -> None:
    record(
        database_path,
        build(hours=0, image_size_bytes=100_000_000, size_kind="unpacked"),
        build(hours=1, image_size_bytes=150_000_000, size_kind=kind),
    )
    page = (await publication(database_path).client.get(f"{HOME}/docker_builds/2")).text
    (row,) = re.findall(r"<tr>(?:(?!</tr>).)*Image size.*?</tr>", page, re.S)
    assert said in row


async def test_what_is_off_the_critical_path_is_told_as_json_and_on_its_page(
    database_path: Path,
) -> None:
    record(database_path, build(seconds=10, critical_path_seconds=7.25))
    published = publication(database_path)
    (row,) = await rows(published, "image.json")
    assert row["waiting_seconds"] == 2.75
    page = (await published.client.get(f"{HOME}/docker_builds/1")).text
    assert re.search(r">Off the critical path</th>\s*<td class=.n.>2\.8 s<", page)


async def test_a_list_links_what_has_a_page_and_tells_units_and_utc(database_path: Path) -> None:
    record(database_path, build("shop/api", seconds=12.5, steps=(step(1, "RUN make"),)))
    published = publication(database_path)
    page = (await published.client.get(f"{HOME}/recent_builds")).text
    assert f'<a href="{HOME}/image?image_name=shop%2Fapi">shop/api</a>' in page
    assert re.search(r'<td class="col-build_duration-?\w* n">12\.500</td>', page)
    assert re.search(r">build_duration <span class=.unit.>s</span></th>", page)
    assert re.search(r"<time [^>]*\b04:00:00 UTC\b[^>]*>2025-07-10 12:00</time>", page)
    page = (await published.client.get(f"{HOME}/slowest_steps")).text
    assert f'<a href="{HOME}/step?step_key=key%20of%20RUN%20make">RUN make</a>' in page


@pytest.mark.parametrize("name", ["image", "step", "why", "diff", "what_if", "alerts"])
async def test_a_page_of_our_own_is_answered_as_by_datasette(
    database_path: Path, name: str
) -> None:
    record_a_shop(database_path)
    for immutable, kept in ((False, "no-cache"), (True, "max-age=300")):
        published = publication(database_path, immutable=immutable)
        page = await published.client.get(f"{HOME}/{name}")
        assert page.status_code == 200
        assert page.headers["cache-control"] == kept
        assert f'href="{HOME}/{name}.json"' in page.text
    assert (await published.client.head(f"{HOME}/{name}")).status_code == 200
    assert (await published.client.post(f"{HOME}/{name}")).status_code == 405


async def test_a_page_of_our_own_that_takes_too_long_says_so(database_path: Path) -> None:
    record_a_shop(database_path)
    published = publication(database_path)
    published.sql_time_limit_ms = 0
    page = await published.client.get(f"{HOME}/image")
    assert page.status_code == 400
    assert "took too long" in page.text


async def test_a_table_is_sorted_by_a_click_on_a_column(database_path: Path) -> None:
    record_a_shop(database_path)
    published = publication(database_path)
    for asked, sign, order in (
        ("", "", "_sort"), ("?_sort=id", "▲", "_sort_desc"), ("?_sort_desc=id", "▼", "_sort")
    ):  # fmt: skip
        page = (await published.client.get(f"{HOME}/docker_builds{asked}")).text
        link = re.search(rf'href="{HOME}/docker_builds\?{order}=id"[^>]*>id([^<]*)</a>', page)
        assert link
        assert html.unescape(link[1]).strip() == sign


async def test_a_cell_shows_recorded_markup_as_text(database_path: Path) -> None:
    record(database_path, build("<b>api</b>", error_message="<i>x</i>", status="failed"))
    published = publication(database_path)
    for address in ("docker_builds", "failures", "recent_builds"):
        page = (await published.client.get(f"{HOME}/{address}")).text
        assert "&lt;b&gt;api&lt;/b&gt;" in page
        assert "<b>api" not in page
        assert "<i>x" not in page


async def test_bars_of_several_images_say_whose_they_are(database_path: Path) -> None:
    for image in ("api", "web"):
        record(database_path, build(image, steps=(step(1, f"RUN {image}"),)))
    published = publication(database_path)
    chart = (await published.client.get(f"{HOME}/slowest_steps.svg")).text
    assert ">api: RUN api<" in chart
    chart = (await published.client.get(f"{HOME}/slowest_steps.svg?image_name=api")).text
    assert ">RUN api<" in chart
