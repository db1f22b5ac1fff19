"""Stands before Datasette: checks what is asked, adds the security headers, closes debug pages."""

import re
from typing import Any
from urllib.parse import quote, unquote

from datasette import Forbidden, Response

from recorder.errors import DatabaseError
from recorder.publish import answers, broken, csv_answers, headers, parameters, site
from recorder.publish.served_file import ServedFile
from recorder.publish.site import DATABASE

_CLOSED = (
    "databases|metadata|plugins|settings|config|threads|versions|permissions|allow-debug|messages"
    "|patterns"
)
CLOSED_ROUTE = rf"/-/(?:{_CLOSED})(?:\.json)?$"

_COUNTED_IN_VAIN = re.compile(rf"/{DATABASE}/(?:build_steps|steps)(?:\.\w+)?")


async def closed() -> None:
    """Refuses a page of Datasette that tells paths or settings."""
    raise Forbidden("This page tells about the server: start it with `buildrec serve --debug`.")


def guarded(datasette: Any, app: Any) -> Any:
    """`app`, Datasette's ASGI application, behind our checks and headers."""

    async def checked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        base = datasette.setting("base_url")
        path = _path(base, scope)
        asked = scope["query_string"].decode("latin-1")
        sending = headers.adding(send, path, base)
        refused = await _refusal(datasette, path, asked)
        if refused:
            await refused.asgi_send(sending)
            return
        if path.endswith(".csv") or "_format=csv" in asked:
            sending = csv_answers.guarded(sending, asked)
        # Datasette puts the base URL before links made of the path, and would put it there twice.
        below = {"path": unquote(path), "raw_path": path.encode("latin-1")}
        counted = {"query_string": uncounted(path, asked).encode("latin-1")}
        await app({**scope, **below, **counted}, receive, sending)

    return checked


def uncounted(path: str, query_string: str) -> str:
    """`query_string` with `_nocount` for a page of all steps.

    Datasette counts the rows of each table page. Of a large history's steps that costs the whole
    time limit and gives no number; those of one build are counted as ever.
    """
    if not _COUNTED_IN_VAIN.fullmatch(path) or re.search(r"build_id|_nocount", query_string):
        return query_string
    return "&".join(filter(None, [query_string, "_nocount=1"]))


async def _refusal(datasette: Any, path: str, query_string: str) -> Response | None:
    """The answer to a request that need not reach Datasette; None to one that may."""
    history = datasette.get_database(DATABASE)
    asked = parameters.given(query_string, _parameters_of(datasette, path))
    try:
        if isinstance(history, ServedFile) and not path.startswith("/-/"):
            history.look()
        wrong = parameters.wrong_value(asked)
        if not wrong and parameters.names_of_records(asked):
            wrong = await history.execute_fn(lambda c: parameters.wrong_name(c, asked))
    except DatabaseError as error:
        return await broken.answer(datasette, path, error)
    return await answers.refusal(datasette, path, wrong.message, wrong.status) if wrong else None


def _path(base: str, scope: Any) -> str:
    """The path below the base URL, still encoded; a proxy may have taken the base off already.

    One slash leads it: Datasette may redirect to a part of it, and two would lead to another host.
    """
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    path: str = raw.decode("latin-1").partition("?")[0]
    return "/" if f"{path}/" == base else "/" + path.removeprefix(base).lstrip("/\\")


def _parameters_of(datasette: Any, path: str) -> list[str]:
    """The parameters of the canned query at `path`, in any format; none for another page."""
    place, _, page = path[1:].partition("/")
    name = page.partition(".")[0]
    query = site.queries(datasette).get(name) if place == DATABASE else None
    return list(query.get("params") or ()) if isinstance(query, dict) else []
