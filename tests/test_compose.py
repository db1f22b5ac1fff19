"""compose.yml: a recorder that sees every build of the engine, and a publication beside it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_help import docker, make_context, remove_images
from images_help import ROOT, UID, Images, inspect, page, until, users
from recording_help import compose_plugin, own_config, shell, unlike_any_other


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    images = Images(tmp_path_factory.mktemp("images"))
    yield images
    remove_images(images.name)


@pytest.fixture
def compose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Runs `docker compose` on compose.yml as a project of the test's own."""
    config = own_config(tmp_path / "docker")
    (config / "cli-plugins" / "docker-compose").symlink_to(compose_plugin())
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    for name in ("DOCKER_GID", "DOCKER_SOCKET", "BUILDREC_IMAGE", "BUILDREC_PORT"):
        monkeypatch.delenv(name, raising=False)
    project = f"buildrec-test-{unlike_any_other()}"
    words = ("compose", "--project-name", project, "--file", str(ROOT / "docker" / "compose.yml"))

    def run(*command: str) -> str:
        ended = docker(*words, *command, check=False)
        return ended.stdout + ended.stderr

    yield run
    monkeypatch.setenv("DOCKER_GID", "0")
    run("down", "--volumes")


@pytest.mark.engine
def test_compose_tells_how_to_let_the_recorder_use_the_engine(compose: Callable[..., str]) -> None:
    assert "put DOCKER_GID=$(stat -c %g /var/run/docker.sock) into docker/.env" in compose("config")


@pytest.mark.engine
@pytest.mark.slow
def test_a_build_on_the_engine_appears_on_the_page_that_compose_publishes(
    images: Images,
    compose: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    image_name: str,
) -> None:
    socket = Path(os.environ.get("DOCKER_HOST", "/var/run/docker.sock").removeprefix("unix://"))
    monkeypatch.setenv("DOCKER_SOCKET", str(socket))
    monkeypatch.setenv("DOCKER_GID", str(socket.stat().st_gid))
    monkeypatch.setenv("BUILDREC_IMAGE", images.image())
    monkeypatch.setenv("BUILDREC_PORT", "0")
    started = compose("up", "--detach", "--wait", "--no-build")
    url = f"http://{compose('port', 'publication', '8001').strip()}"
    assert url.startswith("http://127.0.0.1:"), started
    recorder_, publication = (compose("ps", "--quiet", name).strip()
                              for name in ("recorder", "publication"))  # fmt: skip
    context = make_context(tmp_path / "context", shell(f"echo {unlike_any_other()}"))
    docker("build", "--tag", image_name, str(context))
    # Asked by name, as the engine may have others' builds to tell of.
    query = f"docker_build_history/docker_builds.json?_shape=array&image_name={image_name}"
    until(lambda: image_name in page(f"{url}/{query}"), recorder_)
    for container in (recorder_, publication):
        host = inspect(container, "container")["HostConfig"]
        assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
        assert users(container) == {UID}
    mounts = {mount["Destination"] for mount in inspect(publication, "container")["Mounts"]}
    assert mounts == {"/srv"}, "neither the engine's socket nor the mask key"
