"""The commands that the documentation shows, and a folder in which they can be run."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import click
from markdown_it import MarkdownIt
from publication_help import step
from recording_help import COMMAND

from recorder import database, store
from recorder.cli import app
from recorder.model import Build

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NOT_RUN = re.compile(r"<!-- not run: (.*?) -->", re.DOTALL)
# What a line begins with that somebody would type.
_PROGRAMS = re.compile(
    r"(?:\$ |(?:sudo |export |\w+=\S* )*"
    r"(?:bash|buildrec|curl|docker|echo|eval|git|pip|podman|pytest|python3?|sh|sphinx-build) \S)"
)
_ENGINE = re.compile(r"buildrec (?:-\S+ \S+ )*(?:build|run|sync|watch|hook)\b|\bdocker ")
_GOES_ON = """\
#!{python}
# The real command; one that goes on until Ctrl-C gets it once it has said its first line.
import os, selectors, signal, subprocess, sys
words = [{command!r}, *sys.argv[1:]]
if not {{"serve", "watch"}} & {{*words}}:
    os.execv(words[0], words)
words += ["--port", "0"] * ("serve" in words)
child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
print(child.stdout.readline().decode())
child.send_signal(signal.SIGINT)
print(child.stdout.read().decode())
sys.exit(child.wait())
"""


class Block(NamedTuple):
    """A fenced block of commands; `reason` is why it is not run, None where it is."""

    page: Path
    line: int
    text: str
    reason: str | None

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.page.name}:{self.line}"

    @property
    def needs_engine(self) -> bool:
        """Whether a command of it does nothing without an engine."""
        return bool(_ENGINE.search(self.text))


def blocks(page: Path) -> Iterator[Block]:
    """The commands that a page shows."""
    above = None
    for token in MarkdownIt().enable("table").parse(page.read_text()):
        if token.type == "fence" and token.info.strip() == "sh":
            mark = NOT_RUN.fullmatch(above.content.strip()) if above else None
            yield Block(page, (token.map or [0])[0] + 1, token.content, mark and mark[1])
        above = token if token.type == "html_block" else None


def fences(page: Path) -> Iterator[tuple[str, str]]:
    """The language and the text of each fenced block of a page."""
    for token in MarkdownIt().parse(page.read_text()):
        if token.type == "fence":
            yield token.info.strip(), token.content


def elsewhere(page: Path) -> list[str]:
    """Lines that look like commands, but stand in a block that is not fenced as such."""
    return [
        f"{page.name}:{(token.map or [0])[0] + 1}: {line}"
        for token in MarkdownIt().enable("table").parse(page.read_text())
        if token.type == "code_block"
        or (token.type == "fence" and token.info.strip() in {"", "bash", "console", "shell"})
        for line in token.content.splitlines()
        if _PROGRAMS.match(line.strip())
    ]


def in_text(page: Path) -> Iterator[str]:
    """The commands that a page names in running text: `buildrec` and at least a word more."""
    for token in MarkdownIt().enable("table").parse(page.read_text()):
        for child in token.children or ():
            if child.type == "code_inline" and child.content.startswith("buildrec "):
                yield child.content


def unknown(command: str) -> str | None:
    """What of a command line is no command or option of ours; None where all is."""
    words = iter(shlex.split(command, comments=True)[1:])
    found: click.Command = app.buildrec
    context = click.Context(found, info_name="buildrec")
    options = _options(found)
    for word in words:
        name = word.partition("=")[0]
        if isinstance(found, click.Group) and not word.startswith("-"):
            inner = found.get_command(context, word)
            if inner is None:
                return None if not word.isalpha() or word.isupper() else word
            found, options = inner, _options(inner)
            if inner.name in {"build", "run"}:
                return None  # the rest is for Docker
        elif word.startswith("-") and word not in {"-", "--"}:
            if name not in options:
                return name
            if not options[name].is_flag and "=" not in word:
                next(words, None)
    return None


def _options(command: click.Command) -> dict[str, click.Option]:
    context = click.Context(command)
    given = [p for p in command.get_params(context) if isinstance(p, click.Option)]
    return {name: p for p in given for name in (*p.opts, *p.secondary_opts)}


def command_lines(text: str) -> Iterator[str]:
    """The lines of a block that call `buildrec`."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.startswith("buildrec "):
            yield line


def prepare(folder: Path) -> Path:
    """A folder with what the commands work on; gives the folder to be put before the PATH."""
    work, programs = folder / "work", folder / "bin"
    programs.mkdir(parents=True)
    command = programs / "buildrec"
    command.write_text(_GOES_ON.format(python=sys.executable, command=COMMAND))
    command.chmod(0o755)
    for inner in (work, work / "docker", folder / "home", folder / "home" / "safe"):
        inner.mkdir()
    (work / "build.sh").write_text("exit 0\n")
    (work / "docker-bake.hcl").write_text('target "default" {\n  tags = ["my-app"]\n}\n')
    _record(work / "docker_build_history.db", 125)
    _record(work / "backup.db", 20)
    for number in (1, 2):
        _record(work / f"runner-{number}.db", number)
    older = [{"timestamp": "2026-03-01 10:00:00", "image": "my-app", "duration": 12.5}]
    (work / "older.json").write_text(json.dumps(older))
    return programs


def _record(path: Path, count: int) -> None:
    """Builds of `my-app`, an hour apart and as usual, with steps that can be compared."""
    latest = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    builds = [
        Build(
            image_name="my-app",
            ref=f"{path.stem}{number}",
            build_duration=10.0 + number % 3 / 10,
            completed_at=latest - timedelta(hours=count - number),
            image_size_bytes=20_000_000 + number,
            size_kind="unpacked",
            cache_ratio=0.5,
            steps=(
                step(1, "[1/2] COPY . /srv", kind="copy", cached=True, duration=0.0),
                step(2, "[2/2] RUN make", duration=9.0 + number % 3 / 10, critical=True),
            ),
        )
        for number in range(1, count + 1)
    ]
    with database.connect(path) as connection:
        store.record_all(connection, builds, b"a key for tests")
