"""The history leaves in every format, whole, harmless, and of the builds that were asked for."""

import csv
import json
import os
import sqlite3
import subprocess
import sys
import tracemalloc
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest
from cases import slow
from travel_help import KEY, NOON, content, make

from recorder import database, older_tools, times, workbook
from recorder.errors import BadValueError, CannotWriteError, MissingExtraError
from recorder.exports import files
from recorder.exports import workbook as exported_workbook
from recorder.exports.files import Wish
from recorder.model import Build, Layer, Lint, Step
from recorder.selection import Selection

FORMULA = '=HYPERLINK("http://example.com","x")'


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDREC_MASK_KEY", KEY.decode())


def a_build(ref: str, *, days: float = 0, **more: Any) -> Build:
    values = {"image_name": "shop", "build_duration": 12.5, "source": "build"} | more
    return Build(ref=ref, completed_at=NOON + timedelta(days=days), **values)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    odd = Step(1, FORMULA, "k1", "run", started=0.25, duration=1.5, cached=True, error="-1 x")
    return make(tmp_path / "docker_build_history.db", [
        a_build("a", days=-40, image_name="web", git_branch="+x", steps=(odd,)),
        a_build("b", image_size_bytes=152_400_000, image_digest="sha256:1", cache_ratio=0.5,
                layers=(Layer(1, "@ADD", 10),), lints=(Lint("Rule", "=1+1", 3),)),
        a_build("c", days=1, status="failed", error_message=FORMULA, build_duration=2.5),
    ])  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def export(history: Path, name: str, **wish: Any) -> Path:
    target = history.with_name(name)
    files.export(history, target, Wish(**wish))
    return target


def test_csv_is_a_folder_of_tables_or_the_builds_alone(history: Path) -> None:
    folder = export(history, "out", style="csv")
    assert sorted(os.listdir(folder)) == [
        "builds.csv", "layers.csv", "statistics.csv", "steps.csv", "warnings.csv",
    ]  # fmt: skip
    builds = rows(folder / "builds.csv")
    assert [row["ref"] for row in builds] == ["a", "b", "c"]
    assert [row["image_size_mb"] for row in builds] == ["0.0", "152.4", "0.0"]
    assert rows(folder / "steps.csv")[0]["duration"] == "1.5"
    assert {row["image_name"]: row["total_builds"] for row in rows(folder / "statistics.csv")} == {
        "web": "1",
        "shop": "2",
    }
    assert rows(export(history, "builds.csv")) == builds


def test_no_cell_of_the_csv_is_a_formula(history: Path) -> None:
    for file in export(history, "out", style="csv").iterdir():
        cells = [cell for row in rows(file) for cell in row.values()]
        assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
    assert rows(history.with_name("out") / "builds.csv")[2]["error_message"] == f"'{FORMULA}"


def test_the_workbook_has_dates_filters_and_a_frozen_header_and_no_formula(history: Path) -> None:
    book = openpyxl.load_workbook(export(history, "out.xlsx"))
    assert book.sheetnames == ["Builds", "Statistics", "Steps of latest 1000", "Columns"]
    builds = book["Builds"]
    head = [cell.value for cell in builds[1]]
    assert builds.freeze_panes == "A2"
    assert builds.auto_filter.ref.endswith("4")
    assert all(cell.font.bold for cell in builds[1])
    newest = dict(zip(head, [cell.value for cell in builds[2]], strict=True))
    assert newest["ref"] == "c"
    assert isinstance(newest["completed_at"], datetime)
    assert newest["completed_at"].isoformat() == "2025-07-11T04:00:00"
    assert newest["build_timestamp"].isoformat() == "2025-07-11T12:00:00"  # the zone's own clock
    assert newest["build_duration"] == 2.5
    assert newest["error_message"] == FORMULA
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert "f" not in {cell.data_type for cell in cells}
    assert not [cell for cell in cells if cell.hyperlink]
    steps = book["Steps of latest 1000"]
    assert steps["A2"].value == 1
    assert FORMULA in [cell.value for cell in steps[2]]


def test_a_workbook_goes_on_on_another_sheet_where_one_is_full(
    history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    monkeypatch.setattr(exported_workbook, "LATEST", 1)
    book = openpyxl.load_workbook(export(history, "out.xlsx"))
    assert [book[name].max_row for name in ("Builds", "Builds 2")] == [3, 2]
    assert book["Builds 2"]["A1"].value == "id"
    assert book["Steps of latest 1"].max_row == 1  # the latest has none


def test_parquet_has_types_and_is_parted_by_month_on_request(history: Path) -> None:
    builds = pyarrow.parquet.read_table(export(history, "builds.parquet"))
    assert str(builds.schema.field("completed_at").type) == "timestamp[ms, tz=UTC]"
    assert str(builds.schema.field("success").type) == "bool"
    assert builds.column("build_duration").to_pylist() == [12.5, 12.5, 2.5]
    assert b"seconds" in builds.schema.field("build_duration").metadata[b"description"]
    folder = export(history, "out", style="parquet")
    names = ["builds", "layers", "statistics", "steps", "warnings"]
    assert sorted(os.listdir(folder)) == [f"{name}.parquet" for name in names]
    assert pyarrow.parquet.read_table(folder / "steps.parquet").num_rows == 1
    months = export(history, "months", style="parquet", by_month=True)
    parts = sorted(str(path.relative_to(months)) for path in months.rglob("builds/**/*.parquet"))
    assert parts == [
        "builds/month=2025-05/part-0.parquet", "builds/month=2025-07/part-0.parquet",
    ]  # fmt: skip
    assert pyarrow.parquet.read_table(months / "builds").column("month").to_pylist() == [
        "2025-05", "2025-07", "2025-07",
    ]  # fmt: skip


def test_ndjson_has_a_build_a_line_with_all_that_hangs_on_it(history: Path) -> None:
    lines = [json.loads(line) for line in export(history, "out.ndjson").read_text().splitlines()]
    assert [line["ref"] for line in lines] == ["a", "b", "c"]
    assert lines[0]["steps"][0]["cached"] is True
    assert "shared" not in lines[0]["steps"][0]
    assert lines[1]["layers"] == [{"position": 1, "instruction": "@ADD", "bytes": 10}]
    assert lines[1]["lints"] == [{"rule": "Rule", "message": "=1+1", "line": 3}]
    assert lines[2]["error_message"] == FORMULA


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(image="web"), ["a"]),
        (Selection(since=NOON), ["b", "c"]),
        (Selection(until=NOON), ["a"]),
        (Selection(since=NOON, until=NOON + timedelta(days=1)), ["b"]),
        (Selection(image="web", since=NOON), []),
        (Selection(latest=2), ["b", "c"]),
    ],
)
def test_only_the_builds_that_were_asked_for_leave(
    history: Path, selection: Selection, expected: list[str]
) -> None:
    assert files.export(history, history.with_name("o"), Wish("csv", selection=selection)) == len(
        expected
    )
    folder = history.with_name("o")
    assert [row["ref"] for row in rows(folder / "builds.csv")] == expected
    assert len(rows(folder / "steps.csv")) == expected.count("a")
    assert len(rows(folder / "layers.csv")) == expected.count("b")
    assert len(rows(folder / "warnings.csv")) == expected.count("b")
    lines = export(history, "o.ndjson", selection=selection).read_text().splitlines()
    assert [json.loads(line)["ref"] for line in lines] == expected
    copy = export(history, "o.db", selection=selection)
    assert [row[0] for row in sqlite3.connect(copy).execute(
        "SELECT ref FROM docker_builds ORDER BY id")] == expected  # fmt: skip


def test_the_averages_for_older_tools_are_over_the_selected_builds(history: Path) -> None:
    wish = Wish(selection=Selection(since=NOON + timedelta(hours=1)))
    files.export(history, history.with_name("o.json"), wish)
    document = json.loads(history.with_name("o.json").read_text())
    assert document["total_builds"] == {"shop": 1}
    assert document["averages"] == {}  # it failed
    assert len(document["history"]) == 1
    assert document["last_build_time"] == document["history"][0]["timestamp"]
    files.export(history, history.with_name("o.json"), Wish(selection=Selection(until=times.now())))
    selected = json.loads(history.with_name("o.json").read_text())
    files.export(history, history.with_name("o.json"), Wish())
    assert selected == json.loads(history.with_name("o.json").read_text())


@pytest.mark.parametrize("name", ["o.json", "o.ndjson", "o.csv", "o.xlsx", "o.parquet", "o"])
def test_an_export_that_fails_leaves_what_was_there_and_nothing_beside_it(
    history: Path, name: str
) -> None:
    style = "csv" if name == "o" else None
    target = export(history, name, style=style)
    there = target / "builds.csv" if name == "o" else target
    before = there.read_bytes()
    beside = sorted(os.listdir(target.parent))

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    many = [a_build(str(number), days=number / 100) for number in range(1500)]
    make(history, many)
    with pytest.raises(KeyboardInterrupt):
        files.export(history, target, Wish(style), stop)
    assert there.read_bytes() == before
    assert sorted(os.listdir(target.parent)) == beside


def test_a_name_that_tells_nothing_is_a_file_unless_tables_are_asked_for(history: Path) -> None:
    for style in ("xlsx", "json", "ndjson", "sqlite"):
        assert export(history, f"plain-{style}", style=style).is_file()
    for style in ("csv", "parquet"):
        assert export(history, f"plain-{style}", style=style).is_dir()


def test_text_goes_to_stdout_and_talk_does_not(history: Path) -> None:
    for words, first in (["export", "-"], '{"history":['), (
        ["export", "-", "--format", "ndjson", "--image", "web"], '{"image_name":"web",'
    ):  # fmt: skip
        command = [sys.executable, "-m", "recorder", "--db", str(history), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.startswith(first)
        assert "builds to stdout" in done.stderr


def test_a_folder_that_holds_other_things_is_not_replaced(history: Path) -> None:
    folder = history.with_name("out")
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(CannotWriteError, match=r"thesis\.txt"):
        export(history, "out")
    assert os.listdir(folder) == ["thesis.txt"]
    (folder / "thesis.txt").unlink()
    export(history, "out")
    export(history, "out")
    assert "builds.csv" in os.listdir(folder)


@pytest.mark.parametrize(
    ("name", "wish", "error"),
    [
        ("o.doc", {}, BadValueError),
        ("o.json/x.json", {}, CannotWriteError),
        ("none/x.ndjson", {}, CannotWriteError),
        ("o.csv", {"by_month": True}, BadValueError),
        (".", {"style": "xlsx"}, BadValueError),
        ("-", {"style": "parquet"}, BadValueError),
    ],
)
def test_what_cannot_be_written_is_said_in_a_sentence(
    history: Path, monkeypatch: pytest.MonkeyPatch, name: str, wish: Any, error: type[Exception]
) -> None:
    monkeypatch.chdir(history.parent)
    with pytest.raises(error):
        files.export(history, Path(name), Wish(**wish))


def test_an_absent_library_is_named_with_its_extra(history: Path) -> None:
    script = f"""if True:
        import sys
        sys.modules["pyarrow"] = None
        from pathlib import Path
        from recorder.errors import MissingExtraError
        from recorder.exports import files
        history = Path({str(history)!r})
        try:
            files.export(history, history.with_name("x.parquet"), files.Wish())
        except MissingExtraError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "Parquet needs pyarrow: run `pip install 'buildrec[parquet]'`.",
    ], done.stderr
    assert MissingExtraError.slug == "missing-extra"


@pytest.mark.parametrize("name", ["o.json", "o.ndjson", "o.csv", slow("o.xlsx"), "o"])
def test_memory_does_not_grow_with_the_history(tmp_path: Path, name: str) -> None:
    def peak(count: int) -> int:
        step = Step(1, "RUN " + "x" * 200, "k", "run", started=0.0, duration=1.0)
        source = make(
            tmp_path / f"{count}.db",
            [a_build(str(n), days=n / 50, error_message="y" * 300, steps=(step,))
             for n in range(count)],
        )  # fmt: skip
        wish = Wish("csv" if name == "o" else None)
        files.export(source, tmp_path / name, wish)  # what is loaded once is loaded now
        tracemalloc.start()
        files.export(source, tmp_path / name, wish)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(4000) < 1.5 * peak(1000)


def test_the_document_in_pieces_is_the_document(history: Path) -> None:
    with database.connect_to_read(history) as connection, database.snapshot(connection):
        for layout in older_tools.LAYOUTS:
            pieces = list(older_tools.chunks(connection, layout))
            assert json.loads("".join(pieces)) == older_tools.document(connection, layout)
        assert "".join(older_tools.chunks(connection)).count("\n") > 3  # a build a line


def test_a_copy_of_a_part_is_a_history_of_its_own(history: Path) -> None:
    copy = export(history, "o.db", selection=Selection(image="shop"))
    assert content(copy)["statistics"] == [
        row for row in content(history)["statistics"] if row[0] == "shop"
    ]
