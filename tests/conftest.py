"""What every test gets: a place of its own, and an engine or a browser only where there is one."""

import os
import re
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_help import make_context, missing_browser, missing_engine, remove_images

from recorder import database

# A run under nohup, or in a script's background, ignores signals, which the processes that are to
# end by one would inherit.
for _number, _usual in {
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
    signal.SIGQUIT: signal.SIG_DFL,
}.items():
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

NEEDS = {"engine": missing_engine, "browser": missing_browser}


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in a hook of the same name.
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # One engine has one history, so `--dist loadgroup` runs the tests that use it one by one.
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            if item.get_closest_marker("engine"):
                item.add_marker(pytest.mark.xdist_group("engine"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    # Whoever sets BUILDREC_REQUIRE (CI does) wants to hear that an exam did not take place.
    required = re.split(r"[,\s]+", os.environ.get("BUILDREC_REQUIRE", ""))
    for need, missing in NEEDS.items():
        if item.get_closest_marker(need) and (reason := missing()):
            if need in required:
                pytest.fail(f"BUILDREC_REQUIRE asks for the {need}, but {reason}", pytrace=False)
            pytest.skip(reason)


@pytest.fixture(autouse=True)
def _own_surroundings(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep the user's settings, key, spool and database out of every test, and safe from it."""
    for name in [*os.environ]:
        if name.startswith("BUILDREC_") and name != "BUILDREC_REQUIRE":
            monkeypatch.delenv(name)
    monkeypatch.delenv("TZ", raising=False)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    # The database is looked for from the working folder upwards, and a clone may hold one.
    empty = home / "work"
    empty.mkdir()
    monkeypatch.chdir(empty)


@pytest.fixture
def database_path(tmp_path: Path) -> Path:
    """An empty history with all its tables."""
    path = tmp_path / "docker_build_history.db"
    with database.connect(path):
        pass
    return path


@pytest.fixture
def context(tmp_path: Path) -> Callable[..., Path]:
    """A function that makes a build context of a Dockerfile's text, in a folder `name`."""

    def make(dockerfile: str, name: str = "context") -> Path:
        return make_context(tmp_path / name, dockerfile)

    return make


@pytest.fixture
def image_name() -> Iterator[str]:
    """A name that no other image has; images whose names start with it are removed at the end."""
    name = f"buildrec-test-{uuid.uuid4().hex[:8]}"
    yield name
    remove_images(name)
