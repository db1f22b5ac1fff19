"""`buildrec init` in the folder of an older project."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from test_older_tools import older_reader

ELEVEN = (
    "id INTEGER PRIMARY KEY, image_name, build_duration, image_size_mb, build_timestamp, timezone, "
    "dockerfile_path, build_args, success, error_message, created_at"
)


def init(folder: Path) -> str:
    command = [sys.executable, "-m", "recorder", "init"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def history(folder: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "recorder", "history", "-n", "100"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def document(*rows: tuple[str, str, float]) -> str:
    found = [{"timestamp": t, "image": image, "duration": d} for t, image, d in rows]
    return json.dumps({"history": found, "averages": {}, "last_build_time": None})


def predecessor(path: Path, *rows: tuple[Any, ...]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.execute(f"CREATE TABLE docker_builds ({ELEVEN})")
        older.executemany(
            "INSERT INTO docker_builds (image_name, build_duration, image_size_mb, "
            "build_timestamp, timezone, success) VALUES (?, ?, ?, ?, 'Asia/Singapore', ?)",
            rows,
        )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("src/web", "data", "src/.git", "src/node_modules/x"):
        (tmp_path / folder).mkdir(parents=True)
    here = document(("2025-07-01T10:00:00Z", "app", 10), ("2025-07-02T10:00:00Z", "app", 20))
    (tmp_path / "docker_build_times.json").write_text(here)
    # The same build and one more, where the older web page reads them.
    src = document(("2025-07-02T10:00:00Z", "app", 20), ("2025-07-03T10:00:00Z", "web", 60))
    (tmp_path / "src/web/docker_build_times.json").write_text(src)
    for unread in ("src/.git", "src/node_modules/x"):
        (tmp_path / unread / "docker_build_times.json").write_text("{")
    with closing(sqlite3.connect(tmp_path / "data/docker_build_times.sqlite3")) as older, older:
        older.execute("CREATE TABLE docker_builds (id, image_name, build_time, built_at_utc)")
        older.execute("INSERT INTO docker_builds VALUES (1, 'app', 5, '2025-06-01T10:00:00+08:00')")
    return tmp_path


def test_all_that_an_older_project_holds_comes_in_once(project: Path) -> None:
    said = init(project)
    assert said.count("builds in,") == 3
    assert {(row["image_name"], row["build_duration"]) for row in history(project)} == {
        ("app", 10), ("app", 20), ("web", 60), ("app", 5),
    }  # fmt: skip
    assert len(history(project)) == 4
    init(project)
    assert len(history(project)) == 4


def test_the_older_tools_find_the_whole_history_where_they_read_it(project: Path) -> None:
    before = (project / "src/web/docker_build_times.json").read_text()
    init(project)
    for place in (project, project / "src/web"):
        shown = older_reader(json.loads((place / "docker_build_times.json").read_text()))
        assert shown["average"] == ((5 + 10 + 20) / 3 + 60) / 2
        assert shown["last"] == "2025-07-03T18:00:00.000+08:00"
        assert len(shown["history"]) == 4
    assert (project / "src/web/docker_build_times.older.json").read_text() == before


def test_the_predecessors_database_makes_room_and_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "docker_build_history.db"
    predecessor(path, ("app", 4.5, 250.0, "2025-03-01T10:00:00+08:00", 1),
                ("app", 9.0, 0.0, "2025-03-02T10:00:00+08:00", 0))  # fmt: skip
    before = path.read_bytes()
    said = init(tmp_path)
    assert "kept the older docker_build_history.db as docker_build_history.older.db" in said
    assert (tmp_path / "docker_build_history.older.db").read_bytes() == before
    assert [row["status"] for row in history(tmp_path)] == ["failed", "completed"]
    assert "0 builds in" not in said
    init(tmp_path)
    assert len(history(tmp_path)) == 2


def test_a_file_that_cannot_be_read_keeps_no_other_from_coming_in(project: Path) -> None:
    (project / "docker_build_times.json").write_text('{"history": [')
    said = init(project)
    assert "docker_build_times.json was not taken in: it is not JSON" in said
    assert len(history(project)) == 3
    assert (project / "docker_build_times.older.json").read_text() == '{"history": ['


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "docker_build_history.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE songs (name)")
    before = path.read_bytes()
    command = [sys.executable, "-m", "recorder", "init"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "the database of another program" in done.stderr
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["docker_build_history.db"]
