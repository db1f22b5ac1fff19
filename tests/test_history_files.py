"""NDJSON and CSV of ours come in again, also when somebody has had them in hand."""

import csv
import json
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from travel_help import KEY, NOON, content, make

from recorder import database, plain
from recorder.errors import BadValueError, ImportFailedError
from recorder.exports import files as exports
from recorder.imports import files as imports
from recorder.imports import untouched
from recorder.model import Build, Lint, Step

ZONE = "UTC"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDREC_MASK_KEY", KEY.decode())


def a_build(number: int, **more: Any) -> Build:
    steps = tuple(Step(i, f"RUN {i}", f"k{i}", "run", started=0.0, duration=1.0) for i in (1, 2))
    values = {"image_name": "shop", "build_duration": 12.5, "steps": steps} | more
    moment = NOON + timedelta(hours=number)
    return Build(ref=f"r{number}", completed_at=moment, lints=(Lint("R", "=t"),), **values)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return make(tmp_path / "docker_build_history.db", [a_build(number) for number in range(6)])


def lines_of(history: Path) -> list[dict[str, Any]]:
    exports.export(history, history.with_name("o.ndjson"), exports.Wish())
    return [json.loads(line) for line in history.with_name("o.ndjson").read_text().splitlines()]


def take_in(history: Path, name: str) -> imports.Report:
    return imports.take_in(history.with_name("target.db"), history.with_name(name), ZONE)


def test_a_torn_line_and_lines_of_the_wrong_kind_are_rejected_by_number(history: Path) -> None:
    lines: list[Any] = lines_of(history)
    lines[1]["build_duration"] = "soon"
    lines[2]["steps"][1]["position"] = 1
    lines[3]["git_branch"] = ["main"]
    lines[4]["steps"][0]["started"] = 1e300
    text = "\n".join(map(json.dumps, [*lines, 7, lines[5] | {"ref": "x", "target": "\ud800"}]))
    history.with_name("o.ndjson").write_text(f"{text}\n\n{json.dumps(lines[0])[:50]}")
    report = take_in(history, "o.ndjson")
    assert (report.new, report.known) == (2, 0)
    assert [number for number, _ in report.rejected] == [2, 3, 4, 5, 7, 8, 10]
    assert dict(report.rejected)[4] == "it is no build (git_branch cannot be \"['main']\")"


def test_a_field_of_a_newer_version_is_passed_over_and_an_unknown_zone_is_utc(
    history: Path,
) -> None:
    lines = lines_of(history)
    for line in lines:
        line |= {"mood": "good", "zone": "Mars/Olympus"}
        line["steps"][0]["mood"] = "good"
    history.with_name("o.ndjson").write_text("\n".join(map(json.dumps, lines)))
    assert take_in(history, "o.ndjson").new == 6
    with database.connect_to_read(history.with_name("target.db")) as connection:
        zones = {row[0] for row in connection.execute("SELECT timezone FROM docker_builds")}
    assert zones == {"UTC"}


@pytest.mark.parametrize("value", [None, 7, "text", [], {}, {"image_name": "x"}])
def test_what_is_no_build_is_refused(value: Any) -> None:
    with pytest.raises(BadValueError, match="it is no build"):
        plain.from_plain(value)


def test_tables_that_a_spreadsheet_has_sorted_and_trimmed_still_come_in(history: Path) -> None:
    folder = history.with_name("out")
    exports.export(history, folder, exports.Wish("csv"))
    shuffle = random.Random(1).shuffle
    for file in folder.iterdir():
        with file.open(encoding="utf-8", newline="") as text:
            rows = list(csv.DictReader(text))
        shuffle(rows)
        names = [
            name for name in (rows[0] if rows else {"x": ""}) if name != "critical_path_seconds"
        ]
        with file.open("w", encoding="utf-8-sig", newline="") as text:
            writer = csv.DictWriter(text, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    assert take_in(history, "out").new == 6
    assert content(history.with_name("target.db")) == content(history)


def test_builds_alone_come_in_and_the_folder_adds_what_hangs_on_them(history: Path) -> None:
    exports.export(history, history.with_name("builds.csv"), exports.Wish())
    exports.export(history, history.with_name("out"), exports.Wish("csv"))
    assert take_in(history, "builds.csv").new == 6
    target = history.with_name("target.db")
    assert content(target)["steps"] == []
    report = take_in(history, "out")
    assert (report.new, report.known) == (0, 6)
    assert content(target)["steps"] == content(history)["steps"]


def test_rows_of_csv_that_are_not_understood_are_told_with_their_table(history: Path) -> None:
    folder = history.with_name("out")
    exports.export(history, folder, exports.Wish("csv"))
    builds, steps = folder / "builds.csv", folder / "steps.csv"
    builds.write_bytes(builds.read_bytes().replace(b",12.5,", b",long,", 1))
    steps.write_bytes(steps.read_bytes().replace(b",0.0,1.0,", b",0.0,x,", 1))
    report = take_in(history, "out")
    assert report.new == 5
    assert report.rejected == (
        (1, "could not convert string to float: 'long'"),
        (1, "steps.csv: could not convert string to float: 'x'"),
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "builds.csv").unlink(),
        lambda folder: (folder / "builds.csv").write_text("a,b\n1,2\n"),
        lambda folder: (folder / "builds.csv").write_bytes(b"image_name,\xff"),
        lambda folder: (folder / "steps.csv").write_bytes(b"build_id\n\xff\xfe"),
    ],
)
def test_a_folder_that_is_none_of_ours_is_refused(
    history: Path, spoil: Callable[[Path], Any]
) -> None:
    folder = history.with_name("out")
    exports.export(history, folder, exports.Wish("csv"))
    spoil(folder)
    with pytest.raises(ImportFailedError, match="out"):
        take_in(history, "out")
    target = history.with_name("target.db")
    assert not target.exists() or content(target)["builds"] == []


def test_what_came_in_is_remembered_once_with_its_digest(history: Path) -> None:
    lines_of(history)
    exports.export(history, history.with_name("out"), exports.Wish("csv"))
    for name in ("o.ndjson", "out", "o.ndjson"):
        take_in(history, name)
    with closing(sqlite3.connect(history.with_name("target.db"))) as connection:
        rows = connection.execute("SELECT name, rows_in, rows_known, length(sha256) FROM "
                                  "imported_files ORDER BY id").fetchall()  # fmt: skip
    assert rows == [("o.ndjson", 6, 0, 64), ("out", 0, 6, 64)]


def test_progress_is_told_and_ends_where_it_should(history: Path) -> None:
    make(history, [a_build(number) for number in range(6, 450)])
    exports.export(history, history.with_name("o.ndjson"), exports.Wish())
    exports.export(history, history.with_name("out"), exports.Wish("csv"))
    for name in ("o.ndjson", "out", history.name):
        told: list[tuple[int, int]] = []
        target = history.with_name(f"from-{name}.db")

        def tell(done: int, total: int, told: list[tuple[int, int]] = told) -> None:
            told.append((done, total))

        imports.take_in(target, history.with_name(name), ZONE, tell)
        assert told == sorted(told)
        assert len(told) == 4
        assert all(0 < done <= total for done, total in told)


def test_an_older_database_in_use_is_read_with_its_log_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "docker_build_history.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.execute("PRAGMA journal_mode = WAL")
        older.execute("CREATE TABLE docker_builds (id INTEGER PRIMARY KEY, image_name, "
                      "build_duration, build_timestamp)")  # fmt: skip
        older.execute("INSERT INTO docker_builds VALUES (1, 'a', 2, '2025-01-01T00:00:00Z')")
        before = path.read_bytes(), Path(f"{path}-wal").read_bytes()
        assert imports.take_in(tmp_path / "target.db", path, ZONE).new == 1
        assert (path.read_bytes(), Path(f"{path}-wal").read_bytes()) == before


def test_a_file_that_is_written_while_it_is_read_unnoticed_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "source.db", [a_build(1)])
    with pytest.raises(ImportFailedError, match="written to meanwhile"), untouched.connect(path):
        make(path, [a_build(2)])
    assert sorted(os.listdir(tmp_path)) == ["source.db"]


def test_what_a_killed_import_left_behind_is_swept_out_a_day_later(
    history: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path_factory.mktemp("tmp")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    for name, age in (("buildrec-import-old", 2), ("buildrec-import-new", 0), ("other", 9)):
        (place / name).mkdir()
        (place / name / "incoming.db").touch()
        moment = time.time() - age * 86400
        os.utime(place / name, (moment, moment))
    imports.take_in(history.with_name("target.db"), history, ZONE)
    assert sorted(os.listdir(place)) == ["buildrec-import-new", "other"]
