"""A canned query's chart as an SVG file, for a README or a pull request: `.svg` after its name."""

from typing import Any

from datasette import NotFound, Response

from recorder.publish.asking import title
from recorder.publish.charts import of_query
from recorder.publish.charts.addresses import Nowhere
from recorder.publish.site import DATABASE


def renderer() -> dict[str, Any]:
    """The output renderer, as Datasette wants it described."""
    return {"extension": "svg", "render": _render, "can_render": _can_render}


def _can_render(database: str, query_name: str | None) -> bool:
    return database == DATABASE and of_query.has_chart(query_name)


def _render(datasette: Any, rows: Any, query_name: str | None) -> Response:
    name = query_name or ""
    if not of_query.has_chart(name):
        raise NotFound("There is no chart of this: charts are drawn of canned queries.")
    chart = of_query.chart(name, [dict(row) for row in rows], Nowhere(), title(datasette, name))
    if chart is None:
        chart = of_query.empty(title(datasette, name), "No build yet.")
    return Response(chart.alone(), content_type="image/svg+xml; charset=utf-8")
