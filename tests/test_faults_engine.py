"""An engine that is killed in the middle of a build: the build ends as it does without us."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from recording_help import COMMAND, Running, keep_apart, rows, shell, unlike_any_other
from second_engine import SecondEngine, second_engine
from upkeep_help import findings

pytestmark = pytest.mark.engine


@pytest.fixture
def mortal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SecondEngine]:
    keep_apart(monkeypatch, tmp_path)
    with second_engine() as own:
        monkeypatch.setenv("DOCKER_HOST", own.address)
        yield own


def test_the_exit_code_is_that_of_docker_and_what_is_known_is_recorded(
    mortal: SecondEngine, context: Callable[..., Path], tmp_path: Path
) -> None:
    db = tmp_path / "history.db"
    commands = {
        "docker": ("docker", "buildx", "build"),
        "buildrec": (COMMAND, "--db", db, "build"),
    }
    builds = []
    for name, words in commands.items():
        wait = f"echo {unlike_any_other()} && echo go''ing && busybox sleep 5"
        folder = context(shell(wait), name)
        out = tmp_path / f"{name}.out"
        builds.append(Running(*words, "--progress=plain", "-t", "shop", folder, out=out))
    for build in builds:
        build.until_it_says("going\n")
    mortal.kill()
    docker, ours = (build.wait() for build in builds)
    assert ours == docker != 0
    assert "Traceback" not in (tmp_path / "buildrec.out").read_text()
    (row,) = rows(db)
    assert (row["image_name"], row["status"], row["source"]) == ("shop", "failed", "clock")
    assert findings(db) == {}
