"""What the project promises about itself: its files, its wheel, and how it is documented."""

import ast
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import recorder

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "recorder"
GENERATED = {"control_pb2.py", "control_pb2.pyi"}
SOURCES = [path for path in sorted(PACKAGE.rglob("*.py*")) if path.suffix in {".py", ".pyi"}]
WRITTEN = [path for path in SOURCES if path.name not in GENERATED]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def first_block(heading: str) -> str:
    """The first fenced block under a heading of README.md, with continued lines joined."""
    readme = (ROOT / "README.md").read_text()
    section = re.search(rf"^## {heading}\s*$(.*?)(?=^## |\Z)", readme, re.M | re.S)
    assert section, f"README.md has no heading '## {heading}'"
    fence = re.search(r"^```(?:bash|sh|console|shell)?\n(.*?)^```", section[1], re.M | re.S)
    assert fence, f"README.md has no command under '## {heading}'"
    return fence[1].replace("\\\n", " ").strip()


def public_things(tree: ast.Module) -> Iterator[tuple[str, ast.Module | ast.ClassDef | Function]]:
    """The module, its public classes and functions, and the methods that a class does not inherit.

    A method of a class with a base may replace one that is documented there.
    """
    yield "the module", tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef) and not node.bases:
                for method in node.body:
                    if isinstance(method, Function) and not method.name.startswith("_"):
                        yield f"{node.name}.{method.name}", method


@pytest.mark.parametrize("heading", ["Quick start", "Run the tests"])
def test_the_readme_gives_one_command_to_copy(heading: str) -> None:
    assert len(first_block(heading).splitlines()) == 1


def test_the_tests_that_use_the_engine_run_one_by_one(request: pytest.FixtureRequest) -> None:
    grouped = bool(request.config.getoption("loadgroup", False))
    engine = [item for item in request.session.items if item.get_closest_marker("engine")]
    assert [item for item in engine if item.nodeid.endswith("@engine") != grouped] == []


def test_the_license_is_the_whole_apache_license() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_changelog_starts_with_this_version() -> None:
    versions = re.findall(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert versions[0] == recorder.__version__


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_has_more_than_300_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize(
    "path",
    [path for path in WRITTEN if path.suffix == ".py"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_public_thing_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text())
    # An empty file only says that its folder is a package.
    if not tree.body:
        return
    bare = [name for name, node in public_things(tree) if not ast.get_docstring(node)]
    assert not bare


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution so that both are known to be whole."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.slow
def test_the_wheel_carries_what_serve_needs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    site = "recorder/publish/site"
    templates = {
        f"{site}/{path.relative_to(ROOT)}"
        for path in (ROOT / "templates").rglob("*")
        if path.is_file()
    }
    assert {f"{site}/metadata.yml", "recorder/py.typed", *templates} <= names


@pytest.mark.slow
def test_the_wheel_records_and_serves_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Nothing but the requirements of the wheel, so that a missing one shows."""
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    binaries = tmp_path / "venv" / "bin"
    run(binaries / "pip", "install", "--quiet", wheel)
    folder = tmp_path / "empty"
    folder.mkdir()
    buildrec = binaries / "buildrec"
    run(buildrec, "--db", "x.db", "record", "my-app", "--duration", "1", cwd=folder)
    with serving(buildrec, folder / "x.db", folder) as address:
        path = "docker_build_history/recent_builds.json?_shape=array"
        with urllib.request.urlopen(f"{address}/{path}", timeout=30) as answer:
            builds = json.load(answer)
    assert [build["image_name"] for build in builds] == ["my-app"]


def run(*command: object, cwd: Path | None = None) -> None:
    """Run a command that has to succeed; what it printed is in the failure."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=_plain_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout


def _plain_environment() -> dict[str, str]:
    """This environment without what would let a command find the working copy."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@contextlib.contextmanager
def serving(buildrec: Path, database: Path, folder: Path) -> Iterator[str]:
    """The address of a `buildrec serve` of this database; it is ended on leaving."""
    port = free_port()
    log = folder / "serve.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [str(buildrec), "--db", str(database), "serve", "--port", str(port)],
            cwd=folder,
            env=_plain_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            assert server.poll() is None, log.read_text()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"nothing answers at {address}:\n{log.read_text()}")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def free_port() -> int:
    """A port of the loopback interface that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
