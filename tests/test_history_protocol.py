"""The line to a builder: what is said when nothing, or nothing sensible, answers at its end."""

import asyncio
import json
import os
import shlex
import signal
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from engine_help import docker
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Server, Stream
from recording_help import (
    COMMAND,
    PATIENCE,
    Running,
    buildrec,
    keep_apart,
    shell,
    the_row,
    unlike_any_other,
    until,
)

from recorder.engine import control_pb2 as api
from recorder.engine import endpoints, history, transport
from recorder.engine.endpoints import Endpoint
from recorder.errors import (
    CommandMissingError,
    EngineUnreachableError,
    NoHistoryError,
    RecordGoneError,
)

Contexts = Callable[..., Path]
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


@pytest.fixture(autouse=True)
def _no_docker_folder(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if request.node.get_closest_marker("engine"):
        return
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "BUILDX_BUILDER", "BUILDX_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def engine(
    answer: Answer, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> AsyncIterator[str]:
    """An engine on a socket of its own that does what `answer` does; gives its address."""
    path = folder / "e.sock"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    try:
        yield f"unix://{path}"
    finally:
        server.close()


def saying(*parts: bytes) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)

    return answer


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        pass


async def upgraded_silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(UPGRADED)
    await silence(reader, writer)


class Control:
    """A BuildKit that knows one build, and has its own way with each question."""

    def __init__(self, events: int = 1) -> None:
        self._events = events

    async def listen(self, stream: "Stream[Any, Any]") -> None:
        request = await stream.recv_message()
        record = api.BuildHistoryRecord(Ref="one")
        for _ in range(self._events):
            await stream.send_message(api.BuildHistoryEvent(type=api.COMPLETE, record=record))
        if request and not request.EarlyExit:
            await asyncio.Event().wait()

    async def status(self, stream: "Stream[Any, Any]") -> None:
        request = await stream.recv_message()
        if request and request.Ref != "one":
            raise LookupError("no such build")
        # In one part as in many: the reader must not care.
        for name in ("first", "second"):
            vertex = api.Vertex(digest=name, name=name)
            await stream.send_message(api.StatusResponse(vertexes=[vertex]))

    def __mapping__(self) -> dict[str, Handler]:
        many = Cardinality.UNARY_STREAM
        return {
            "/moby.buildkit.v1.Control/ListenBuildHistory": Handler(
                self.listen, many, api.BuildHistoryRequest, api.BuildHistoryEvent
            ),
            "/moby.buildkit.v1.Control/Status": Handler(
                self.status, many, api.StatusRequest, api.StatusResponse
            ),
        }


class OldControl(Control):
    """A BuildKit before 0.11."""

    async def listen(self, stream: "Stream[Any, Any]") -> None:
        raise GRPCError(Status.UNIMPLEMENTED, "unknown method ListenBuildHistory")


def buildkit(service: Control) -> Answer:
    """An engine that speaks gRPC behind the upgrade."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        server = Server([service])
        loop = asyncio.get_running_loop()
        await loop.create_connection(server._protocol_factory, sock=ours)
        inner, out = await asyncio.open_connection(sock=theirs)
        writer.write(UPGRADED)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, out), pump(inner, writer), return_exceptions=True)

    return answer


# Without an engine


async def test_an_engine_that_has_no_such_page_has_no_history(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = saying(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    async with engine(answer, monkeypatch, tmp_path) as address:
        with pytest.raises(NoHistoryError) as caught:
            async with history.open_history():
                pass
    assert str(caught.value) == (
        f"the engine at {address} answered 404 Not Found when asked for BuildKit: "
        "use Docker Engine 23.0 or newer."
    )


@pytest.mark.parametrize(
    "answer",
    [saying(), saying(b"\x00\xff\r\n\r\n"), saying(b"HTTP/1.1 1"), saying(b"x" * 100_000)],
    ids=["nothing", "rubbish", "half a line", "without end"],
)
async def test_what_hangs_up_or_answers_rubbish_has_no_history(
    answer: Answer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with engine(answer, monkeypatch, tmp_path):
        with pytest.raises(NoHistoryError, match="when asked for BuildKit"):
            async with history.open_history():
                pass


async def test_an_answer_in_bits_is_understood(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = saying(*[bytes([byte]) for byte in UPGRADED])
    async with engine(answer, monkeypatch, tmp_path), history.open_history() as found:
        assert found.builder == "default"


@pytest.mark.parametrize(
    "after", [b"", b"\xff" * 1000, b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["", "rubbish", "HTTP"]
)
async def test_a_stream_of_rubbish_is_an_engine_that_hung_up(
    after: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(history, "_PATIENCE", 0.5)
    async with (
        engine(saying(UPGRADED, after), monkeypatch, tmp_path),
        history.open_history() as found,
    ):
        for ask in (found.events(), found.trace("one"), anext(found.listen())):
            with pytest.raises(EngineUnreachableError, match="the builder 'default'"):
                await ask


@pytest.mark.parametrize("where", [transport, history], ids=["at first", "later"])
async def test_an_engine_that_is_silent_is_not_waited_for(
    where: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(where, "_PATIENCE", 0.1)
    answer = silence if where is transport else upgraded_silence
    async with engine(answer, monkeypatch, tmp_path):
        with pytest.raises(EngineUnreachableError, match="does not answer"):
            async with history.open_history() as found:
                await found.events()


@pytest.mark.parametrize(
    "address",
    [
        "unix:///nonexistent.sock",
        "tcp://127.0.0.1:1",
        "tcp://127.0.0.1:no-port",
        "tcp://[::1",
        "tcp://no-such-host.invalid:2375",
        "npipe:////./pipe/docker_engine",
        "fd://",
    ],
)
async def test_an_address_where_nothing_answers_is_told_with_its_cure(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(EngineUnreachableError) as caught:
        async with history.open_history():
            pass
    assert str(caught.value).startswith(f"no Docker engine answers at {address} (")
    assert "DOCKER_HOST" in caught.value.cure


async def test_an_engine_behind_tls_that_speaks_plain_is_not_called_a_lack_of_rights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.write(b"plain"), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (tmp_path / "certificates").mkdir()
    endpoint = Endpoint(f"tcp://127.0.0.1:{port}", tmp_path / "certificates", False)
    with pytest.raises(EngineUnreachableError) as caught:
        await transport.connect(endpoint, asyncio.Protocol)
    assert "not permitted" not in str(caught.value)
    server.close()


async def test_an_engine_before_23_keeps_no_history(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with (
        engine(buildkit(OldControl()), monkeypatch, tmp_path),
        history.open_history() as found,
    ):
        for ask in (found.events(), found.records(), anext(found.listen())):
            with pytest.raises(NoHistoryError) as caught:
                await ask
            assert str(caught.value) == (
                "the builder 'default' keeps no build history: "
                "use Docker Engine 23.0 or BuildKit 0.11, or newer."
            )


async def test_a_builder_is_asked_for_its_records_and_their_traces(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = buildkit(Control(events=3))
    async with engine(answer, monkeypatch, tmp_path), history.open_history() as found:
        assert [record.Ref for record in await found.records()] == ["one"] * 3
        trace = await found.trace("one")
        assert [v.name for part in trace for v in part.vertexes] == ["first", "second"]
        listening = found.listen()
        assert (await anext(listening)).record.Ref == "one"
        assert len(await found.events()) == 3  # meanwhile, on the same line
        await listening.aclose()  # type: ignore[attr-defined]


async def test_a_build_that_the_builder_dropped_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answer = buildkit(Control())
    async with engine(answer, monkeypatch, tmp_path), history.open_history() as found:
        with pytest.raises(RecordGoneError, match="does not hold the build gone"):
            await found.trace("gone")


async def test_without_docker_another_builder_cannot_be_dialled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    instances = endpoints.buildx_folder() / "instances"
    instances.mkdir(parents=True)
    (instances / "far").write_text("{}")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandMissingError, match="the `docker` command does not run"):
        async with history.open_history("far"):
            pass


async def test_a_builder_that_cannot_be_dialled_has_hung_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    instances = endpoints.buildx_folder() / "instances"
    instances.mkdir(parents=True)
    (instances / "far").write_text("{}")
    (tmp_path / "docker-command").mkdir()
    command = tmp_path / "docker-command" / "docker"
    command.write_text("#!/bin/sh\nexit 1\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    async with history.open_history("far") as found:
        with pytest.raises(EngineUnreachableError, match="the builder 'far' hung up"):
            await found.events()


# With one


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keep_apart(monkeypatch, tmp_path / "cli")


@pytest.mark.engine
@pytest.mark.usefixtures("apart")
async def test_dial_stdio_gives_the_same_records_as_the_socket(context: Contexts) -> None:
    docker("buildx", "build", "-q", str(context(shell(f"echo {unlike_any_other()}"))))
    channel = history._Channel()
    protocol, process = await transport.dial("default", channel.make_protocol)
    channel.use(protocol)
    dialled = history.History(channel, "default")
    async with history.open_history() as direct:
        (latest, *_) = ours = await direct.records()
        by_stdio = {record.Ref: record for record in await dialled.records()}
        for record in ours[-10:]:
            if record.Ref in by_stdio:
                assert by_stdio[record.Ref] == record
        assert latest.Ref in by_stdio
        assert await dialled.trace(latest.Ref) == await direct.trace(latest.Ref)
    channel.close()
    assert await asyncio.to_thread(process.wait, PATIENCE) is not None


@contextmanager
def between(folder: Path, refuse: Answer | None, bare: bool = False) -> Iterator[Path]:
    """A socket before the engine's that answers our question for BuildKit with `refuse`.

    With `bare` it is BuildKit's own socket, as of a remote builder.
    """
    engines = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not engines.startswith("unix://"):
        pytest.skip("the engine is not on a unix socket")
    path, loop = folder / "between.sock", asyncio.new_event_loop()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, out = await asyncio.open_unix_connection(engines.removeprefix("unix://"))
        if bare:
            out.write(transport._UPGRADE)
            await inner.readuntil(b"\r\n\r\n")
        else:
            head = await reader.readuntil(b"\r\n\r\n")
            # buildx asks for the same page, but says who it is.
            if refuse and head.startswith(b"POST /grpc") and b"User-Agent" not in head:
                out.close()
                await refuse(reader, writer)
                writer.close()
                return
            out.write(head)
        await asyncio.gather(pump(reader, out), pump(inner, writer), return_exceptions=True)
        writer.close()
        out.close()

    server = loop.run_until_complete(asyncio.start_unix_server(serve, path))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@pytest.mark.engine
@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize(
    "refuse",
    [buildkit(OldControl()), saying(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")],
    ids=["an engine before 23.0", "an engine without BuildKit"],
)
def test_without_a_history_the_build_is_recorded_by_the_clock(
    refuse: Answer, context: Contexts, image_name: str, tmp_path: Path
) -> None:
    db = tmp_path / "history.db"
    folder = context(shell("busybox sleep 0.1"))
    words = ["build", "-q", "-t", image_name, "--build-arg", "A=1", str(folder)]
    with between(tmp_path, refuse) as path:
        environ = {"DOCKER_HOST": f"unix://{path}"}
        ended = buildrec(*words, db=db, environ=environ)
    assert (ended.returncode, ended.stderr) == (0, b"")
    row = the_row(db)
    assert (row["source"], row["status"], row["ref"]) == ("clock", "completed", None)
    assert (row["image_name"], json.loads(row["build_args"])) == (image_name, {"A": "1"})
    (image,) = json.loads(docker("image", "inspect", image_name).stdout)
    assert (row["image_size_bytes"], row["image_digest"]) == (image["Size"], image["Id"])
    assert row["build_duration"] > 0


@pytest.mark.engine
@pytest.mark.usefixtures("apart")
def test_without_a_history_a_failed_build_is_recorded_by_the_clock(
    context: Contexts, image_name: str, tmp_path: Path
) -> None:
    db = tmp_path / "history.db"
    with between(tmp_path, buildkit(OldControl())) as path:
        environ = {"DOCKER_HOST": f"unix://{path}"}
        words = ["build", "-q", "-t", image_name, context(shell("exit 4"))]
        assert buildrec(*words, db=db, environ=environ).returncode == 1
    row = the_row(db)
    assert (row["source"], row["status"], row["image_size_bytes"]) == ("clock", "failed", None)
    assert "exit code 1" in row["error_message"]


@pytest.mark.engine
@pytest.mark.usefixtures("apart")
def test_ctrl_c_ends_the_wait_for_a_history_that_hangs_with_the_exit_code_of_the_build(
    context: Contexts, tmp_path: Path
) -> None:
    db, folder = tmp_path / "history.db", context(shell("echo hello"))
    script = f"docker buildx build -q {folder}; echo en''ded; exit 7"
    with between(tmp_path, upgraded_silence) as path:
        words = [COMMAND, "--db", db, "run", "--", "sh", "-c", script]
        environ = {**os.environ, "DOCKER_HOST": f"unix://{path}"}
        running = Running(*words, out=tmp_path / "out", env=environ)
        running.until_it_says("ended\n")
        pid = running.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        until(lambda: not children.read_text(), "the command has ended")
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 7
    (last,) = running.out.read_text().splitlines()[2:]
    assert last.startswith("buildrec: not recorded: interrupted.")


@pytest.mark.engine
@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("chosen", [True, False], ids=["in use", "named"])
def test_a_build_on_a_remote_builder_is_recorded_over_stdio(
    chosen: bool, context: Contexts, tmp_path: Path
) -> None:
    db = tmp_path / "history.db"
    with between(tmp_path, None, bare=True) as path:
        docker("buildx", "create", "--name=far", "--driver=remote", f"unix://{path}")
        words = [] if chosen else ["--builder=far"]
        if chosen:
            docker("buildx", "use", "far")
        folder = context(shell(f"echo {unlike_any_other()}"))
        ended = buildrec("build", *words, "--output=type=cacheonly", folder, db=db)
    assert ended.returncode == 0, ended.stderr
    row = the_row(db)
    assert (row["source"], row["builder"], row["status"]) == ("build", "far", "completed")
    assert row["total_steps"] >= 4


@pytest.mark.engine
@pytest.mark.usefixtures("apart")
def test_a_build_by_a_buildx_that_keeps_no_state_is_found_by_its_tag(
    context: Contexts, image_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.run(["which", "docker"], capture_output=True, text=True).stdout.strip()
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "docker"
    elsewhere = shlex.quote(str(tmp_path / "elsewhere"))
    command.write_text(f'#!/bin/sh\nBUILDX_CONFIG={elsewhere} exec {real} "$@"\n')
    command.chmod(0o755)
    db = tmp_path / "history.db"
    folder = context(shell(f"echo {unlike_any_other()}"))
    environ = {"PATH": f"{command.parent}:{os.environ['PATH']}"}
    ended = buildrec("build", "-q", "-t", image_name, folder, db=db, environ=environ)
    assert (ended.returncode, ended.stderr) == (0, b"")
    row = the_row(db)
    assert (row["source"], row["image_name"], row["status"]) == ("build", image_name, "completed")
    assert row["ref"]
