"""Opens the byte stream to a BuildKit: an engine's socket upgraded to HTTP/2, or buildx's stdio."""

import asyncio
import os
import socket
import ssl
import subprocess
from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from recorder.engine.endpoints import Endpoint
from recorder.errors import CommandMissingError, EngineUnreachableError, NoHistoryError

_UPGRADE = (
    b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    b"Content-Length: 0\r\n\r\n"
)
_LONGEST_HEAD = 65536
# Seconds to wait for an engine that takes the connection and says nothing.
_PATIENCE = 10.0
P = TypeVar("P", bound=asyncio.Protocol)


async def connect(endpoint: Endpoint, factory: Callable[[], P]) -> P:
    """Connect to an engine and hand its upgraded stream to the protocol that `factory` makes.

    Raises EngineUnreachableError when nothing answers there, NoHistoryError when what answers
    offers no BuildKit (podman, engines before 18.09).
    """
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[P] = loop.create_future()

    def upgrade() -> _Upgrade[P]:
        return _Upgrade(endpoint.address, factory, waiting)

    scheme, _, path = endpoint.address.partition("://")
    wire: asyncio.BaseTransport | None = None
    try:
        async with asyncio.timeout(_PATIENCE):
            if scheme == "unix":
                wire, _ = await loop.create_unix_connection(upgrade, path)
            else:
                place, tls = _place(endpoint.address), _tls(endpoint)
                port = place.port or (2376 if tls else 2375)
                host = place.hostname or "localhost"
                wire, _ = await loop.create_connection(upgrade, host, port, ssl=tls)
            return await waiting
    except (OSError, ValueError) as error:
        if wire is not None:
            wire.close()
        raise EngineUnreachableError(
            f"no Docker engine answers at {endpoint.address} ({_reason(error)})",
            "start it, or point DOCKER_HOST or `docker context use` at one that runs",
        ) from error


async def dial(builder: str, factory: Callable[[], P]) -> tuple[P, "subprocess.Popen[bytes]"]:
    """Reach the builder `builder` through `docker buildx dial-stdio`, whatever its driver is.

    Also gives the child process, which ends when the protocol's transport is closed. Raises
    CommandMissingError without a docker CLI.
    """
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(  # noqa: ASYNC220
            ["docker", "buildx", "dial-stdio", "--builder", builder],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is the build's, not the line that we listen on
        )
    except OSError as error:
        ours.close()
        raise CommandMissingError(
            f"the `docker` command does not run ({error.strerror})",
            "install the Docker CLI with buildx",
        ) from None
    finally:
        theirs.close()
    ours.setblocking(False)
    _, protocol = await asyncio.get_running_loop().create_connection(factory, sock=ours)
    return protocol, process


class _Upgrade(asyncio.Protocol, Generic[P]):
    """Speaks HTTP/1.1 until the engine says `101`, then gives the transport to another protocol.

    Source: moby api/server/router/grpc, which hijacks the connection of `POST /grpc`.
    """

    def __init__(
        self, address: str, factory: Callable[[], P], waiting: "asyncio.Future[P]"
    ) -> None:
        self._address = address
        self._factory = factory
        self._waiting = waiting
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_UPGRADE)

    def data_received(self, data: bytes) -> None:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end and len(head) < _LONGEST_HEAD:
            return
        answer = head.split(b"\r\n", 1)[0].split()
        if answer[1:2] != [b"101"]:
            self._transport.close()
            self._refuse(f"answered {b' '.join(answer[1:]).decode(errors='replace')}")
            return
        protocol = self._factory()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if not self._waiting.done():
            self._waiting.set_result(protocol)
        if rest:
            protocol.data_received(rest)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._refuse("closed the connection")

    def _refuse(self, how: str) -> None:
        if not self._waiting.done():
            self._waiting.set_exception(
                NoHistoryError(
                    f"the engine at {self._address} {how} when asked for BuildKit",
                    "use Docker Engine 23.0 or newer",
                )
            )


def _place(address: str) -> SplitResult:
    place = urlsplit(address)
    if place.scheme not in ("tcp", "http", "https"):
        raise ValueError("this kind of address is not known here")
    return place


def _tls(endpoint: Endpoint) -> ssl.SSLContext | None:
    if endpoint.certificates is None:
        return None
    folder = endpoint.certificates
    authority = folder / "ca.pem"
    context = ssl.create_default_context(cafile=authority if authority.exists() else None)
    if not endpoint.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if (folder / "cert.pem").exists():
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not error.errno:
        return "it does not answer"
    if isinstance(error, ssl.SSLError):  # its errno is OpenSSL's, not the system's
        return str(error)
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) and number > 0 else str(error)
