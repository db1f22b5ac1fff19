"""The rows of benchmarks: masked, merged, mended, exported, beside the images of their project."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from bench_help import buildrec, result, rows, stored
from publication_help import build, record

from recorder import benchmark_results, database, older_tools
from recorder.errors import BadValueError

TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB"


def test_a_result_says_what_its_values_are(database_path: Path) -> None:
    stored(database_path, result(raw=((0.1, 0.3), (0.2, 0.4)), loops=7, figures={"hits": 3}))
    (row,) = rows(database_path, "SELECT * FROM benchmark_measurements")
    assert (row["n"], row["mean"], row["median"]) == (4, pytest.approx(0.25), pytest.approx(0.25))
    assert (row["min"], row["max"]) == (0.1, 0.4)
    assert row["stdev"] == pytest.approx(0.1291, abs=1e-4)
    assert json.loads(row["raw"]) == [[0.1, 0.3], [0.2, 0.4]]
    assert json.loads(row["figures"]) == {"hits": 3}


def test_a_result_takes_the_place_of_the_one_before(database_path: Path) -> None:
    number = stored(database_path, result(seconds=1.0))
    with database.connect(database_path) as connection:
        benchmark_results.add(connection, number, result(seconds=2.0))
    (row,) = rows(database_path, "SELECT min FROM benchmark_measurements")
    assert row["min"] == 2.0


def test_secrets_are_masked_in_every_text(database_path: Path) -> None:
    stored(
        database_path,
        result(TOKEN, status="failed", reason=f"it said {TOKEN}", figures={"a": TOKEN},
               unstable=(TOKEN,)),
        git_branch=TOKEN, cpu=TOKEN, git_remote="https://user:hunter2222@example.com/a.git",
    )  # fmt: skip
    content = database_path.read_bytes() + Path(f"{database_path}-wal").read_bytes() \
        if Path(f"{database_path}-wal").exists() else database_path.read_bytes()  # fmt: skip
    assert TOKEN.encode() not in content
    assert b"hunter2222" not in content


def test_a_column_that_there_is_not_is_refused(database_path: Path) -> None:
    with pytest.raises(BadValueError, match="hostname"):
        stored(database_path, hostname="mine")


def test_a_run_keeps_the_latest_builds_of_its_project(database_path: Path) -> None:
    record(
        database_path,
        build("api", hours=1, seconds=30, image_size_bytes=1_000_000, git_remote="example.com/a"),
        build("api", hours=2, seconds=20, image_size_bytes=2_000_000, git_remote="example.com/a"),
        build("api", hours=3, seconds=1, status="failed", git_remote="example.com/a"),
        build("web", hours=2, seconds=50, git_remote="example.com/b"),
    )
    stored(database_path, git_remote="example.com/a")
    found = rows(database_path, "SELECT * FROM benchmark_images")
    assert [(row["image_name"], row["build_duration"], row["image_size_mb"]) for row in found] == [
        ("api", 20, 2.0)
    ]
    # Of a project that has no image here, the file is all that is known.
    number = stored(database_path, git_remote="example.com/c")
    found = rows(database_path, f"SELECT * FROM benchmark_images WHERE run_id = {number}")
    assert [row["image_name"] for row in found] == ["api", "web"]


def test_older_tools_get_results_under_benchmarks_newest_first(database_path: Path) -> None:
    record(database_path, build())
    with database.connect_to_read(database_path) as connection:
        assert "benchmarks" not in older_tools.document(connection)
    stored(database_path, result("one"), git_commit="c0ffee", started_at="2026-01-01T00:00:00.000Z")
    stored(database_path, result("two", figures={"hits": 3}), result("bad", status="failed"),
           started_at="2026-01-02T00:00:00.000Z")  # fmt: skip
    with database.connect_to_read(database_path) as connection:
        for layout in ("averages", "objects"):
            given = older_tools.document(connection, layout)
            assert [row["benchmark"] for row in given["benchmarks"]] == ["two", "one"]
            assert len(given["history"]) == 1
        assert isinstance(older_tools.document(connection, "list"), list)
    first = given["benchmarks"][0]
    assert first["timestamp"] == "2026-01-02T00:00:00.000Z"
    assert first["figures"] == {"hits": 3}
    assert first["median"] == pytest.approx(0.010045)
    assert given["benchmarks"][1]["git_commit"] == "c0ffee"


def test_runs_come_along_in_a_merge_once_and_are_masked_again(tmp_path: Path) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    record(source, build("api", seconds=30))
    stored(source, result("one"), result("two", figures={"hits": 3}), git_commit="c0ffee")
    with closing(sqlite3.connect(source)) as plain:
        plain.execute("UPDATE benchmark_runs SET git_branch = ?", (TOKEN,))
        plain.execute("UPDATE benchmark_measurements SET figures = ? WHERE benchmark = 'two'",
                      (json.dumps({"a": TOKEN}),))  # fmt: skip
        plain.commit()
    stored(target, result("own"))
    for _ in range(2):
        ended = buildrec("--db", str(target), "import", str(source))
        assert ended.returncode == 0, ended.stderr
    query = (
        "SELECT r.git_commit, m.* FROM benchmark_runs AS r "
        "JOIN benchmark_measurements AS m ON m.run_id = r.id ORDER BY r.id, benchmark"
    )
    found = rows(target, query)
    assert [row["benchmark"] for row in found] == ["own", "one", "two"]
    assert found[1]["git_commit"] == "c0ffee"
    assert json.loads(found[1]["raw"])[0] == [0.01] * 3
    assert [row["image_name"] for row in rows(target, "SELECT * FROM benchmark_images")] == ["api"]
    assert TOKEN not in json.dumps(found) + json.dumps(rows(target, "SELECT * FROM benchmark_runs"))


def test_a_run_that_went_on_since_the_last_merge_is_brought_up_to_date(tmp_path: Path) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    number = stored(source, result("one"), ended=None)
    buildrec("--db", str(target), "import", str(source))
    assert rows(target, "SELECT status FROM benchmark_runs") == [{"status": "running"}]
    with database.connect(source) as connection:
        benchmark_results.add(connection, number, result("two"))
        benchmark_results.end(connection, number, "completed", 0.5)
    buildrec("--db", str(target), "import", str(source))
    (run,) = rows(target, "SELECT status, completed_at, load_after FROM benchmark_runs")
    assert (run["status"], run["load_after"]) == ("completed", 0.5)
    assert run["completed_at"]
    assert len(rows(target, "SELECT * FROM benchmark_measurements")) == 2


def test_rows_of_the_wrong_kind_are_left_out_of_a_merge(tmp_path: Path) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    stored(source, result("one"), result("two"))
    stored(source, result("three"))
    with closing(sqlite3.connect(source)) as plain:
        plain.execute("UPDATE benchmark_measurements SET median = 'much' WHERE benchmark = 'one'")
        plain.execute("UPDATE benchmark_measurements SET n = 'many' WHERE benchmark = 'two'")
        plain.execute("UPDATE benchmark_runs SET copies = 'x' WHERE id = 2")
        plain.commit()
    assert buildrec("--db", str(target), "import", str(source)).returncode == 0
    found = rows(target, "SELECT benchmark, median FROM benchmark_measurements")
    assert found == [{"benchmark": "one", "median": None}]


def test_results_of_a_run_that_is_lost_are_found_and_removed(database_path: Path) -> None:
    record(database_path, build())
    stored(database_path, result())
    kept = stored(database_path, result())
    with closing(sqlite3.connect(database_path)) as plain:
        plain.execute("DELETE FROM benchmark_runs WHERE id <> ?", (kept,))
        plain.commit()
    found = buildrec("--db", str(database_path), "doctor")
    assert "benchmark_measurements belong to nothing" in found.stdout
    assert buildrec("--db", str(database_path), "doctor", "--fix").returncode == 0
    assert [row["run_id"] for row in rows(database_path, "SELECT * FROM benchmark_measurements")] \
        == [kept]  # fmt: skip


def test_runs_and_one_of_them_are_shown(database_path: Path) -> None:
    empty = buildrec("--db", str(database_path), "bench", "runs", "--format", "table")
    assert (empty.stdout, empty.stderr) == ("", "No benchmark was run yet.\n")
    stored(database_path, result(), versions={"pyperf": "2.10.0"}, git_commit="c0ffee" * 6)
    stored(database_path, result("hostile\x1b[31m"), quick=1, mode="contention", copies=3)
    listed = json.loads(buildrec("--db", str(database_path), "bench", "runs").stdout)
    assert [row["results"] for row in listed] == [1, 1]
    assert listed[1]["versions"] == {"pyperf": "2.10.0"}
    table = buildrec("--db", str(database_path), "bench", "runs", "--format", "table").stdout
    assert "quick, 3 at once" in table
    assert "c0ffeec0ffee " in table
    shown = buildrec("--db", str(database_path), "bench", "show", "--format", "table").stdout
    assert "hostile" in shown
    assert "\x1b" not in shown


def test_what_another_tool_wrote_is_shown_as_it_is(database_path: Path) -> None:
    stored(database_path, result())
    with closing(sqlite3.connect(database_path)) as plain:
        plain.execute("UPDATE benchmark_runs SET versions = 'many'")
        plain.execute(
            "UPDATE benchmark_measurements SET figures = 'no JSON', raw = '[', unstable=''"
        )
        plain.commit()
    assert json.loads(buildrec("--db", str(database_path), "bench", "runs").stdout)[0][
        "versions"
    ] == "many"  # fmt: skip
    (shown,) = json.loads(buildrec("--db", str(database_path), "bench", "show").stdout)
    assert shown["figures"] is shown["raw"] is None
    compared = buildrec("--db", str(database_path), "bench", "compare", "1", "1")
    assert json.loads(compared.stdout)[0]["verdict"] == "too few values"


def test_markdown_shows_recorded_markup_as_text(database_path: Path) -> None:
    stored(database_path, result("a|b_<c>", figures={"hits": 3}))
    ended = buildrec("--db", str(database_path), "bench", "show", "--format", "markdown")
    titles, rule, row = ended.stdout.splitlines()
    assert titles.count("|") == rule.count("|") == row.replace(r"\|", "").count("|")
    assert r"shop/a\|b\_\<c\>" in row
    assert "hits 3" in row
