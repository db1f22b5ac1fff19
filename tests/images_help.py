"""What tests of our own images share: a checkout, bases made here, and builds that are recorded."""

import configparser
import functools
import io
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from engine_help import docker
from recording_help import COMMAND

ROOT = Path(__file__).parents[1]
DOCKERFILES = sorted((ROOT / "docker").glob("Dockerfile*"))
KINDS = [path.suffix.removeprefix(".") for path in DOCKERFILES]
"""The endings of their names; that of the production image is empty."""
SUITES = {"benchmark": "trixie"}
"""The Debian suite under an image, where it is not bookworm."""
PATIENCE = 900.0
HISTORY = "docker_build_history.db"
UID = "10001"
"""The number of the user under whom our images run."""


def checkout(folder: Path) -> Path:
    """A copy of what the images are built from, so that a test may add a history or a change."""
    folder.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "_build", "*.pyc", f"{HISTORY}*")
    for path in ROOT.iterdir():
        if path.is_dir() and (path.name == ".ci" or not path.name.startswith(".")):
            shutil.copytree(path, folder / path.name, ignore=ignored)
        elif path.is_file() and not path.name.startswith(HISTORY):
            shutil.copy(path, folder / path.name)
    return folder


@functools.cache
def base(suite: str) -> str:
    """The name of a base image of a Debian suite, made here."""
    if os.geteuid() or not shutil.which("debootstrap"):
        reason = "making a base image takes root and debootstrap"
        if "engine" in os.environ.get("BUILDREC_REQUIRE", ""):
            pytest.fail(reason)
        pytest.skip(reason)
    made = subprocess.run(
        [ROOT / "docker" / "make-base", f"buildrec-test-base:{suite}", suite],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def package_settings(folder: Path, suite: str) -> list[str]:
    """Options of a build that give it this machine's package sources as secrets."""
    settings = {"cert": "/run/secrets/ca"}
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True
    ).stdout
    for key, value in re.findall(r"^\S+?\.([\w-]+)='(.*)'$", listed, re.M):
        places = " ".join(word for word in value.split() if not word.startswith(("file:", "/")))
        if key in ("index-url", "extra-index-url", "trusted-host", "proxy") and places:
            settings[key] = places
    parser = configparser.RawConfigParser()
    parser["global"] = settings
    text = io.StringIO()
    parser.write(text)
    (folder / "pip.conf").write_text(text.getvalue())
    source = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages",
         "Origin: Debian", "Label: Debian"],
        capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert source, "apt knows no package source of Debian's: apt-get update"
    (folder / "apt-sources").write_text(f"deb {source[0]} {suite} main\n")
    certificates = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    words = ["--network=host"]
    for name, path in {
        "pip-conf": folder / "pip.conf",
        "apt-sources": folder / "apt-sources",
        "ca": certificates or "/etc/ssl/certs/ca-certificates.crt",
    }.items():
        words += ["--secret", f"id={name},src={path}"]
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        if name in os.environ:
            words += ["--build-arg", name]
    return words


class Images:
    """Our images, each built once on a base made here, and recorded."""

    def __init__(self, folder: Path) -> None:
        self.name = f"buildrec-test-{uuid.uuid4().hex[:8]}"
        self.db = folder / "own" / HISTORY
        self.db.parent.mkdir()
        self.folder = folder
        self.checkout = checkout(folder / "checkout")
        self._built: set[str] = set()

    def image(self, kind: str = "") -> str:
        """The name of the image of a kind, which is built unless it is there."""
        tag = f"{self.name}:{kind or 'latest'}"
        if kind not in self._built:
            self.build(kind, tag, self.checkout)
            self._built.add(kind)
        return tag

    def build(self, kind: str, tag: str, context: Path) -> None:
        """Build and record an image from a checkout."""
        suite = SUITES.get(kind, "bookworm")
        dockerfile = context / "docker" / (f"Dockerfile.{kind}" if kind else "Dockerfile")
        ended = subprocess.run(
            [COMMAND, "--db", self.db, "build", "--progress", "plain", "--tag", tag,
             "--build-arg", f"BASE={base(suite)}", *package_settings(self.folder, suite),
             "--file", dockerfile, context],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr[-4000:]


def inspect(name: str, kind: str = "image") -> dict[str, Any]:
    """What the engine says of an image or a container."""
    found: dict[str, Any] = json.loads(docker(kind, "inspect", name).stdout)[0]
    return found


def users(container: str) -> set[str]:
    """The numbers of those who run the processes of a container."""
    lines = docker("top", container, "-eo", "pid,uid").stdout.splitlines()[1:]
    return {line.split()[1] for line in lines}


def output(image: str, *command: str, options: tuple[str, ...] = ()) -> str:
    """What a command prints in a container of an image, in place of what the image would run."""
    program, *words = command
    return docker("run", "--rm", *options, "--entrypoint", program, image, *words).stdout.strip()


@contextmanager
def running(image: str, port: int, *options: str) -> Iterator[tuple[str, str]]:
    """A container on a read-only root; gives its name, and its URL on this machine's loopback."""
    name = f"buildrec-test-{uuid.uuid4().hex[:8]}"
    docker(
        "run", "--detach", "--name", name, "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--publish", f"127.0.0.1::{port}", *options, image,
    )  # fmt: skip
    try:
        until(lambda: inspect(name, "container")["State"]["Health"]["Status"] == "healthy", name)
        yield name, f"http://{docker('port', name, str(port)).stdout.splitlines()[0]}"
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


def until(condition: Callable[[], Any], name: str) -> Any:
    """What `condition` gives as soon as it is true, or else a container's last words."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    logs = docker("logs", "--tail", "20", name, check=False)
    raise AssertionError(f"waited in vain for {name}: {logs.stdout}{logs.stderr}")


def page(address: str) -> str:
    """The text of a page."""
    with urllib.request.urlopen(address, timeout=60) as answer:
        return str(answer.read().decode())


def names_shown(url: str) -> list[str]:
    """The images of the latest builds that a publication shows."""
    query = "docker_build_history/recent_builds.json?_shape=array&limit=20"
    return [build["image_name"] for build in json.loads(page(f"{url}/{query}"))]
