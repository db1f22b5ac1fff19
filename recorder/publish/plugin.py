"""The Datasette plugin: routes, checks, headers and what the templates show.

Does nothing in a Datasette that serves no `docker_build_history`.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from datasette import Forbidden, Response, hookimpl
from datasette.utils import add_cors_headers
from markupsafe import Markup

from recorder import database, figures, older_tools, schema
from recorder.errors import DatabaseError
from recorder.publish import headers, pages, parameters, times_document
from recorder.publish.site import DATABASE

_Function = TypeVar("_Function", bound=Callable[..., Any])
_CLOSED = (
    "databases|metadata|plugins|settings|config|threads|versions|permissions|allow-debug|messages"
    "|patterns"
)
_SIGNS = {"seconds": "s", "MB": "MB", "bytes": "B", "microseconds": "µs"}
_UNITS = {
    (table.name, column.name): _SIGNS.get(column.unit)
    for table in schema.TABLES
    for column in table.columns
} | {("steps", name): "s" for name in ("started", "duration", "raw_duration")}

# A canned query has no table: these names mean a build in all of ours.
_BUILD_IDS = {(None, "id"), (None, "build"), (None, "build_id"), ("steps", "build_id")}


def _hook(function: _Function) -> _Function:
    """Datasette's mark of a hook, which has no types."""
    return cast(_Function, hookimpl(function))


def _is_ours(datasette: Any) -> bool:
    # `serve` adds the database after Datasette has asked for routes, its settings before.
    return DATABASE in datasette.databases or datasette.plugin_config("buildrec") is not None


def _debug(datasette: Any) -> bool:
    return bool((datasette.plugin_config("buildrec") or {}).get("debug"))


@_hook
def register_routes(datasette: Any) -> list[tuple[str, Any]]:
    """Our addresses, and Datasette's own debug pages closed unless they were asked for."""
    if not _is_ours(datasette):
        return []
    routes: list[tuple[str, Any]] = [
        (rf"/{older_tools.FILE_NAME}$".replace(".", r"\."), _times),
        (r"/-/healthz$", _health),
    ]
    if not _debug(datasette):
        routes.append((rf"/-/(?:{_CLOSED})(?:\.json)?$", _closed))
    return routes


async def _times(datasette: Any, request: Any) -> Response:
    """The document for older tools."""
    layout = request.args.get("_layout") or "averages"
    if layout not in older_tools.LAYOUTS:
        names = ", ".join(older_tools.LAYOUTS)
        return await _bad_request(datasette, request.path, f"_layout must be one of {names}.")
    known = request.headers.get("if-none-match", "")
    answer = await datasette.get_database(DATABASE).execute_fn(
        lambda connection: times_document.read(connection, layout, known)
    )
    more = {"etag": answer.etag, "cache-control": "no-cache"}
    if datasette.cors:
        add_cors_headers(more)
    if answer.body is None:
        return Response("", status=304, headers=more)
    return Response(answer.body, headers=more, content_type="application/json; charset=utf-8")


async def _health(datasette: Any) -> Response:
    """Whether the file can be read, by rows of real tables through a new connection.

    An open connection could answer from its memory although the file is damaged or gone.
    """
    path = Path(datasette.get_database(DATABASE).path)
    try:
        await asyncio.to_thread(_read_latest, path)
    except (DatabaseError, OSError) as error:
        slug = getattr(error, "slug", "database")
        return Response.json(
            {"ok": False, "error": slug}, status=503, headers={"cache-control": "no-store"}
        )
    return Response.json({"ok": True}, headers={"cache-control": "no-store"})


def _read_latest(path: Path) -> None:
    with database.connect_to_read(path) as connection:
        build = connection.execute(pages.LATEST_BUILDS).fetchone()
        connection.execute(pages.IMAGES).fetchone()
        if build:
            connection.execute(pages.STEPS, {"build": build["id"]}).fetchall()


async def _closed() -> None:
    raise Forbidden("This page tells about the server: start it with `buildrec serve --debug`.")


@_hook
def asgi_wrapper(datasette: Any) -> Any:
    """Checks the parameters of our queries and adds the security headers."""

    def wrap(app: Any) -> Any:
        async def checked(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or not _is_ours(datasette):
                await app(scope, receive, send)
                return
            path = _path(datasette, scope)
            sending = headers.adding(send, path)
            names = _parameters_of(datasette, path)
            wrong = names and parameters.problem(scope["query_string"].decode("latin-1"), names)
            if wrong:
                response = await _bad_request(datasette, path, wrong)
                await response.asgi_send(sending)
            else:
                page = path.removeprefix(f"/{DATABASE}")
                query = parameters.uncounted(page, scope["query_string"].decode("latin-1"))
                await app({**scope, "query_string": query.encode("latin-1")}, receive, sending)

        return checked

    return wrap


def _path(datasette: Any, scope: Any) -> str:
    """The path as Datasette routes it: still encoded, without the base URL."""
    raw = scope.get("raw_path") or scope["path"].encode()
    path: str = raw.decode("latin-1").partition("?")[0]
    return "/" + path.removeprefix(datasette.setting("base_url")).removeprefix("/")


def _parameters_of(datasette: Any, path: str) -> list[str]:
    """The parameters of the canned query at `path`, in any format; none for another page."""
    place, _, page = path[1:].partition("/")
    queries = datasette.metadata("queries", database=DATABASE, fallback=False) or {}
    query = queries.get(page.partition(".")[0]) if place == DATABASE else None
    return list(query.get("params") or ()) if isinstance(query, dict) else []


async def _bad_request(datasette: Any, path: str, message: str) -> Response:
    """HTTP 400 in the shape of Datasette's own errors."""
    answer = {"ok": False, "error": message, "status": 400, "title": "Bad request"}
    more: dict[str, str] = {}
    if datasette.cors:
        add_cors_headers(more)
    if path.endswith(".json"):
        return Response.json(answer, status=400, headers=more)
    await datasette.invoke_startup()
    page = await datasette.render_template("error.html", answer)
    return Response.html(page, status=400, headers=more)


@_hook
def extra_template_vars(datasette: Any, view_name: str, request: Any, table: str) -> Any:
    """What our home page and the page of one build show."""
    if not _is_ours(datasette):
        return {}
    history = datasette.get_database(DATABASE)

    async def home() -> dict[str, Any]:
        return {
            "latest_builds": list((await history.execute(pages.LATEST_BUILDS)).rows),
            "images": list((await history.execute(pages.IMAGES)).rows),
            "queries": list((await datasette.get_canned_queries(DATABASE, None)).values()),
            "build_database": DATABASE,
        }

    async def build() -> dict[str, Any]:
        number = request.url_vars["pks"]
        row = (await history.execute("SELECT * FROM docker_builds WHERE id = ?", [number])).first()
        steps = (await history.execute(pages.STEPS, {"build": number})).rows
        bars = pages.waterfall(steps, row["build_duration"]) if row else []
        return {"build": row, "bars": bars, "most_steps": pages.MOST_STEPS}

    if view_name == "index":
        return home
    return build if view_name == "row" and table == "docker_builds" else {}


@_hook
def render_cell(
    datasette: Any, value: Any, column: str, table: str | None, database: str | None
) -> str | None:
    """Numbers with their unit, ids of builds as links; JSON and CSV have them as stored."""
    if database != DATABASE or not isinstance(value, int | float):
        return None
    if (table, column) in _BUILD_IDS:
        address = datasette.urls.path(f"{DATABASE}/docker_builds/{value}")
        return Markup('<a href="{}">{}</a>').format(address, value)
    unit = _UNITS.get((table or "", column))
    if unit:
        # Datasette itself would write 1.2 ks.
        return f"{value:.10g}\N{NO-BREAK SPACE}{unit}"
    if table is None and isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return None


@_hook
def prepare_jinja2_environment(env: Any) -> None:
    """The filters of our templates."""
    env.filters["build_duration"] = figures.duration
    env.filters["build_size"] = figures.megabytes
    env.filters["build_share"] = figures.percent
    env.filters["build_moment"] = pages.moment
