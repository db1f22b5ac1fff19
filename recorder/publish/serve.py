"""Serves the history with Datasette until it is stopped."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from recorder import database
from recorder.errors import CannotServeError
from recorder.publish import site

if TYPE_CHECKING:
    from datasette.app import Datasette

HOST = "127.0.0.1"
PORT = 8001

# A live file: nothing is cached by clients, as a build is to show the moment it is recorded.
SETTINGS = {
    "allow_csv_stream": False,
    "allow_download": False,
    "default_allow_sql": False,
    "default_cache_ttl": 0,
    "default_page_size": 50,
    "num_sql_threads": 4,
    "suggest_facets": False,
    "truncate_cells_html": 400,
}
_GRACE_SECONDS = 2


def serve(
    path: Path,
    *,
    host: str = HOST,
    port: int = PORT,
    debug: bool = False,
    cors: bool = False,
    listening: Callable[[str], None] | None = None,
) -> None:
    """Serve the database at `path` until SIGTERM or SIGINT; its URL is told on stderr.

    `port` 0 takes a free one. `debug` opens Datasette's pages about the server, `cors` lets pages
    of other sites read the JSON. `listening` is called with the URL once requests are answered.

    Raises a DatabaseError for a file that is missing or not ours, CannotServeError when the
    address cannot be had.
    """
    with database.connect_to_read(path):
        pass
    with _listen(host, port) as listener:
        # Datasette takes half a second to import: an error above is told at once.
        published = publication(path, debug=debug, cors=cors)
        _run(published.app(), listener, listening)


def publication(path: Path, *, debug: bool = False, cors: bool = False) -> "Datasette":
    """A Datasette with the database at `path`, our metadata, templates and settings."""
    from datasette.app import Datasette
    from datasette.database import Database
    from datasette.plugins import pm
    from datasette.utils import parse_metadata

    from recorder.publish import plugin

    # An installed buildrec is found by its entry point; a clone that is only on the path is not.
    if not pm.is_registered(plugin):
        pm.register(plugin, "buildrec")
    if set(str(path)) & set("?#%"):
        raise CannotServeError(
            f"Datasette cannot open {path}, for a ?, # or % in it", "rename the file or its folder"
        )
    place = site.folder()
    metadata = parse_metadata((place / "metadata.yml").read_text(encoding="utf-8"))
    metadata.setdefault("plugins", {})["buildrec"] = {"debug": debug}
    published = Datasette(
        [],
        metadata=metadata,
        template_dir=str(place / "templates"),
        settings=SETTINGS,
        cors=cors,
    )
    # Without files Datasette opens an empty database in memory, which nobody asked for.
    published.remove_database("_memory")
    published.add_database(Database(published, str(path), is_mutable=True), name=site.DATABASE)
    return published


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound to the address, before anything slow is done."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # Named as TCP, or asyncio leaves TCP_NODELAY off and each small answer waits 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise CannotServeError(
            f"cannot serve on {host}: {error.strerror}", "give an address of this machine"
        ) from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(128)
        except OSError as error:
            raise CannotServeError(
                f"cannot serve on {host} port {port}: {os.strerror(error.errno or 0)}",
                "choose another with --port, or stop the program that uses it",
            ) from error
        yield listener


def _run(app: Any, listener: socket.socket, listening: Callable[[str], None] | None) -> None:
    import uvicorn

    url = _url(listener)

    class Server(uvicorn.Server):
        """Tells its URL once it answers."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            sys.stderr.write(f"Serving the build history at {url} (stop with Ctrl-C)\n")
            sys.stderr.flush()
            if listening:
                listening(url)

    config = uvicorn.Config(
        app,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    with _ending_quietly():
        Server(config).run(sockets=[listener])


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


@contextmanager
def _ending_quietly() -> Iterator[None]:
    """Let SIGTERM and SIGINT end the server as a job that is done.

    uvicorn stops at either, then raises it again for whoever handled it before.
    """

    def ignore(_number: int, _frame: FrameType | None) -> None:
        """Nothing is left to do."""

    before = {number: signal.signal(number, ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
