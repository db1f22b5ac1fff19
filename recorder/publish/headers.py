"""Security headers for every answer: what a page may load, and who may frame it."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from recorder.publish.site import DATABASE

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

_COMMON = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
STRICT = f"{_COMMON}; script-src 'none'"
"""For everything that is no page."""

PAGES = f"{_COMMON}; script-src 'self'"
"""For pages: one small script of ours keeps what runs now up to date."""

CHARTS = f"{_COMMON}; script-src 'self' 'unsafe-eval'"
"""For pages of rows: datasette-vega draws there, and its charts are compiled by `eval`."""

_WITH_LIBRARIES = re.compile(rf"/{DATABASE}/(?!(?:image|step|live)$)[^/]+")


def policy(path: str, *, is_page: bool) -> str:
    """The Content-Security-Policy for the answer at `path`, which has no base URL before it."""
    if not is_page:
        return STRICT
    return CHARTS if _WITH_LIBRARIES.fullmatch(path) else PAGES


def adding(send: Send, path: str, base: str = "/") -> Send:
    """A `send` that adds the headers to the answer at `path`, which lies below the URL `base`."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                (name, _below(base, value) if name.lower() == b"location" else value)
                for name, value in message.get("headers", [])
            ]
            kinds = [value for name, value in headers if name.lower() == b"content-type"]
            is_page = any(kind.startswith(b"text/html") for kind in kinds)
            ours = {
                b"content-security-policy": policy(path, is_page=is_page).encode(),
                b"x-content-type-options": b"nosniff",
                b"x-frame-options": b"SAMEORIGIN",
                b"referrer-policy": b"same-origin",
            }
            # Datasette's own choice for a page, where it has made one, is the stricter.
            present = {name.lower() for name, _ in headers}
            headers += [(name, value) for name, value in ours.items() if name not in present]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_headers


def _below(base: str, location: bytes) -> bytes:
    """Where a redirect leads: Datasette leaves the base URL out of some."""
    start = base.encode()
    outside = location.startswith(b"/") and not location.startswith((start, b"//"))
    return start + location[1:] if outside else location
