"""`buildrec hook install` and `uninstall` leave the Docker CLI's config the user's own."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from recording_help import buildrec, run

CONFIG: dict[str, Any] = {
    "psFormat": "table {{.Names}}\t{{.Status}} <é>",
    "auths": {"registry.example.com": {"auth": "eA=="}},
    "plugins": {"other": {"hooks": "pull", "more": "x"}, "-x-cli-hints": {"enabled": "true"}},
    "HttpHeaders": {"X-Meta": "1"},
    "detachKeys": "ctrl-e,e",
    "aNumber": 12345678901234567890,
}


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of the Docker CLI that has a config in it."""
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2))
    return folder


def read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return found


def plugin(folder: Path) -> Path:
    return folder / "cli-plugins" / "docker-buildrec"


def test_install_changes_nothing_else_and_uninstall_puts_everything_back(
    config: Path, db: Path
) -> None:
    (config / "config.json").chmod(0o640)
    assert buildrec("hook", "status", db=db).returncode == 1
    assert buildrec("hook", "install", db=db).returncode == 0
    installed = read(config)
    assert "build" in installed["plugins"].pop("buildrec")["hooks"].split(",")
    assert installed.pop("features") == {"hooks": "true"}
    assert installed == CONFIG
    assert list(installed) == list(CONFIG)
    assert stat.S_IMODE((config / "config.json").stat().st_mode) == 0o640
    assert os.access(plugin(config), os.X_OK)
    assert buildrec("hook", "status", db=db).returncode == 0
    assert buildrec("hook", "uninstall", db=db).returncode == 0
    assert json.dumps(read(config)) == json.dumps(CONFIG)
    assert not plugin(config).exists()
    assert buildrec("hook", "status", db=db).returncode == 1
    assert [path.name for path in config.iterdir() if path.is_file()] == ["config.json"]


def test_two_installs_are_one(config: Path, db: Path) -> None:
    (config / "config.json").write_text(json.dumps({"features": {"hooks": "false", "x": "1"}}))
    buildrec("hook", "install", db=db)
    once = read(config)
    assert buildrec("hook", "install", db=db).returncode == 0
    assert read(config) == once
    buildrec("hook", "uninstall", db=db)
    assert read(config) == {"features": {"hooks": "false", "x": "1"}}
    again = buildrec("hook", "uninstall", db=db)
    assert (again.returncode, again.stderr) == (0, b"it was not installed\n")


def test_a_config_that_is_a_link_stays_one(config: Path, db: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    (config / "config.json").rename(real)
    (config / "config.json").symlink_to(real)
    buildrec("hook", "install", db=db)
    assert (config / "config.json").is_symlink()
    assert "buildrec" in json.loads(real.read_text())["plugins"]
    buildrec("hook", "uninstall", db=db)
    assert (config / "config.json").is_symlink()
    assert json.loads(real.read_text()) == CONFIG


def test_without_a_config_one_is_made_for_its_owner_alone(config: Path, db: Path) -> None:
    (config / "config.json").unlink()
    assert buildrec("hook", "install", db=db).returncode == 0
    assert stat.S_IMODE((config / "config.json").stat().st_mode) == 0o600
    buildrec("hook", "uninstall", db=db)
    assert read(config) == {}


@pytest.mark.parametrize(
    "damaged",
    [b'{"auths": ', b"[]", b'{"plugins": []}', b'{"features": 1}', b'{"plugins": {"buildrec": 1}}'],
)
@pytest.mark.parametrize("verb", ["install", "uninstall", "status"])
def test_a_damaged_config_is_refused_and_nothing_is_touched(
    damaged: bytes, verb: str, config: Path, db: Path
) -> None:
    (config / "config.json").write_bytes(damaged)
    ended = buildrec("hook", verb, db=db)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (1, 1), ended.stderr
    assert b"mend it first" in ended.stderr
    assert (config / "config.json").read_bytes() == damaged
    assert not plugin(config).exists()


def test_uninstall_survives_features_that_the_user_took_away(config: Path, db: Path) -> None:
    buildrec("hook", "install", db=db)
    changed = read(config)
    del changed["features"]
    (config / "config.json").write_text(json.dumps(changed))
    assert buildrec("hook", "uninstall", db=db).returncode == 0
    assert read(config) == CONFIG


def test_install_says_where_builds_go(config: Path, db: Path) -> None:
    ended = buildrec("hook", "install", db=db)
    assert ended.stderr.decode().splitlines() == [
        f"installed {plugin(config)}",
        f"builds go into {db}",
    ]


def test_the_plugin_tells_the_cli_what_it_is(config: Path, db: Path) -> None:
    buildrec("hook", "install", db=db)
    told = json.loads(run(plugin(config), "docker-cli-plugin-metadata").stdout)
    assert (told["SchemaVersion"], told["Vendor"]) == ("0.1.0", "buildrec")
