"""Reads BuildKit's build history over its control API; the only module that imports grpclib."""

import asyncio
import contextlib
import logging
import subprocess
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from grpclib.client import Channel, UnaryStreamMethod
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from grpclib.protocol import H2Protocol

from recorder.engine import control_pb2 as api
from recorder.engine import endpoints, provenance, transport
from recorder.errors import (
    EngineError,
    EngineUnreachableError,
    NoHistoryError,
    RecordGoneError,
)

STARTED, COMPLETE, DELETED = api.STARTED, api.COMPLETE, api.DELETED
_LOG = logging.getLogger("recorder.engine")
_SERVICE = "/moby.buildkit.v1.Control/"
_CONTENT = "/containerd.services.content.v1.Content/Read"
# What a builder answers while it stops.
_STOPPING = (Status.UNAVAILABLE, Status.CANCELLED, Status.DEADLINE_EXCEEDED)
# Seconds that a builder may keep silent when it is asked for what it holds.
_PATIENCE = 10.0


class Event(NamedTuple):
    """What the history announces: `STARTED`, `COMPLETE` or `DELETED`, and the record."""

    type: int
    record: Any


class History:
    """The build history of one builder. Use `open_history`."""

    def __init__(self, channel: "_Channel", name: str) -> None:
        self.builder = name
        self._listen = UnaryStreamMethod(
            channel, f"{_SERVICE}ListenBuildHistory", api.BuildHistoryRequest, api.BuildHistoryEvent
        )
        self._status = UnaryStreamMethod(
            channel, f"{_SERVICE}Status", api.StatusRequest, api.StatusResponse
        )
        self._read = UnaryStreamMethod(
            channel, _CONTENT, api.ReadContentRequest, api.ReadContentResponse
        )

    async def events(self) -> list[Event]:
        """What is known now: a `STARTED` for each build that runs, a `COMPLETE` for each ended."""
        with self._explained():
            found = await _all(self._listen, api.BuildHistoryRequest(EarlyExit=True))
        return [Event(event.type, event.record) for event in found]

    async def records(self) -> list[Any]:
        """All finished records that the builder holds, the latest first."""
        finished = [event.record for event in await self.events() if event.type == COMPLETE]
        return sorted(finished, key=lambda record: -record.CreatedAt.ToNanoseconds())

    async def event(self, ref: str) -> Event | None:
        """What is known now of the build `ref`: `STARTED` while it runs, `COMPLETE` once ended."""
        with self._explained():
            request = api.BuildHistoryRequest(Ref=ref, EarlyExit=True)
            found = await _all(self._listen, request)
        events = [Event(event.type, event.record) for event in found]
        return max(events, key=lambda event: event.type == COMPLETE, default=None)

    async def record(self, ref: str) -> Any | None:
        """The finished record of the build `ref`; None while it runs, or when it is not held."""
        event = await self.event(ref)
        return event.record if event and event.type == COMPLETE else None

    async def listen(self, *, known_too: bool = True) -> AsyncIterator[Event]:
        """Every build that starts or ends from now on; one may come twice.

        With `known_too` those that ended before come first.
        """
        with self._explained():
            async with self._listen.open() as stream:
                request = api.BuildHistoryRequest(ActiveOnly=not known_too)
                await stream.send_message(request, end=True)
                async for event in stream:
                    yield Event(event.type, event.record)

    async def trace(self, ref: str) -> list[Any]:
        """The whole step trace of the build `ref`, as BuildKit's status responses.

        Raises RecordGoneError when the builder does not hold it any more.
        """
        with self._explained(ref):
            return await _all(self._status, api.StatusRequest(Ref=ref))

    async def follow(self, ref: str) -> AsyncIterator[Any]:
        """The step trace of the build `ref` as it runs, until it ends."""
        with self._explained(ref):
            async with self._status.open() as stream:
                await stream.send_message(api.StatusRequest(Ref=ref), end=True)
                async for part in stream:
                    yield part

    async def error_blob(self, record: Any) -> bytes:
        """The whole error of a failed build, of which its record has but the message; b"" if none.

        BuildKit keeps it as a blob, and serves blobs over containerd's content API.
        """
        return await self._blob(record.Ref, record.externalError.digest)

    async def provenance_blobs(self, record: Any) -> list[bytes]:
        """What BuildKit attests of how each image of a build was made; none for a failed one."""
        return [await self._blob(record.Ref, digest) for digest in provenance.digests(record)]

    async def _blob(self, ref: str, digest: str) -> bytes:
        if not digest:
            return b""
        with self._explained(ref):
            request = api.ReadContentRequest(digest=digest)
            return b"".join(part.data for part in await _all(self._read, request))

    @contextlib.contextmanager
    def _explained(self, ref: str = "") -> Any:
        try:
            yield
        except GRPCError as error:
            raise self._meaning(error, ref) from error
        except (StreamTerminatedError, OSError, AttributeError) as error:
            # AttributeError is how grpclib finds that its connection has been closed meanwhile.
            silent = isinstance(error, TimeoutError)
            raise self._gone("does not answer" if silent else "hung up") from error

    def _gone(self, how: str) -> EngineError:
        return EngineUnreachableError(
            f"the builder {self.builder!r} {how}", "see whether it still runs"
        )

    def _meaning(self, error: GRPCError, ref: str) -> EngineError:
        if error.status in _STOPPING:
            return self._gone("hung up")
        if error.status in (Status.UNIMPLEMENTED, Status.INTERNAL) and not ref:
            return NoHistoryError(
                f"the builder {self.builder!r} keeps no build history",
                "use Docker Engine 23.0 or BuildKit 0.11, or newer",
            )
        if ref:
            return RecordGoneError(
                f"the builder {self.builder!r} does not hold the build {ref}",
                "sync more often: a builder keeps 50 builds for two days",
            )
        return EngineError(
            f"the builder {self.builder!r} answered {error.message or error.status.name}",
            "run with -v to see more, and look at the engine's log",
        )


@contextlib.asynccontextmanager
async def open_history(builder: str | None = None) -> AsyncIterator[History]:
    """The history of `builder`, or of the one that buildx would use.

    An engine's own builder is reached on its socket, any other (and any over SSH) through buildx.
    Raises EngineUnreachableError or NoHistoryError.
    """
    asyncio.get_running_loop().set_exception_handler(_note)
    name = builder or endpoints.current_builder()
    endpoint = endpoints.of_builder(name)
    process: subprocess.Popen[bytes] | None = None
    channel = _Channel()
    if endpoint is None or endpoint.address.startswith("ssh://"):
        protocol, process = await transport.dial(name, channel.make_protocol)
    else:
        protocol = await transport.connect(endpoint, channel.make_protocol)
    channel.use(protocol)
    try:
        yield History(channel, name)
    finally:
        channel.close()
        if process is not None:
            await asyncio.to_thread(_end, process)


def _note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what grpclib stumbles over when a peer speaks nonsense; asyncio would print it."""
    _LOG.debug("%s", context["message"], exc_info=context.get("exception"))


class _Channel(Channel):
    """A grpclib channel over one stream that is open already, and is not opened again."""

    def __init__(self) -> None:
        super().__init__("buildkit", 80)
        self._wire: H2Protocol | None = None

    def make_protocol(self) -> H2Protocol:
        """A protocol for the stream; to be given back with `use` once connected."""
        return self._protocol_factory()

    def use(self, protocol: H2Protocol) -> None:
        """Talk over `protocol` from now on."""
        self._wire = protocol

    async def _create_connection(self) -> H2Protocol:
        wire, self._wire = self._wire, None
        if wire is None:
            raise OSError("the connection was lost")
        return wire


async def _all(method: "UnaryStreamMethod[Any, Any]", request: Any) -> list[Any]:
    """All messages of an answer, each of which must come in time."""
    found: list[Any] = []
    async with method.open() as stream:
        async with asyncio.timeout(_PATIENCE):
            await stream.send_message(request, end=True)
        while True:
            async with asyncio.timeout(_PATIENCE):
                message = await stream.recv_message()
            if message is None:
                return found
            found.append(message)


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
