"""Writes json-api.md from metadata.yml and a real response of each canned query.

The history behind the responses is the one that travels with the package (`buildrec demo`), moved
to July 2025, so that "the latest 30 days" are the same whenever this runs.
"""

import asyncio
import json
import re
import sqlite3
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from recorder import benchmark_results, database, demo_history, schema, store, times
from recorder.benchmark_results import Result
from recorder.model import Build
from recorder.publish import atom, metrics, parameters, serve
from recorder.publish.charts import of_query
from recorder.publish.site import DATABASE
from recorder.tables import Column

LATEST = datetime(2025, 7, 14, 9, 30, tzinfo=UTC)
KEY = b"the key of a documentation page"

HEAD = """# JSON API

Every page of `buildrec serve` is also data. Written by `docs/pages.py` from `metadata.yml` and a
real response of each query.

```sh
curl 'http://127.0.0.1:8001/docker_build_history/recent_builds.json?_shape=array&limit=3'
```

## In general

- Say `_shape=array`: one JSON array of objects; with `_nl=on` one object a line. `_shape=objects`
  wraps them and tells whether rows were left out. The default is Datasette's and may change.
- `_json=COLUMN` gives a column that holds JSON (`build_args`, `image_tags`) as JSON.
- An answer has 1,000 rows at most; tables are paged by `next_url`.
- Columns stay: new ones may be added at the end, none is renamed or removed in a minor version.
- Durations are seconds, sizes MB of 10^6 bytes or bytes as the name says, instants ISO 8601.
- A parameter that is empty or missing takes its default.

| status | when | body |
| --- | --- | --- |
| 400 | a parameter is no number where one is due, or out of its bounds | `{"ok": false, "error": "...", "status": 400, "title": "Bad request"}` |
| 403 | SQL of your own, the database file, pages about the server | the same shape |
| 404 | no such page, or nothing is recorded of the image, build or step that was asked for | the same shape |
| 503 | the database is missing, damaged, locked or from a newer buildrec; try again | the same shape |

## Formats

| ending | what |
| --- | --- |
| `.json` | as above |
| `.csv` | a text that a spreadsheet would run as a formula is led by an apostrophe; `_raw=1` gives it as stored |
| `.xlsx` | an Excel workbook; text stays text, 32,767 letters a cell |
| `.atom` | a feed, of lists of builds (`failures.atom`); ids stay, `updated` is when the build finished |
| `.svg` | the chart as an image, of queries that have one |

## Parameters

| name | what it may be |
| --- | --- |
"""  # noqa: E501 - a row of a table is a line

PARAMETERS = {
    "image_name": "name of an image as in `image_statistics`",
    "build": "id or ref of a build",
    "step_key": "`step_key` of a step",
    "a": "id or ref of a build",
    "b": "id or ref of a build",
    "run": "`run` of `benchmark_results`",
    "suite": "`suite` of `benchmark_results`",
    "benchmark": "`benchmark` of `benchmark_trend`, which is `SUITE/NAME`",
}

# What the schema does not say, as it is no column of a table.
COLUMNS = {
    "day": "Day, UTC.",
    "build": "Id of the build.",
    "build_id": "Id of the build.",
    "timestamp": "When the build finished, ISO 8601 in `timezone`.",
    "image": "The series.",
    "duration": "How long it took (seconds).",
    "size_mb": "Image size, 0.0 when there is no image (MB).",
    "avg_duration": "Mean duration (seconds).",
    "min_duration": "Shortest (seconds).",
    "max_duration": "Longest (seconds).",
    "total_duration": "Time spent (seconds).",
    "avg_cold_duration": "Mean duration of cold builds (seconds).",
    "avg_partial_duration": "Mean duration of partly cached builds (seconds).",
    "avg_warm_duration": "Mean duration of warm builds (seconds).",
    "cold": "Builds with nothing cached.",
    "partial": "Builds with some instructions cached.",
    "warm": "Builds with all instructions cached.",
    "runs": "How often it really ran.",
    "on_critical_path": "How often it was on the critical path.",
    "what": "What the row is about: `answer`, `cause`, `time` (a part of the difference), `step`, "
    "`size`, `layer`, `argument`, `instruction`, `base`, `fact`, `warning`.",
    "part": "Of which kind it is: `slower`, `not cached`, `waiting`, `grown` ...",
    "before": "What it was in the reference, in `unit`.",
    "now": "What it is in the build, in `unit`.",
    "difference": "What it adds; the rows of `time` sum to the answer's, of `layer` to the size's.",
    "unit": "`seconds` or `bytes`.",
    "words": "The row as a clause or a sentence.",
    "reference": "Id of the build that it is compared with.",
    "how": "`cached`, or `parallel` to the step of `beside`.",
    "beside": "The step that it would run beside.",
    "ran": "In how many of the builds it ran.",
    "builds": "How many builds.",
    "took": "What it took when it ran, on average (seconds).",
    "saves": "What that would save in such a build, on average (seconds).",
    "minutes_a_week": "What that would save each week (minutes).",
    "builds_a_week": "How many builds of the image a week has.",
    "weeks": "How many weeks these builds span.",
    "outcome": "`completed`, `failed` or `skipped`.",
    "run": "Id of the run of benchmarks.",
    "before_median": "Median of the comparable run before (seconds).",
    "kept": "1 when a build of the day is in the file, 0 when all were pruned.",
    "failures_in_a_row": "How many builds in a row have failed up to the latest.",
    "appearances": "Builds that had the step.",
    "miss_share": "Share of them in which it was not cached (0 to 1).",
    "failures": "How often it failed.",
    "started": "Start, from the build's own; may lie before (seconds).",
    "failing_since": "When the first of these failures finished, ISO 8601 in `timezone`.",
    "waiting_seconds": "The duration less the critical path (seconds).",
    "alert": "The change that began with the build, in one sentence.",
    "alert_direction": "`worse` or `better`.",
}


def page() -> str:
    """The whole of json-api.md."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / database.FILE_NAME
        _record(path)
        return asyncio.run(_page(path))


def _record(path: Path) -> None:
    builds = demo_history.builds()
    moved = LATEST - max(build.completed_at for build in builds)
    with database.connect(path) as connection:
        store.record_all(
            connection,
            [
                replace(
                    build,
                    completed_at=build.completed_at + moved,
                    started_at=build.started_at and build.started_at + moved,
                )
                for build in builds
            ],
            KEY,
        )
        _record_benchmarks(connection)
        _record_alert(connection)


def _record_alert(connection: sqlite3.Connection) -> None:
    """Builds that got slower long ago; the alert's own times are fixed, as they tell of today."""
    for number in range(32):
        build = Build(
            image_name="shop/reports",
            ref=f"r{number:024}",
            build_duration=(60.0 if number < 26 else 90.0) + number % 5 / 4,
            completed_at=LATEST - timedelta(days=40) + timedelta(hours=number),
            git_commit=f"{number:040x}",
        )
        store.record(connection, build, KEY)
    with database.transaction(connection):
        connection.execute("UPDATE alerts SET created_at = first_at, updated_at = first_at")


def _record_benchmarks(connection: sqlite3.Connection) -> None:
    """Two runs with round figures, as measured ones would differ whenever this runs."""
    for hours, seconds in ((2, 0.0042), (1, 0.004)):
        begun = LATEST - timedelta(hours=hours)
        facts = {"started_at": times.utc_text(begun), "cpu": "x86-64", "cpus": 2}
        run = benchmark_results.begin(connection, {**facts, "git_commit": "c0ffee" * 6})
        raw = ((seconds, seconds * 1.01, seconds * 0.99),) * 10
        benchmark_results.add(
            connection,
            run,
            Result("search", "simple", raw=raw, loops=32, processes=10, cpu_seconds=seconds,
                   peak_memory_bytes=33_000_000, figures={"documents": 5000, "hits": 1977}),
        )  # fmt: skip
        benchmark_results.end(connection, run, "completed", 0.5)


async def _page(path: Path) -> str:
    published = serve.publication(path)
    queries = await published.get_canned_queries(DATABASE, None)
    lines = [HEAD.rstrip()]
    for name, about in PARAMETERS.items():
        lines.append(f"| `{name}` | {about}; 404 for an unknown one |")
    for name, (least, most) in parameters.BOUNDS.items():
        lines.append(f"| `{name}` | whole number from {least} to {most} |")
    for name, words in parameters.CHOICES.items():
        lines.append(f"| `{name}` | {', '.join(f'`{word}`' for word in words)} |")
    for name, query in queries.items():
        lines += ["", f"## {name}", "", _about(query), "", *await _query(published, name, query)]
    lines += ["", *await _others(published)]
    return "\n".join(lines) + "\n"


def _about(query: dict[str, Any]) -> str:
    text = query.get("description") or re.sub(r"<[^>]+>", "", query["description_html"])
    return " ".join(text.split())


async def _query(published: Any, name: str, query: dict[str, Any]) -> list[str]:
    address = f"/{DATABASE}/{name}.json"
    answer = (await published.client.get(f"{address}?_shape=objects")).json()
    endings = [".json", ".csv", ".xlsx"]
    endings += [".atom"] * atom.can_render(DATABASE, answer["columns"], "query")
    endings += [".svg"] * of_query.has_chart(name)
    lines = [f"`GET {address}?_shape=array` ({' '.join(f'`{ending}`' for ending in endings)})", ""]
    defaults = [f"`{p}` ({_default(query['sql'], p)})" for p in query.get("params", ())]
    lines += [f"Parameters: {', '.join(defaults) or 'none'}.", ""]
    lines += ["| column | type | what it holds |", "| --- | --- | --- |"]
    for column in answer["columns"]:
        values = [row[column] for row in answer["rows"]]
        known = _schema_column(column, name)
        lines.append(f"| `{column}` | {_type(known, values)} | {_about_column(column, known)} |")
    if answer["rows"]:
        example = json.dumps([_rounded(answer["rows"][0])], indent=2, ensure_ascii=False)
        lines += ["", "```json", example, "```"]
    return lines


def _default(sql: str, parameter: str) -> str:
    """What an empty parameter means, as the query says it."""
    number = re.search(rf"coalesce\(nullif\(trim\(:{parameter}\), ''\), (\d+)\)", sql)
    return f"default {number[1]}" if number else "default as described"


def _type(column: Column | None, values: list[Any]) -> str:
    """What the schema says of the column, and what the response shows."""
    names = {str: "text", int: "integer", float: "number", type(None): "null"}
    declared = {"TEXT": "text", "INTEGER": "integer", "REAL": "number"}
    found = {names[type(value)] for value in values}
    if column:
        nullable = set() if "NOT NULL" in column.sql or "KEY" in column.sql else {"null"}
        found |= {declared[column.sql.split()[0]], *nullable}
    if "number" in found:
        found.discard("integer")
    return " or ".join(sorted(found, key=lambda kind: (kind == "null", kind))) or "any"


def _about_column(name: str, column: Column | None) -> str:
    if name in COLUMNS or column is None:
        return COLUMNS.get(name, "")
    unit = f" ({column.unit})" if column.unit else ""
    return f"{column.about.removesuffix('.')}{unit}."


def _schema_column(name: str, query: str) -> Column | None:
    """The column of the table that the query has its name from, else of the first that has it."""
    tables = sorted(schema.TABLES, key=lambda table: table.name != query)
    found = (c for table in tables for c in table.columns if c.name == name)
    return next(found, None)


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """The row with floats to 6 places: versions of SQLite differ in the last digits of a mean."""
    return {k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()}


async def _others(published: Any) -> list[str]:
    document = (await published.client.get("/docker_build_times.json")).json()
    health = (await published.client.get("/-/healthz")).json()
    text = (await published.client.get("/-/metrics")).text
    lines = [
        "## docker_build_times.json",
        "",
        "`GET /docker_build_times.json` is the whole history for older tools, sent as it is read,",
        "with an ETag (`If-None-Match` gives 304). `_layout` is `averages` (the default),",
        f"`objects` or `list`. Its members: {', '.join(f'`{name}`' for name in document)}.",
        "",
        "## Health",
        "",
        "`GET /-/healthz` opens the file anew and reads real tables. 200 with",
        f"{', '.join(f'`{name}`' for name in health)}, or 503 with `ok`,",
        "`error` (a slug of [errors](errors.md)) and `reason`.",
        "",
        "## Metrics",
        "",
        "`GET /-/metrics` is Prometheus text (or OpenMetrics, when asked for), made of the summary",
        f"tables alone. {metrics.MOST_IMAGES} images at most are told of, those with the most time",
        "spent.",
        "",
        "| metric | type | what |",
        "| --- | --- | --- |",
    ]
    about = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.M))
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M):
        lines.append(f"| `{name}` | {kind} | {about[name]} |")
    return lines
