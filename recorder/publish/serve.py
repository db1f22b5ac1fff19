"""Serves the history with Datasette until it is stopped."""

import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from recorder import database
from recorder.errors import BadValueError, CannotServeError
from recorder.publish import site

if TYPE_CHECKING:
    from datasette.app import Datasette

HOST = "127.0.0.1"
PORT = 8001

SETTINGS = {
    "allow_csv_stream": False,
    "allow_download": False,
    "default_allow_sql": False,
    "default_page_size": 50,
    "num_sql_threads": 4,
    "suggest_facets": False,
    "truncate_cells_html": 400,
}
# A live file is not cached by clients, as a build is to show the moment it is recorded; a snapshot
# may be replaced by the next one.
_CACHED_SECONDS = 0
_SNAPSHOT_CACHED_SECONDS = 300

# What is being answered when the server is told to stop has this long to end.
_GRACE_SECONDS = 0.3


def serve(
    path: Path,
    *,
    host: str = HOST,
    port: int = PORT,
    root_path: str = "/",
    immutable: bool = False,
    debug: bool = False,
    cors: bool = False,
    listening: Callable[[str], None] | None = None,
) -> None:
    """Serve the database at `path` until SIGTERM or SIGINT; its URL is told on stderr.

    `port` 0 takes a free one. `root_path` is where a proxy shows it, whether or not the proxy
    takes that off what it passes on. `immutable` is for a snapshot, a file that nothing writes to.
    `debug` opens Datasette's pages about the server, `cors` lets pages of other sites read the
    JSON. `listening` is called with the URL once requests are answered.

    Raises a DatabaseError for a file that is missing or not ours, BadValueError for a `root_path`
    that is none, CannotServeError when the address cannot be had.
    """
    with database.connect_to_read(path):
        pass
    with _listen(host, port) as listener:
        # Datasette takes half a second to import: an error above is told at once.
        published = publication(
            path, root_path=root_path, immutable=immutable, debug=debug, cors=cors
        )
        try:
            _run(
                published.app(), _url(listener, published.setting("base_url")), listener, listening
            )
        finally:
            _stop(published)


def publication(
    path: Path,
    *,
    root_path: str = "/",
    immutable: bool = False,
    debug: bool = False,
    cors: bool = False,
) -> "Datasette":
    """A Datasette with the database at `path`, our metadata, templates and settings."""
    from datasette import __version__
    from datasette.app import Datasette
    from datasette.plugins import pm
    from datasette.utils import parse_metadata

    from recorder.publish import plugin
    from recorder.publish.served_file import ServedFile

    # An installed buildrec is found by its entry point; a clone that is only on the path is not.
    if not pm.is_registered(plugin):
        pm.register(plugin, "buildrec")
    log = Path(f"{path}-wal")
    if immutable and log.exists() and log.stat().st_size:
        raise CannotServeError(
            f"{path} has builds in {log.name} that --immutable would not show",
            "make a snapshot with `buildrec snapshot`, or serve without --immutable",
        )
    place = site.folder()
    metadata = parse_metadata((place / "metadata.yml").read_text(encoding="utf-8"))
    metadata.setdefault("plugins", {})["buildrec"] = {"debug": debug}
    # 1.0 takes queries and permissions as its configuration, and 0.65 as metadata.
    newer = {"config": metadata} if __version__.partition(".")[0] != "0" else {}
    cached = _SNAPSHOT_CACHED_SECONDS if immutable else _CACHED_SECONDS
    published = Datasette(
        [],
        metadata=metadata,
        template_dir=str(place / "templates"),
        settings={**SETTINGS, "base_url": _base(root_path), "default_cache_ttl": cached},
        cors=cors,
        **newer,
    )
    # Without files Datasette opens an empty database in memory, which nobody asked for.
    published.remove_database("_memory")
    published.add_database(ServedFile(published, path, immutable=immutable), name=site.DATABASE)
    return published


def _base(root_path: str) -> str:
    """`root_path` as Datasette wants it: with a slash at both ends."""
    inside = root_path.strip("/")
    if not re.fullmatch(r"(?:[\w.~-]+(?:/[\w.~-]+)*)?", inside, re.ASCII):
        raise BadValueError(
            f"{root_path!r} is no path to serve under", "give one such as /builds to --root-path"
        )
    if inside.partition("/")[0] in ("-", site.DATABASE):
        # Datasette takes the path off whenever it is there, and these begin paths of its own.
        raise BadValueError(
            f"pages of ours are already at {root_path}", "give another path to --root-path"
        )
    return f"/{inside}/" if inside else "/"


def _stop(published: "Datasette") -> None:
    """Let no query outlive the server: Python waits for their threads before it ends."""
    from recorder.publish.served_file import ServedFile

    for served in published.databases.values():
        if isinstance(served, ServedFile):
            served.stop()
    if published.executor:
        published.executor.shutdown(wait=False, cancel_futures=True)


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


def _run(
    app: Any, url: str, listener: socket.socket, listening: Callable[[str], None] | None
) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        """Tells its URL once it answers, and ends without a word."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            sys.stderr.write(f"Serving the build history at {url} (stop with Ctrl-C)\n")
            sys.stderr.flush()
            if listening:
                listening(url)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # Each request that is cut off would leave a traceback, as if it had failed.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            await super().shutdown(sockets=sockets)

    config = uvicorn.Config(
        app,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,  # type: ignore[arg-type] # any number does
    )
    with _ending_quietly():
        Server(config).run(sockets=[listener])


def _url(listener: socket.socket, base: str) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}{base}" if ":" in host else f"http://{host}:{port}{base}"


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
