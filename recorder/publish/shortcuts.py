"""Pages of Datasette that cost seconds in a large history, answered by quicker ones of ours.

Datasette counts every table for its page of a database, and every row that refers to a row for the
page of that one: a name of a step is referred to by millions. For its index it works out anew for
each table who may see it, from a copy of all metadata, which takes longer than all that we show.
For the page of a query it asks plugins how each cell looks, though some of our templates show none.
"""

from typing import Any

from datasette import Forbidden, NotFound, Response
from datasette.database import QueryInterrupted
from datasette.utils import path_with_format
from datasette.views.base import DatasetteError

from recorder import schema, views
from recorder.publish import site
from recorder.publish.addresses import PageAddresses
from recorder.publish.site import DATABASE

_READING = ("GET", "HEAD")
OVERVIEW_ROUTE = r"/$"
DATA_ROUTE = rf"/{DATABASE}$"
PAGE_ROUTE = rf"/{DATABASE}/(?P<query>image|step|why|diff|what_if|alerts)$"
STEP_ROUTE = rf"/{DATABASE}/step_names/(?P<number>\d{{1,18}})$"


async def overview(datasette: Any, request: Any) -> Response:
    """The overview, from our template of the index, which lists no tables."""
    if request.method not in _READING:
        return Response.text("Method not allowed", status=405)
    await _ensure_visible(datasette, request)
    return Response.html(
        await datasette.render_template(
            "index.html",
            {
                "metadata": {"title": site.title(datasette)},
                "alternate_url_json": datasette.urls.instance(format="json"),
            },
            request=request,
            view_name="index",
        )
    )


async def data(datasette: Any, request: Any) -> Response:
    """The page of all questions and tables, from what the metadata says of them."""
    if request.method not in _READING:
        return Response.text("Method not allowed", status=405)
    if "sql" in request.args:
        raise Forbidden("execute-sql is not allowed: ask a canned query.")
    await _ensure_visible(datasette, request)
    about = site.about(datasette)
    tables = about.get("tables") or {}
    names = [*(table.name for table in schema.TABLES), *views.VIEWS]
    return Response.html(
        await datasette.render_template(
            "data.html",
            {
                "description": about.get("description") or "",
                "queries": [{"name": n, **q} for n, q in site.queries(datasette).items()],
                "tables": [{"name": name, **tables.get(name, {})} for name in names],
                "alternate_url_json": datasette.urls.database(DATABASE, format="json"),
            },
            request=request,
        )
    )


async def page(datasette: Any, request: Any) -> Response:
    """The page of a canned query that has a template of its own, which shows only the rows."""
    if request.method not in _READING:
        return Response.text("Method not allowed", status=405)
    name = request.url_vars["query"]
    await _ensure_visible(datasette, request, name)
    query = site.queries(datasette)[name]
    values = {key: request.args.get(key) or "" for key in query["params"]}
    try:
        found = await datasette.execute(DATABASE, query["sql"], values, truncate=True)
    except QueryInterrupted as error:
        raise DatasetteError(
            "The query took too long.", title="SQL Interrupted", status=400
        ) from error
    address = path_with_format(request=request, format="json")
    kept = datasette.setting("default_cache_ttl")
    return Response.html(
        await datasette.render_template(
            f"query-{DATABASE}-{name}.html",
            {
                "rows": found.rows,
                "asked": values,
                "alternate_url_json": datasette.urls.path(address),
            },
            request=request,
            view_name="database",
        ),
        headers={"Cache-Control": f"max-age={kept}" if kept else "no-cache"},
    )


async def step_name(datasette: Any, request: Any) -> Response:
    """Leads from the name of a step to the page of the step."""
    found = await datasette.get_database(DATABASE).execute(
        "SELECT step_key FROM step_names WHERE id = ?", (int(request.url_vars["number"]),)
    )
    row = found.first()
    if row is None:
        raise NotFound("There is no such step.")
    return Response.redirect(PageAddresses(datasette).step(row["step_key"]))


async def _ensure_visible(datasette: Any, request: Any, query: str | None = None) -> None:
    """Raise Forbidden unless the visitor may see the database, and the canned query if given."""
    if hasattr(datasette, "ensure_permissions"):
        asked = [("view-query", (DATABASE, query))] if query else []
        wanted = [*asked, ("view-database", DATABASE), "view-instance"]
        await datasette.ensure_permissions(request.actor, wanted)
        return
    from datasette.resources import DatabaseResource, QueryResource  # new in Datasette 1.0

    await datasette.ensure_permission(
        action="view-query" if query else "view-database",
        resource=QueryResource(DATABASE, query) if query else DatabaseResource(DATABASE),
        actor=request.actor,
    )
