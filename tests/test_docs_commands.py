"""The commands that the documentation shows are run as they stand, or say why they are not."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import docs_help
import pytest
import yaml
from docs_help import PAGES, ROOT, Block
from engine_help import make_context
from recording_help import PATIENCE, keep_apart, shell, unlike_any_other
from second_engine import SecondEngine, second_engine
from serve_help import serving

BLOCKS = [block for page in PAGES for block in docs_help.blocks(page)]
PUBLISHED = "http://127.0.0.1:8001"
# What the reader puts in: words in capitals.
PLACEHOLDERS = {"FILE...": "older.json runner-1.db", "FILE": "backup.db"}


def _run(block: Block) -> object:
    marks = [pytest.mark.engine] if block.needs_engine else []
    return pytest.param(block, id=block.place, marks=marks)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh folder `work` to be in, with a home of its own beside it."""
    found = docs_help.prepare(tmp_path)
    for name in ("CI", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BUILDREC_NOTIFY", "json://127.0.0.1:9/")  # nothing is to be told
    monkeypatch.chdir(tmp_path / "work")
    return found


@pytest.fixture(scope="module")
def engine() -> Iterator[SecondEngine]:
    """An engine that is empty at first: another one may hold thousands of builds to be stored."""
    with second_engine() as own:
        yield own


@pytest.fixture
def context(
    request: pytest.FixtureRequest, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """A function that puts a Dockerfile into the folder, and an engine behind `docker`."""

    def make() -> None:
        own: SecondEngine = request.getfixturevalue("engine")
        keep_apart(monkeypatch, programs.parent)
        monkeypatch.setenv("DOCKER_HOST", own.address)
        make_context(Path.cwd(), shell(f"echo {unlike_any_other()} > /greeting"))

    return make


def _shell(text: str, programs: Path, program: str = "bash") -> None:
    options = ["-euo", "pipefail", "-c"] if program == "bash" else ["-c"]
    ended = subprocess.run(
        [program, *options, text],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "HOME": str(programs.parent / "home"),
            "PATH": f"{programs}:{os.environ['PATH']}",
        },
        timeout=PATIENCE,
    )
    said = ended.stdout[-2000:] + ended.stderr[-2000:]
    assert ended.returncode == 0, f"{text}\nended with {ended.returncode}\n{said}"


@pytest.mark.parametrize("block", [_run(block) for block in BLOCKS if block.reason is None])
def test_the_commands_of_a_block_end_well(
    block: Block, programs: Path, context: Callable[[], None]
) -> None:
    if block.needs_engine:
        context()
    text = block.text
    for word, file in PLACEHOLDERS.items():
        text = re.sub(rf"(?<!\S){re.escape(word)}(?!\S)", file, text)
    if PUBLISHED not in text:
        _shell(text, programs)
        return
    with serving(Path("docker_build_history.db")) as (address, _):
        _shell(text.replace(PUBLISHED, address), programs)


@pytest.mark.engine
def test_the_crontab_does_what_it_says(programs: Path, context: Callable[[], None]) -> None:
    context()
    (table,) = re.findall(r"```text\n(.*?)```", (ROOT / "docs/ci.md").read_text(), re.DOTALL)
    home = programs.parent / "home"
    shutil.copy("docker_build_history.db", home)
    for line in table.splitlines():
        *times, command = line.split(maxsplit=5)
        assert all(re.fullmatch(r"\*|\d+", time) for time in times)
        assert "%" not in command  # which cron takes for the end of a line
        assert "/usr/local/bin/buildrec" in command
        own = command.replace("/usr/local/bin/buildrec", str(programs / "buildrec"))
        _shell(own, programs, "sh")
    assert "known" in (home / "buildrec.log").read_text()
    assert [*(home / "backups").iterdir()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_stand_in_blocks_that_are_looked_at(page: Path) -> None:
    assert not docs_help.elsewhere(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_mark_stands_before_commands_and_has_a_reason(page: Path) -> None:
    marks = docs_help.NOT_RUN.findall(page.read_text())
    reasons = [block.reason for block in docs_help.blocks(page) if block.reason is not None]
    assert marks == reasons
    assert len(re.findall("not run:", page.read_text())) == len(marks)
    for reason in reasons:
        assert len(reason.split()) > 1
        for file in re.findall(r"tests/\w+\.py", reason):
            assert (ROOT / file).exists(), file


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_a_block_shows_commands_and_options_that_there_are(block: Block) -> None:
    for line in docs_help.command_lines(block.text):
        assert docs_help.unknown(line) is None, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_text_names_commands_and_options_that_there_are(page: Path) -> None:
    for command in docs_help.in_text(page):
        assert docs_help.unknown(command) is None, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_shown_as_code_or_data_is_such(page: Path) -> None:
    kinds: dict[str, Callable[[str], object]] = {
        "json": json.loads,
        "python": ast.parse,
        "toml": tomllib.loads,
        "yaml": yaml.safe_load,
    }
    for kind, text in docs_help.fences(page):
        if kind in kinds:
            kinds[kind](text)


def test_the_python_of_the_readme_records_and_reads(programs: Path) -> None:
    texts = [text for kind, text in docs_help.fences(ROOT / "README.md") if kind == "python"]
    assert texts
    for text in texts:
        ended = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        assert float(ended.stdout) > 0
