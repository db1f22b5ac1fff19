"""The Datasette plugin: hands each hook to the module that answers it.

Does nothing in a Datasette that serves no `docker_build_history`.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from datasette import hookimpl

from recorder.publish import (
    answers,
    assets,
    atom,
    broken,
    cells,
    chart_files,
    explained_sql,
    guard,
    health,
    metrics,
    shortcuts,
    template_vars,
    times_route,
    xlsx,
)
from recorder.publish.site import DATABASE

_Function = TypeVar("_Function", bound=Callable[..., Any])


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
        (times_route.ROUTE, times_route.times),
        (health.ROUTE, health.health),
        (metrics.ROUTE, metrics.metrics),
        (assets.ROUTE, assets.asset),
        (shortcuts.OVERVIEW_ROUTE, shortcuts.overview),
        (shortcuts.DATA_ROUTE, shortcuts.data),
        (shortcuts.PAGE_ROUTE, shortcuts.page),
        (shortcuts.STEP_ROUTE, shortcuts.step_name),
    ]
    if not _debug(datasette):
        routes.append((guard.CLOSED_ROUTE, guard.closed))
    return routes


@_hook
def asgi_wrapper(datasette: Any) -> Any:
    """Checks what is asked of our queries and adds the security headers."""
    return lambda app: guard.guarded(datasette, app) if _is_ours(datasette) else app


@_hook
def register_output_renderer(datasette: Any) -> list[dict[str, Any]]:
    """Rows as a workbook, lists of builds as a feed, charts as images."""
    if not _is_ours(datasette):
        return []
    return [
        {"extension": "xlsx", "render": xlsx.render, "can_render": xlsx.can_render},
        {"extension": "atom", "render": atom.render, "can_render": atom.can_render},
        chart_files.renderer(),
    ]


@_hook
def handle_exception(datasette: Any, request: Any, exception: Exception) -> Any:
    """Tells that the file cannot be read, or that a page is not there."""
    return broken.of_exception(datasette, request, exception) if _is_ours(datasette) else None


@_hook
def forbidden(datasette: Any, request: Any, message: str) -> Any:
    """Refuses in JSON what was asked for as JSON; Datasette would send a page."""
    if not _is_ours(datasette) or not request.path.endswith(".json"):
        return None
    return lambda: answers.refusal(datasette, request.path, message, 403)


@_hook
def extra_template_vars(datasette: Any, view_name: str, request: Any, table: str | None) -> Any:
    """What our own pages show."""
    if not _is_ours(datasette):
        return {}
    return template_vars.of_page(datasette, view_name, request, table)


@_hook
def render_cell(
    datasette: Any, row: Any, value: Any, column: str, table: str | None, database: str | None
) -> str | None:
    """Numbers with their unit; builds, images and steps as links; instants with UTC on hover."""
    return cells.cell(datasette, row, value, column, table) if database == DATABASE else None


@_hook
def prepare_connection(conn: Any, database: str, datasette: Any) -> None:
    """The functions behind the queries that explain builds."""
    if database == DATABASE and _is_ours(datasette):
        explained_sql.prepare(conn)


@_hook
def prepare_jinja2_environment(env: Any, datasette: Any) -> None:
    """The filters of our templates, and what they need even on a page of an error."""
    env.filters.update(template_vars.FILTERS)
    if _is_ours(datasette):
        env.globals.update(template_vars.of_every_page(datasette))
