"""What the exams of `buildrec build` and `run` share: the real command, and what it left behind."""

import functools
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine_help import docker

COMMAND = shutil.which("buildrec", path=str(Path(sys.executable).parent)) or "buildrec"
PATIENCE = 120.0
"""Seconds after which a test gives up; nothing is expected to take that long."""

SHELL = "FROM scratch\nCOPY busybox /bin/sh\n"


def shell(*runs: str) -> str:
    """A Dockerfile with a shell and these RUNs; its last lines make it like no other."""
    return SHELL + "".join(f"RUN {run}\n" for run in runs)


def unlike_any_other() -> str:
    """A word that no build before has seen, so that a RUN with it is not cached."""
    return uuid.uuid4().hex[:12]


def keep_apart(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Give the docker CLI a folder of its own, so that no other build counts as the test's."""
    config = own_config(folder / "docker")
    address = docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").stdout.strip()
    if "DOCKER_HOST" not in os.environ and address != "unix:///var/run/docker.sock":
        monkeypatch.setenv("DOCKER_HOST", address)
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    for name in ("DOCKER_CONTEXT", "BUILDX_CONFIG", "BUILDX_BUILDER"):
        monkeypatch.delenv(name, raising=False)
    return config


def own_config(folder: Path) -> Path:
    """A new folder of the docker CLI in which it finds buildx."""
    (folder / "cli-plugins").mkdir(parents=True)
    (folder / "cli-plugins" / "docker-buildx").symlink_to(buildx())
    return folder


@functools.cache
def buildx() -> str:
    """Where buildx is."""
    template = '{{range .ClientInfo.Plugins}}{{if eq .Name "buildx"}}{{.Path}}{{end}}{{end}}'
    return os.path.realpath(docker("info", "--format", template).stdout.strip())


def compose_plugin() -> Path:
    """Where the compose plugin is; the test is skipped where there is none."""
    beside_docker = Path(shutil.which("docker") or "/usr/bin/docker").parent.parent
    for folder in (
        Path(buildx()).parent,
        Path.home() / ".docker/cli-plugins",
        beside_docker / "libexec/docker/cli-plugins",
        beside_docker / "lib/docker/cli-plugins",
    ):
        if (folder / "docker-compose").exists():
            return (folder / "docker-compose").resolve()
    pytest.skip("there is no compose plugin")


def run(
    *command: object,
    environ: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    cwd: Path | None = None,
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command to its end; `environ` is added to this process's."""
    return subprocess.run(
        [os.fspath(word) if isinstance(word, Path) else word for word in command],  # type: ignore[misc]
        input=stdin,
        capture_output=True,
        env={**os.environ, **(environ or {})},
        cwd=cwd,
        timeout=PATIENCE,
    )


def buildrec(*words: object, db: Path, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    """Run `buildrec --db DB` with these words to its end, with the options of `run`."""
    return run(COMMAND, "--db", db, *words, **options)


def until(condition: Callable[[], Any], what: str) -> Any:
    """What `condition` gives as soon as that is true."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain until {what}")


def rows(db: Path, query: str = "SELECT * FROM docker_builds ORDER BY id") -> list[dict[str, Any]]:
    """The rows that a plain connection finds in the file; none where there is no file."""
    if not db.exists():
        return []
    with closing(sqlite3.connect(db, timeout=PATIENCE)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def the_row(db: Path) -> dict[str, Any]:
    """The one build in the file."""
    (row,) = rows(db)
    return row


def steps(db: Path, build: int) -> dict[str, dict[str, Any]]:
    """The steps of a build by their names."""
    found = rows(db, f"SELECT * FROM steps WHERE build_id = {build} ORDER BY position")
    return {step["name"]: step for step in found}


def spooled() -> list[Path]:
    """The builds that wait in the spool."""
    return sorted(Path(os.environ["XDG_STATE_HOME"], "buildrec", "spool").glob("*"))


def without_figures(output: bytes) -> list[str]:
    """Distinct lines of plain progress without times, sizes and digests, and in a fixed order.

    Steps that run beside one another are printed in any order, and numbered by it; how often a
    step says how far it is, and whether it has taken any time, depends on the moment. So does
    which of its two ends of the connection tells buildx first that the build failed.
    """
    text = re.sub(r"(transferring \w+|exporting \w+):?.*", r"\1", output.decode())
    text = re.sub(r"sha256:[0-9a-f]{64}|^#\d+ |\d+(\.\d+)?s?\b", "", text, flags=re.M)
    text = text.replace("failed to run Build function: ", "failed to solve: ")
    lines = (" ".join(line.split()) for line in text.splitlines())
    return sorted({line for line in lines if "DONE" not in line})


class Running:
    """A command that runs with its stderr (and stdout) going into a file that can be read."""

    def __init__(self, *command: object, out: Path, **options: Any) -> None:
        self.out = out
        words = [os.fspath(word) if isinstance(word, Path) else word for word in command]
        with out.open("wb") as file:
            self.process = subprocess.Popen(  # type: ignore[call-overload]
                words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, **options
            )

    def until_it_says(self, text: str) -> None:
        """Wait until `text` is in the output."""
        until(lambda: text in self.out.read_text(errors="replace"), f"the output says {text!r}")

    def wait(self) -> int:
        """The exit code."""
        return self.process.wait(timeout=PATIENCE)


class Terminal:
    """A command at a pseudo-terminal of its own, as its session's leader."""

    def __init__(self, *command: object, environ: Mapping[str, str] | None = None) -> None:
        words = [os.fspath(word) if isinstance(word, Path) else word for word in command]
        self.pid, self._line = pty.fork()
        if not self.pid:  # pragma: no cover - the child
            os.environ.update({"TERM": "xterm", **(environ or {})})
            os.execvp(words[0], words)  # type: ignore[arg-type, type-var]
        self.shown = b""

    def type(self, keys: bytes) -> None:
        """Type `keys`."""
        os.write(self._line, keys)

    def until_it_shows(self, text: bytes) -> None:
        """Read on until `text` was shown."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < deadline, (text, self.shown)
            assert self._read(), (text, self.shown)

    def wait(self) -> int:
        """Read to the end; the exit code, 128 + n when signal n ended it."""
        while self._read():
            pass
        os.close(self._line)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return 128 - code if code < 0 else code

    def _read(self) -> bool:
        if not select.select([self._line], [], [], PATIENCE)[0]:
            os.kill(self.pid, signal.SIGKILL)
            raise AssertionError(f"the terminal fell silent after {self.shown!r}")
        try:
            data = os.read(self._line, 65536)
        except OSError:  # EIO: nobody is at the other end any more
            return False
        self.shown += data
        return bool(data)
