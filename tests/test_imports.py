"""Files of older tools come in without loss, each form told by its shape."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from recorder import database, queries
from recorder.errors import ImportFailedError
from recorder.exports import build_times
from recorder.imports import files

ZONE = "Asia/Singapore"


def take_in(database_path: Path, content: Any, name: str = "times.json") -> files.Report:
    path = database_path.with_name(name)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return files.take_in(database_path, path, ZONE)


def rows(database_path: Path) -> list[dict[str, Any]]:
    with database.connect_to_read(database_path) as connection:
        return queries.recent_builds(connection, limit=1000)


def row(**more: Any) -> dict[str, Any]:
    return {"timestamp": "2025-07-10T08:56:04.193870Z", "image": "app", "duration": 12.5} | more


@pytest.mark.parametrize(
    ("document", "form", "expected"),
    [
        ({"history": [row()], "averages": {"app": 12.5}, "last_build_time": "x"}, "B", [12.5]),
        ({"history": [row(size_mb=99.5, timezone="UTC")], "database_path": "x",
          "averages": {"app": {"duration": 12.5, "size_mb": 99.5, "total_builds": 1}}},
         "C", [12.5]),
        ([row(duration=0), row(timestamp="2025-07-10T09:00:00+02:00")], "D", [0.0, 12.5]),
        ({"app": {"build_duration": 7, "total_builds": 3, "average_build_duration": 8,
                  "last_build_on": "2025-07-10 10:00:00"}}, "E", [7.0]),
        ({"app": [1, 2.5], "web": 3}, "F", [3.0, 2.5, 1.0]),
    ],
)  # fmt: skip
def test_each_form_is_told_by_its_shape(
    database_path: Path, document: Any, form: str, expected: list[float]
) -> None:
    report = take_in(database_path, document)
    assert report.form.startswith(form)
    found = rows(database_path)
    assert sorted(r["build_duration"] for r in found) == sorted(expected)
    assert {r["source"] for r in found} == {"import"}
    again = take_in(database_path, document)
    assert (again.new, again.known) == (0, len(expected))
    assert len(rows(database_path)) == len(expected)


def test_an_average_alone_brings_no_build_and_says_so(database_path: Path) -> None:
    report = take_in(database_path, {"avg_duration": 12.3})
    assert (report.new, report.known) == (0, 0)
    assert "12.3" in report.remarks[0]


def test_a_row_that_is_not_understood_is_reported_and_stops_nothing(database_path: Path) -> None:
    bad = [
        row(duration=-1), row(duration=None), row(duration="soon"), row(image=None),
        {"image": "app", "duration": 1}, row(timestamp="yesterday"), "nonsense", None, row(image=7),
    ]  # fmt: skip
    report = take_in(database_path, [row(), *bad, row(duration="3.5")])
    assert report.new == 2
    assert [number for number, _ in report.rejected] == list(range(2, 11))
    assert all(reason for _, reason in report.rejected)


def test_a_naive_time_is_in_the_rows_zone_else_in_the_default(database_path: Path) -> None:
    stamp = "2025-01-10 08:00:00"
    take_in(database_path, [row(timestamp=stamp, timezone="Europe/Berlin"), row(timestamp=stamp)])
    found = sorted((r["timezone"], r["build_timestamp"]) for r in rows(database_path))
    assert found == [
        ("Asia/Singapore", "2025-01-10T08:00:00.000+08:00"),
        ("Europe/Berlin", "2025-01-10T08:00:00.000+01:00"),
    ]


def test_equal_rows_of_one_file_are_as_many_builds(database_path: Path) -> None:
    assert take_in(database_path, [row(), row()]).new == 2
    assert take_in(database_path, [row(), row(), row()], "more.json").new == 1
    assert len(rows(database_path)) == 3


@pytest.mark.parametrize("layout", ["averages", "objects", "list"])
def test_our_own_export_brings_nothing_new_back(database_path: Path, layout: str) -> None:
    take_in(database_path, [row(), row(image="web", duration=3)])
    target = database_path.with_name("out.json")
    build_times.export(database_path, target, layout)
    report = files.take_in(database_path, target, ZONE)
    assert (report.new, report.known, report.rejected) == (0, 2, ())


@pytest.mark.parametrize(
    "text", ["", "{", "null", "7", "{}", '{"a": "b"}', "\x00\x01", '{"a": []}']
)
def test_what_is_no_history_is_refused_with_a_cure(database_path: Path, text: str) -> None:
    if text == '{"a": []}':
        assert take_in(database_path, text).new == 0
        return
    with pytest.raises(ImportFailedError, match=r"times\.json"):
        take_in(database_path, text)
    assert rows(database_path) == []


def test_the_older_database_of_build_times_comes_in(database_path: Path) -> None:
    path = database_path.with_name("docker_build_times.sqlite3")
    with sqlite3.connect(path) as older:
        older.execute("CREATE TABLE docker_builds (id INTEGER PRIMARY KEY, image_name, build_time, "
                      "built_at_utc)")  # fmt: skip
        older.execute("INSERT INTO docker_builds VALUES "
                      "(1, 'app', 4.5, '2025-03-01T10:00:00+08:00')")  # fmt: skip
    before = path.read_bytes()
    report = files.take_in(database_path, path, ZONE)
    assert report.form.startswith("G")
    assert rows(database_path)[0]["completed_at"] == "2025-03-01T02:00:00.000Z"
    assert path.read_bytes() == before


def test_the_predecessors_database_comes_in_with_its_sizes_put_right(database_path: Path) -> None:
    path = database_path.with_name("docker_build_history.sqlite")
    with sqlite3.connect(path) as older:
        older.execute(
            "CREATE TABLE docker_builds (id INTEGER PRIMARY KEY, image_name, build_duration, "
            "image_size_mb, build_timestamp, timezone, dockerfile_path, build_args, success, "
            "error_message, created_at)"
        )
        values = [
            ("app", 4.5, 250.0, "2025-03-01T10:00:00+08:00", "Asia/Singapore", "Dockerfile",
             '{"PORT": 80, "DB_PASSWORD": "s3cret-pw"}', 1, None),
            ("big", 9.0, 1536.0, "2025-03-01T11:00:00", "UTC", None, None, 0, "exit code: 2"),
        ]  # fmt: skip
        older.executemany(
            "INSERT INTO docker_builds (image_name, build_duration, image_size_mb, "
            "build_timestamp, timezone, dockerfile_path, build_args, success, error_message) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
    report = files.take_in(database_path, path, ZONE)
    assert report.form.startswith("H")
    app, big = sorted(rows(database_path), key=lambda found: found["image_name"])
    assert app["image_size_mb"] == 250.0
    assert big["image_size_mb"] == 1500.0
    assert (big["status"], big["error_message"]) == ("failed", "exit code: 2")
    assert json.loads(app["build_args"])["PORT"] == "80"
    assert b"s3cret-pw" not in database_path.read_bytes()


def test_a_file_that_cannot_be_read_is_told_by_name(database_path: Path) -> None:
    with pytest.raises(ImportFailedError, match=r"nowhere\.json"):
        files.take_in(database_path, database_path.with_name("nowhere.json"), ZONE)
    empty = database_path.with_name("other.db")
    sqlite3.connect(empty).executescript("CREATE TABLE x (y); INSERT INTO x VALUES (1)")
    with pytest.raises(ImportFailedError, match=r"other\.db"):
        files.take_in(database_path, empty, ZONE)


def test_the_export_leaves_no_half_file_behind(database_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "times.json"
    target.parent.mkdir()
    build_times.export(database_path, target)
    assert os.listdir(target.parent) == ["times.json"]
