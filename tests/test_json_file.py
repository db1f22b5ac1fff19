"""The file for older tools is kept fresh on request, beside the recording and never in its way."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from travel_help import KEY, make

from recorder import DockerBuildTracker, database, json_file, store
from recorder.exports import automatic
from recorder.exports.files import Wish
from recorder.model import Build
from recorder.times import now

PATIENCE = 30.0


def a_build() -> Build:
    return Build(image_name="shop", build_duration=1.5, completed_at=now())


def eventually(found: Callable[[], Any]) -> Any:
    """What `found` gives, once it gives something."""
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return value


def builds_in(path: Path) -> int:
    try:
        return len(json.loads(path.read_text())["history"])
    except FileNotFoundError:
        return 0


def test_each_way_to_record_has_the_file_written(tmp_path: Path) -> None:
    source, target = tmp_path / "docker_build_history.db", tmp_path / "times.json"
    env = os.environ | {json_file.SETTING: str(target)}
    command = [sys.executable, "-m", "recorder", "--db", str(source), "record", "shop"]
    done = subprocess.run([*command, "--duration", "2"], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    eventually(lambda: builds_in(target) == 1)
    script = "import sys; from recorder import DockerBuildTracker as T; T(sys.argv[1])"
    script += ".record_build('shop', 1)"
    subprocess.run([sys.executable, "-c", script, str(source)], env=env, check=True)
    eventually(lambda: builds_in(target) == 2)
    other = make(tmp_path / "other.db", [a_build()])
    command = [sys.executable, "-m", "recorder", "--db", str(source), "import", str(other)]
    subprocess.run([*command, "--dry-run"], env=env, check=True, capture_output=True)
    subprocess.run(command, env=env, check=True, capture_output=True)
    eventually(lambda: builds_in(target) == 3)


def test_nothing_is_started_where_it_was_not_asked_for(
    database_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_file, "_spawn", lambda *words: pytest.fail("it was started"))
    with database.connect(database_path) as connection:
        store.record(connection, a_build(), KEY)


def test_what_cannot_be_started_or_written_harms_no_record(
    database_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(json_file.SETTING, str(tmp_path / "none" / "times.json"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    tracker = DockerBuildTracker(database_path)
    assert tracker.record_build("shop", 1) == 1
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert tracker.record_build("shop", 1) == 2


def test_of_many_at_once_one_writes_and_has_what_came_before(
    database_path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "times.json"
    script = f"""if True:
        import sys
        from pathlib import Path
        from recorder.exports import automatic, files
        automatic.QUIET = 1.0
        wrote = automatic.export_when_quiet(
            Path({str(database_path)!r}), Path({str(target)!r}), files.Wish("json"))
        print(wrote)
    """
    runs = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    with database.connect(database_path) as connection:
        store.record(connection, a_build(), KEY)
    said = sorted(run.communicate()[0].strip() for run in runs)
    assert said == ["False", "False", "False", "True"]
    assert builds_in(target) == 1


def test_a_later_export_waits_for_the_one_that_writes(
    database_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automatic, "QUIET", 0.0)
    monkeypatch.setattr(os, "nice", lambda more: more)
    target = tmp_path / "times.json"
    order = []
    export = automatic.files.export

    def slow(source: Path, path: Path, wish: Wish) -> int:
        if not order:
            order.append("first begins")
            later = threading.Thread(
                target=automatic.export_when_quiet, args=(database_path, target, wish)
            )
            later.start()
            time.sleep(0.3)
            order.append("first ends")
            threads.append(later)
        else:
            order.append("second begins")
        return export(source, path, wish)

    import threading

    threads: list[threading.Thread] = []
    monkeypatch.setattr(automatic.files, "export", slow)
    assert automatic.export_when_quiet(database_path, target, Wish("json"))
    threads[0].join(PATIENCE)
    assert order == ["first begins", "first ends", "second begins"]


def test_those_that_ended_are_let_go(database_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(json_file.SETTING, "times.json")
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with sqlite3.connect(database_path) as connection:
        for _ in range(3):
            json_file.ask(connection)
        time.sleep(0.2)
        json_file.ask(connection)
    assert len(json_file._asked) == 1
    os.waitpid(json_file._asked.pop(), 0)
