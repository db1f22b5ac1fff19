"""Our own images: built for real on bases made here, recorded by ourselves, and run."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from engine_help import docker, make_context, remove_images
from images_help import (
    DOCKERFILES,
    HISTORY,
    KINDS,
    ROOT,
    UID,
    Images,
    checkout,
    inspect,
    names_shown,
    output,
    page,
    running,
    users,
)
from recording_help import (
    buildrec,
    rows,
    shell,
    unlike_any_other,
)

import recorder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    images = Images(tmp_path_factory.mktemp("images"))
    yield images
    remove_images(images.name)


@pytest.fixture
def shared_folder(tmp_path: Path) -> Path:
    """A folder of this machine that a container may write to."""
    folder = tmp_path / "shared"
    folder.mkdir()
    shutil.chown(folder, int(UID), int(UID))
    return folder


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=KINDS)
def test_an_image_is_pinned_labelled_and_takes_a_history_along(dockerfile: Path) -> None:
    text = dockerfile.read_text()
    assert f"ARG VERSION={recorder.__version__}\n" in text
    assert "ARG TZ=Asia/Singapore\n" in text
    assert f"\nCOPY --chown=appuser:appgroup {HISTORY}* ./\n" in text
    based = [line for line in text.splitlines() if line.startswith("FROM ")]
    assert {line.split()[1] for line in based} == {"${BASE}"}
    assert text.split("ARG BASE=python:")[1].split("\n")[0].count(".") == 2, "a whole version"


def test_the_requirements_of_an_extra_are_those_of_the_extras_that_it_names() -> None:
    def of(*extras: str) -> list[str]:
        command = [sys.executable, ROOT / "docker" / "requirements.py", *extras]
        pyproject = (ROOT / "pyproject.toml").read_bytes()
        return (
            subprocess.run(command, input=pyproject, capture_output=True)
            .stdout.decode()
            .split("\n")
        )

    bare, test, dev = set(of()), set(of("test")), set(of("dev"))
    assert bare < test < dev
    assert any(line.startswith("pytest") for line in test)
    assert not any(line.startswith("buildrec") for line in dev)


@pytest.mark.engine
@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=KINDS)
def test_the_engine_finds_nothing_to_warn_of(dockerfile: Path) -> None:
    words = ["--check", "--build-arg", "BASE=scratch", "--file", str(dockerfile), str(ROOT)]
    checked = docker("buildx", "build", *words, check=False)
    assert checked.returncode == 0, checked.stdout
    assert "no warnings found" in checked.stdout


@pytest.mark.engine
def test_the_context_holds_sources_and_a_history_with_its_log_and_nothing_else(
    tmp_path: Path,
) -> None:
    context = make_context(tmp_path / "context", "FROM scratch\nCOPY . /\n")
    shutil.copy(ROOT / ".dockerignore", context)
    wanted = {"README.md", "recorder/cli/app.py", "tests/data/x.json", HISTORY, f"{HISTORY}-wal"}
    unwanted = {
        ".git/config", ".venv/bin/python", "recorder/__pycache__/app.pyc", f"{HISTORY}-shm",
        f"{HISTORY}.older", "backups/x.db", "buildrec-demo.db", ".env", "dist/x.whl",
    }  # fmt: skip
    for name in wanted | unwanted:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text("x")
    out = tmp_path / "out"
    docker("buildx", "build", "--output", str(out), str(context))
    found = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert found == wanted


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_built_recorded_and_keeps_nothing_of_this_machine(
    images: Images, kind: str
) -> None:
    image = images.image(kind)
    name = f"{images.name}:{kind}" if kind else images.name
    (build,) = rows(images.db, f"SELECT * FROM docker_builds WHERE image_name = '{name}'")
    assert (build["status"], build["warnings"]) == ("completed", 0)
    config = inspect(image)["Config"]
    assert build["image_size_bytes"] == inspect(image)["Size"]
    assert build["dockerfile_path"].endswith(f"Dockerfile.{kind}" if kind else "Dockerfile")
    assert config["User"] == "appuser:appgroup"
    assert "TZ=Asia/Singapore" in config["Env"]
    labels = {key.removeprefix("org.opencontainers.image."): value
              for key, value in config["Labels"].items()}  # fmt: skip
    assert labels["version"] == recorder.__version__
    assert labels["licenses"] == "Apache-2.0"
    assert labels["base.name"].startswith("buildrec-test-base:")
    settings = "ls -d /etc/pip.conf /run/secrets/* /root/.cache/pip/* /var/lib/apt/lists/*"
    assert output(image, "sh", "-c", f"{settings} 2>/dev/null; id -un") == "appuser"


@pytest.mark.engine
@pytest.mark.slow
def test_production_answers_as_nobody_on_a_read_only_root(images: Images) -> None:
    with running(images.image(), 8001) as (name, url):
        assert "buildrec" in page(url)
        assert names_shown(url) == []
        assert users(name) == {UID}
        assert docker("exec", name, "touch", "/anywhere", check=False).returncode
        docker("stop", name)
        assert inspect(name, "container")["State"]["ExitCode"] in (0, 143)


@pytest.mark.engine
@pytest.mark.slow
def test_a_build_recorded_outside_shows_inside_through_the_shared_folder(
    images: Images, shared_folder: Path, image_name: str, tmp_path: Path
) -> None:
    db = shared_folder / HISTORY
    assert buildrec("record", "outside-before", "--duration", "1", db=db).returncode == 0
    shutil.chown(db, int(UID), int(UID))
    with running(images.image(), 8001, "--volume", f"{shared_folder}:/srv") as (name, url):
        assert names_shown(url) == ["outside-before"]
        context = make_context(tmp_path / "context", shell(f"echo {unlike_any_other()}"))
        assert buildrec("build", "-t", image_name, context, db=db).returncode == 0
        assert names_shown(url) == [image_name, "outside-before"]
        inside = docker("exec", name, "buildrec", "record", "inside", "--duration", "2")
        assert inside.returncode == 0
        assert names_shown(url)[0] == "inside"
    assert [row["image_name"] for row in rows(db)] == ["outside-before", image_name, "inside"]


@pytest.mark.engine
@pytest.mark.slow
def test_the_copied_history_is_the_one_shown_with_what_is_still_in_its_log(
    images: Images, tmp_path: Path
) -> None:
    context = checkout(tmp_path / "checkout")
    db = context / HISTORY
    assert buildrec("record", "copied", "--duration", "5", db=db).returncode == 0
    with closing(sqlite3.connect(db)) as reader:
        # A reader that stands still keeps the next build in the log.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM docker_builds").fetchone()
        assert buildrec("record", "in-the-log", "--duration", "6", db=db).returncode == 0
        assert (context / f"{HISTORY}-wal").stat().st_size
        images.build("", f"{images.name}:copied", context)
    with running(f"{images.name}:copied", 8001) as (name, url):
        assert names_shown(url) == ["in-the-log", "copied"]
        owner = docker("exec", name, "stat", "-c", "%U:%G", f"/srv/{HISTORY}").stdout.strip()
        assert owner == "appuser:appgroup"


@pytest.mark.engine
@pytest.mark.slow
def test_the_zone_can_be_changed_when_a_container_starts(images: Images) -> None:
    def zone(*options: str) -> str:
        command = "buildrec record x --duration 1 >/dev/null && buildrec history --format nl"
        return output(images.image(), "sh", "-c", command, options=options)

    assert '"timezone": "Asia/Singapore"' in zone()
    assert '"timezone": "Europe/Berlin"' in zone("--env", "TZ=Europe/Berlin")


@pytest.mark.engine
@pytest.mark.slow
def test_the_dev_image_runs_the_sources_of_its_work_folder(images: Images) -> None:
    where = output(images.image("dev"), "python", "-c", "import recorder; print(recorder.__file__)")
    assert where == "/work/recorder/__init__.py"
    for tool in ("ruff", "mypy", "git"):
        assert output(images.image("dev"), tool, "--version")


@pytest.mark.engine
@pytest.mark.slow
def test_the_test_image_runs_the_suite(images: Images) -> None:
    words = ("tests/test_times.py", "tests/test_store.py", "tests/test_layers.py", "-q")
    ran = docker("run", "--rm", images.image("test"), *words, check=False)
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert " passed" in ran.stdout


@pytest.mark.engine
@pytest.mark.slow
def test_the_two_benchmark_images_differ_in_their_base(images: Images) -> None:
    def base_of(kind: str) -> tuple[str, str]:
        image = images.image(kind)
        assert "BENCHMARK_MODE=1" in inspect(image)["Config"]["Env"]
        release = output(image, "sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME")
        return release, output(image, "python3", "-c", "import sys; print(*sys.version_info[:2])")

    assert base_of("bench") == ("bookworm", "3 11")
    assert base_of("benchmark") == ("trixie", "3 13")


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bench", "benchmark"])
def test_a_benchmark_image_stores_what_it_measures_in_the_shared_history(
    images: Images, shared_folder: Path, kind: str
) -> None:
    words = ("--rm", "--read-only", "--tmpfs", "/tmp", "--volume", f"{shared_folder}:/srv")
    docker("run", *words, images.image(kind), "bench", "run", "search/simple")
    query = "SELECT suite, benchmark, status FROM benchmark_measurements"
    measured = {"suite": "search", "benchmark": "simple", "status": "completed"}
    assert rows(shared_folder / HISTORY, query) == [measured]


@pytest.mark.engine
@pytest.mark.slow
def test_the_documentation_is_served_on_a_read_only_root(images: Images) -> None:
    with running(images.image("docs"), 8002) as (name, url):
        assert "buildrec" in page(url)
        assert "docker_builds" in page(f"{url}/schema.html")
        assert users(name) == {UID}
