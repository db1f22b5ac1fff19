"""What tests with a real engine share: whether there is one, and contexts that need no registry."""

import functools
import shutil
import subprocess
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
OLDEST_ENGINE = 23
"""The first major version of Docker Engine that keeps a build history."""


def docker(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run `docker` with these arguments; what it printed comes back as text."""
    return subprocess.run(
        ["docker", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=check,
    )


@functools.cache
def missing_engine() -> str | None:
    """Why tests with the mark `engine` cannot run here; None when they can."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    version = docker("info", "--format", "{{.ServerVersion}}", check=False).stdout.strip()
    major = version.partition(".")[0]
    if not major.isdigit():
        return "no Docker Engine answers"
    if int(major) < OLDEST_ENGINE:
        return f"Docker Engine {version} keeps no build history"
    if docker("buildx", "version", check=False).returncode:
        return "the docker command has no buildx"
    if not _is_static(BUSYBOX):
        return f"there is no static {BUSYBOX} to build images from"
    return None


@functools.cache
def missing_browser() -> str | None:
    """Why tests with the mark `browser` cannot run here; None when they can."""
    return None if shutil.which("chromium") else "there is no chromium command"


def make_context(folder: Path, dockerfile: str) -> Path:
    """A build context in `folder` with this Dockerfile and busybox, which needs no base image.

    `FROM scratch` and `COPY busybox /bin/sh` give a shell, so `RUN echo hello` works after them;
    other commands need `RUN busybox NAME` or their own copy.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(BUSYBOX, folder / "busybox")
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    return folder


def remove_images(prefix: str) -> None:
    """Remove every image whose name starts with `prefix`."""
    docker_list = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", check=False)
    names = [name for name in docker_list.stdout.split() if name.startswith(prefix)]
    if names:
        docker("image", "rm", "--force", *names, check=False)


def _is_static(program: Path) -> bool:
    """Whether `program` is there and names no dynamic loader."""
    try:
        with program.open("rb") as file:
            return b"/ld-" not in file.read(4096)
    except OSError:
        return False
