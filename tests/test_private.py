"""No name of a user, and no folder or name of the machine, goes into the file."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from engine_help import make_context
from recording_help import (
    COMMAND,
    Running,
    buildrec,
    keep_apart,
    rows,
    run,
    shell,
    spooled,
    unlike_any_other,
    until,
)

from recorder.capture import origin

REMOTES = {
    "https://git.example/team/app.git": "https://git.example/team/app.git",
    "https://alice@git.example/team/app.git": "https://git.example/team/app.git",
    "ssh://alice@git.example:22/app": "ssh://git.example:22/app",
    "git@git.example:team/app.git": "git@git.example:team/app.git",
    "ssh://git@git.example/app": "ssh://git@git.example/app",
    "alice@git.example:app.git": "git.example:app.git",
    "/home/alice/app.git": "app.git",
    "file:///home/alice/app/": "app",
    "../alice/app.git": "app.git",
    r"C:\Users\alice\app": "app",
}


@pytest.mark.parametrize("url", REMOTES)
def test_the_address_of_a_remote_has_no_user_and_no_folder(url: str, tmp_path: Path) -> None:
    git = tmp_path / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "config").write_text(f'[remote "origin"]\n\turl = {url}\n')
    found = origin.checkout(str(tmp_path), time.time(), time.time())
    assert found.remote == REMOTES[url]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The home of a user of this test alone, who has a docker CLI of their own."""
    keep_apart(monkeypatch, tmp_path)
    place = tmp_path / f"alice-{unlike_any_other()}"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("USER", place.name)
    return place


@pytest.mark.slow
@pytest.mark.engine
def test_builds_in_a_home_tell_nothing_of_it(home: Path, tmp_path: Path) -> None:
    db = tmp_path / "history.db"
    nowhere = tmp_path / "nowhere" / "history.db"
    folder = make_context(home / "code" / "app", shell(f"echo {unlike_any_other()}"))
    (home / "else").mkdir()
    (home / "else" / "My.file").write_text(shell("echo elsewhere"))
    (home / "a-file").write_text("no folder")
    run("git", "init", "-q", folder)
    run("git", "-C", folder, "remote", "add", "origin", home / "mirror" / "app.git")
    builds = {
        "plain": (),
        "elsewhere": ("-f", home / "else" / "My.file"),
        "no Dockerfile": ("-f", home / "else" / "not-there"),
        "no context": ("--build-context", f"other={home}/not-there"),
        "neighbour": ("--build-context", f"other={home}/else"),
        "no folder": ("--output", f"type=local,dest={home}/a-file/out"),
        "folder": ("--output", f"type=local,dest={home}/out"),
        "no secret": ("--secret", f"id=x,src={home}/not-there"),
        "argument": ("--build-arg", f"SOURCE={home}/code"),
    }
    for words in builds.values():
        buildrec("build", *words, folder, db=db)
    for name in ("no folder", "elsewhere"):
        buildrec("build", *builds[name], folder, db=nowhere)
    buildrec("build", home / "not-there", db=db)
    watch = Running(COMMAND, "--db", db, "watch", out=tmp_path / "watch.out")
    watch.until_it_says("caught_up")
    (folder / "Dockerfile").write_text(shell(f"echo {unlike_any_other()}; busybox sleep 2"))
    slow = Running("docker", "build", "-q", folder, out=tmp_path / "slow.out")
    (live,) = until(lambda: rows(db, "SELECT * FROM live_builds"), "the build runs")
    content = b"".join(file.read_bytes() for file in tmp_path.glob("history.db*"))
    slow.wait()
    watch.process.terminate()
    watch.wait()
    assert len(rows(db)) > len(builds)
    assert {"Dockerfile", "My.file"} <= {row["dockerfile_path"] for row in rows(db)}
    assert "app.git" in {row["git_remote"] for row in rows(db)}
    content += b"".join(file.read_bytes() for file in tmp_path.glob("history.db*"))
    content += b"".join(str(row).encode() for row in rows(db))
    for file in spooled():
        # It names the database that it waits for, and is the user's own.
        content += file.read_bytes().replace(os.fsencode(nowhere), b"")
    assert home.name.encode() not in content
    assert re.fullmatch("[0-9a-f]+", live["recorder"])


def test_a_path_inside_of_an_image_stays_where_we_run_as_root() -> None:
    code = "from recorder import redact; print(redact.Redactor(b'k').text('COPY a /root/.cache'))"
    asked = subprocess.run(
        [Path(COMMAND).with_name("python"), "-c", code],
        env={**os.environ, "HOME": "/root"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert asked.stdout == "COPY a /root/.cache\n"
