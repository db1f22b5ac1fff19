"""Tells commands that build without BuildKit's history: podman, buildah, the legacy builder.

Looks at nothing but the words and the environment, and imports next to nothing, since the command
has not started yet.
"""

import os
from collections.abc import Mapping, Sequence

_SUBCOMMANDS = {
    "podman": (("build",), ("image", "build"), ("buildx", "build")),
    "buildah": (("bud",), ("build",), ("build-using-dockerfile",)),
    "docker": (("build",), ("image", "build"), ("builder", "build")),
}
# Flags before the subcommand that take no value; every other one takes one.
_SWITCHES = frozenset(
    "-D --debug -h --help -v --version -r --remote --noout --syslog --tls --tlsverify "
    "--transient-store".split()
)
_FIRST_WITH_HISTORY = (1, 42)  # the API of Docker Engine 23.0
_PATIENCE = 0.5


class PlainBuild:
    """A build whose steps only its output tells.

    `kind` is `podman`, `buildah` or `legacy`; `tool` are the words up to the subcommand, which say
    where its images are; `words` those after it.
    """

    def __init__(self, kind: str, tool: list[str], words: list[str]) -> None:
        self.kind = kind
        self.tool = tool
        self.words = words


def find(command: Sequence[str], environ: Mapping[str, str] = os.environ) -> PlainBuild | None:
    """The build that `command` runs without leaving a record in an engine; None for any other.

    A `docker build` is one when `DOCKER_BUILDKIT` is off, or when the engine is too old to keep a
    history; the engine is asked only then.
    """
    start, settings = _past_env(command)
    program = os.path.basename(command[start]) if start < len(command) else ""  # noqa: PTH119
    if program not in _SUBCOMMANDS:
        return None
    at, host = _past_flags(command, start + 1)
    length = _subcommand(program, command[at:])
    if not length:
        return None
    if program == "docker":
        wanted = settings.get("DOCKER_BUILDKIT", environ.get("DOCKER_BUILDKIT", ""))
        if wanted and wanted not in ("0", "f", "F", "false", "False", "FALSE"):
            return None
        if not wanted and not _is_old({**environ, **settings}, host):
            return None
    kind = "legacy" if program == "docker" else program
    return PlainBuild(kind, list(command[:at]), list(command[at + length :]))


def _past_env(command: Sequence[str]) -> tuple[int, dict[str, str]]:
    """Where the program stands behind an `env NAME=VALUE...`, and what that sets."""
    settings: dict[str, str] = {}
    if not command or os.path.basename(command[0]) != "env":  # noqa: PTH119
        return 0, settings
    at = 1
    while at < len(command) and "=" in command[at] and not command[at].startswith("-"):
        name, _, value = command[at].partition("=")
        settings[name] = value
        at += 1
    return at, settings


def _past_flags(command: Sequence[str], at: int) -> tuple[int, str]:
    """Where the subcommand stands behind the program's own flags, and the engine that one names."""
    host = ""
    while at < len(command) and command[at].startswith("-"):
        name, equals, value = command[at].partition("=")
        takes_next = not equals and name not in _SWITCHES
        if name in ("-H", "--host"):
            host = value if equals else "".join(command[at + 1 : at + 2])
        at += 2 if takes_next else 1
    return at, host


def _subcommand(program: str, words: Sequence[str]) -> int:
    found = (s for s in _SUBCOMMANDS[program] if tuple(words[: len(s)]) == s)
    return len(next(found, ()))


def _is_old(environ: Mapping[str, str], host: str) -> bool:
    """Whether the engine behind a unix socket is older than any with a history."""
    import socket

    from recorder.engine import endpoints
    from recorder.errors import RecorderError

    try:
        address = host or endpoints.current(environ).address
        if not address.startswith("unix://"):
            return False
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_PATIENCE)
            line.connect(address.removeprefix("unix://"))
            line.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
            answer = line.recv(4096).decode("latin-1").lower()
        version = answer.partition("\r\napi-version:")[2].split("\r\n", 1)[0].strip()
        major, _, minor = version.partition(".")
        return (int(major), int(minor)) < _FIRST_WITH_HISTORY
    except (OSError, ValueError, RecorderError):
        return False
