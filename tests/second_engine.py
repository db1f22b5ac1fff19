"""An engine of a test's own, that may be stopped and started again; and a relay to its BuildKit."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from recording_help import PATIENCE, until

_UPGRADE = (
    b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class SecondEngine:
    """A dockerd with a folder of its own and a network of its own.

    A second engine in the same network would share the bridge docker0 with the first, or, without a
    bridge of its own, take it away.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"unix://{folder}/engine.sock"

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = ["--host", self.address, "--pidfile", self._folder / "pid"]
        words += ["--data-root", self._folder / "data", "--exec-root", self._folder / "run"]
        words += ["--iptables=false", "--ip6tables=false"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--net", "dockerd", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

        def answers() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            asked = ["docker", "--host", self.address, "info", "--format", "{{.ServerVersion}}"]
            return subprocess.run(asked, capture_output=True).returncode == 0

        until(answers, "the second engine answers")

    def kill(self) -> None:
        """Kill it as it stands."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=PATIENCE)
        self._process = None

    def stop(self) -> None:
        """Stop it, by its own process and no other."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=PATIENCE)
            self._process = None


@contextlib.contextmanager
def second_engine() -> Iterator[SecondEngine]:
    """A second engine that runs; the test is skipped where none can be started."""
    if os.geteuid() or not (shutil.which("dockerd") and shutil.which("unshare")):
        pytest.skip("starting a second engine takes root and dockerd")
    # Not in pytest's folder, whose path may be too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="buildrec-engine-"))
    engine = SecondEngine(folder)
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
        _unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _unmount(folder: Path) -> None:
    """Unmount what an engine that was killed has left mounted in its folder, innermost first."""
    points = [line.split(" ")[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for point in sorted((p for p in points if p.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", point], check=False)


@contextlib.contextmanager
def buildkit_socket(engine: str) -> Iterator[Path]:
    """A unix socket that speaks BuildKit's API in clear, as a buildkitd of its own does.

    Each connection is one to the engine's socket `engine`, upgraded: so the engine's BuildKit
    stands for the remote one that cannot be had without a registry.
    """
    folder = Path(tempfile.mkdtemp(prefix="buildrec-relay-"))
    loop = asyncio.new_event_loop()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, out = await asyncio.open_unix_connection(engine)
        out.write(_UPGRADE)
        assert b" 101 " in (await inner.readuntil(b"\r\n\r\n")).splitlines()[0]
        await asyncio.gather(pump(reader, out), pump(inner, writer))

    server = loop.run_until_complete(asyncio.start_unix_server(serve, folder / "buildkitd.sock"))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield folder / "buildkitd.sock"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        shutil.rmtree(folder, ignore_errors=True)
