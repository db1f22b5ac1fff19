"""Answers that are no page of Datasette: errors in its own shape, and who may read them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from datasette import Response
from datasette.utils import add_cors_headers


def open_to_all(datasette: Any, headers: dict[str, str]) -> dict[str, str]:
    """`headers`, with leave for other sites' pages to read the answer if `--cors` says so."""
    if datasette.cors:
        add_cors_headers(headers)
    return headers


_NOTHING: Mapping[str, str] = MappingProxyType({})
TITLES = {400: "Bad request", 403: "Forbidden", 404: "Not found", 503: "Unavailable"}


async def refusal(
    datasette: Any, path: str, message: str, status: int = 400, more: Mapping[str, str] = _NOTHING
) -> Response:
    """An error as JSON at a path that ends in `.json`, else as a page; `more` are headers."""
    answer = {"ok": False, "error": message, "status": status, "title": TITLES[status]}
    headers = open_to_all(datasette, dict(more))
    if path.endswith(".json"):
        return Response.json(answer, status=status, headers=headers)
    # Without a request, so that nothing is read from the database for it.
    await datasette.invoke_startup()
    page = await datasette.render_template("error.html", answer)
    return Response.html(page, status=status, headers=headers)
