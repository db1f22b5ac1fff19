"""A registry of a test's own on the loopback, which the engine pulls from."""

import contextlib
import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recording_help import PATIENCE, until

_ACCEPT = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Its `localhost:PORT`, which docker takes without TLS; skips where it is not installed."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("there is no docker-registry command")
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "registry.yml"
    about = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    config.write_text(json.dumps(about))  # JSON is YAML too
    with (folder / "registry.log").open("wb") as log:
        serving = subprocess.Popen([program, "serve", config], stdout=log, stderr=log)
    try:
        until(lambda: _answers(port), "the registry answers")
        yield f"localhost:{port}"
    finally:
        serving.terminate()
        serving.wait(timeout=PATIENCE)


def bytes_of(place: str, name: str, tag: str) -> int:
    """What an engine that has nothing of the image loads: its manifest, its config, its layers."""
    request = urllib.request.Request(f"http://{place}/v2/{name}/manifests/{tag}", headers=_ACCEPT)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        content = answer.read()
    manifest: dict[str, Any] = json.loads(content)
    parts = [manifest["config"], *manifest["layers"]]
    return len(content) + sum(int(part["size"]) for part in parts)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False
