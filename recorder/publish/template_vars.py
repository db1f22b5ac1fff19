"""What our templates get beyond what Datasette gives them: variables by page, and filters."""

from collections.abc import Callable
from typing import Any

from recorder import __version__, figures
from recorder.publish import (
    alerts_page,
    assets,
    benchmarks_page,
    build_page,
    cells,
    home_page,
    image_page,
    site,
    step_page,
    table_rows,
    why_page,
    words,
)
from recorder.publish.addresses import PageAddresses
from recorder.publish.asking import title
from recorder.publish.charts import of_query
from recorder.publish.charts.waterfall import took
from recorder.publish.site import DATABASE

FILTERS: dict[str, Callable[..., Any]] = {
    **words.FILTERS,
    "build_unit": cells.unit,
    "build_precise": figures.precise,
    "build_query_rows": table_rows.of_query,
    "build_table_rows": table_rows.of_table,
    "step_took": took,
    "with_code": why_page.with_code,
}


def of_every_page(datasette: Any) -> dict[str, Any]:
    """What the frame of every page needs, that of an error as well."""
    return {
        "to": PageAddresses(datasette),
        "history_name": DATABASE,
        "buildrec_version": __version__,
        "stylesheet": assets.address(datasette, "buildrec.css"),
    }


def of_page(datasette: Any, view_name: str, request: Any, table: str | None) -> dict[str, Any]:
    """Variables of every page; those that cost a query are functions, to be called where shown."""
    history = datasette.get_database(DATABASE)

    async def home() -> dict[str, Any]:
        found = await history.execute_fn(lambda c: home_page.page(datasette, c))
        canned = [{"name": name, **query} for name, query in site.queries(datasette).items()]
        return {**found, "queries": canned}

    async def build() -> Any:
        number = request.url_vars["pks"]
        return await history.execute_fn(lambda c: build_page.page(datasette, c, number))

    async def image(rows: Any) -> Any:
        return await history.execute_fn(lambda c: image_page.page(datasette, c, rows))

    async def benchmarks(rows: Any) -> Any:
        return await history.execute_fn(lambda c: benchmarks_page.page(datasette, c, rows))

    async def alerts(rows: Any, asked: Any) -> Any:
        return await history.execute_fn(lambda c: alerts_page.page(c, rows, asked))

    async def why(rows: Any) -> Any:
        return await history.execute_fn(lambda c: why_page.why(c, rows))

    async def diff(rows: Any) -> Any:
        return await history.execute_fn(lambda c: why_page.diff(c, rows))

    def chart(query: str, rows: Any) -> Any:
        return of_query.chart(query, rows, PageAddresses(datasette), title(datasette, query))

    del view_name, table
    return {
        **of_every_page(datasette),
        "live_script": assets.address(datasette, "live.js"),
        "home_page": home,
        "build_page": build,
        "image_page": image,
        "benchmarks_page": benchmarks,
        "alerts_page": alerts,
        "why_page": why,
        "diff_page": diff,
        "what_if_page": why_page.what_if,
        "step_page": lambda rows: step_page.page(datasette, rows),
        "chart_of": chart,
    }
