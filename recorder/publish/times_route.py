"""Answers requests for docker_build_times.json, as it is read: it may be long."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from datasette import Response

from recorder import database, older_tools
from recorder.publish import answers, times_document
from recorder.publish.headers import Message, Send
from recorder.publish.site import DATABASE

ROUTE = rf"/{older_tools.FILE_NAME}$".replace(".", r"\.")

_BLOCK_LETTERS = 1 << 18
# For a client that takes nothing: while its document is read, the file's log cannot be emptied.
_PATIENCE_SECONDS = 30

Receive = Callable[[], Awaitable[Message]]


async def times(datasette: Any, request: Any, receive: Receive, send: Send) -> Response | None:
    """The document for older tools, or HTTP 304 to a client that holds it."""
    layout = request.args.get("_layout") or "averages"
    if layout not in older_tools.LAYOUTS:
        names = ", ".join(older_tools.LAYOUTS)
        return await answers.refusal(datasette, request.path, f"_layout must be one of {names}.")
    loop = asyncio.get_running_loop()
    reading = _Reading(datasette.get_database(DATABASE))
    try:
        known = request.headers.get("if-none-match", "")
        etag, is_known = await loop.run_in_executor(datasette.executor, reading.open, layout, known)
        headers = answers.open_to_all(datasette, {"etag": etag, "cache-control": "no-cache"})
        if is_known:
            return Response("", status=304, headers=headers)
        answer = Response("", headers=headers, content_type="application/json; charset=utf-8")
        if request.method == "HEAD":
            return answer

        def next_block() -> Awaitable[str]:
            return loop.run_in_executor(datasette.executor, reading.block)

        await _stream(answer, next_block, receive, send)
        return None
    finally:
        # Not awaited, as this is also what happens to a task that is canceled.
        loop.run_in_executor(datasette.executor, reading.close)


async def _stream(
    answer: Response, next_block: Callable[[], Awaitable[str]], receive: Receive, send: Send
) -> None:
    """Send the head of `answer` and all blocks, until the client leaves."""
    leaving = asyncio.create_task(_until_gone(receive))
    try:
        block = await next_block()
        await answer.asgi_send(_head_only(send))
        while block and not leaving.done():
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await send(
                    {"type": "http.response.body", "body": block.encode(), "more_body": True}
                )
            block = await next_block()
        await send({"type": "http.response.body", "body": b""})
    finally:
        leaving.cancel()


def _head_only(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)

    return send_head


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Reading:
    """The document being read, through a connection of its own: others may wait for its client."""

    def __init__(self, history: Any) -> None:
        self._history = history
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pieces: Iterator[str] | None = None

    def open(self, layout: str, known: str) -> tuple[str, bool]:
        """The document's ETag, and whether a client that holds `known` holds it."""
        with self._lock, database.translated(Path(self._history.path)):
            self._connection = self._history.connect()
            self._connection.execute("BEGIN")
            etag, self._pieces = times_document.stream(self._connection, layout, known)
        return etag, self._pieces is None

    def block(self) -> str:
        """The next part of the text; empty at its end."""
        parts, letters = [], 0
        with self._lock:
            for piece in self._pieces or ():
                parts.append(piece)
                letters += len(piece)
                if letters >= _BLOCK_LETTERS:
                    break
        return "".join(parts)

    def close(self) -> None:
        """Give the connection back, and with it the moment that was read."""
        with self._lock:
            self._pieces = None
            if self._connection:
                self._connection.close()
