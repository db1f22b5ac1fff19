"""`buildrec bench`: suites of one's own are found, run in processes of their own, and stored."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyperf
import pytest
from bench_help import SUITE, buildrec, rows, suite_file

from recorder import benchmarks
from recorder.bench import discovery, harness
from recorder.errors import BadValueError

HANGS = """
import sys, time
from pathlib import Path
from recorder.benchmarks import Suite, Work

suite = Suite("long")
HERE = Path(__file__).parent

@suite.benchmark("first", slow=True)
def first(scratch, quick):
    return Work(lambda: None)

@suite.benchmark("second", slow=True)
def second(scratch, quick):
    def run():
        (HERE / "begun").write_text(str(scratch))
        time.sleep(60)
    return Work(run)
"""


@pytest.fixture(scope="module")
def ran(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """A folder in which a suite file ran once, quickly; its database is history.db."""
    folder = tmp_path_factory.mktemp("bench")
    suite_file(folder)
    ended = buildrec(
        "--db", "history.db", "bench", "run", "--quick", "--file", "my_benchmarks.py",
        "shop", "lacking", cwd=folder,
    )  # fmt: skip
    return folder, ended


def test_what_was_measured_is_printed_and_stored(ran) -> None:
    folder, ended = ran
    printed = {row["benchmark"]: row for row in json.loads(ended.stdout)}
    assert printed["sum"]["figures"] == {"total": sum(range(2000))}
    assert printed["sum"]["n"] == 6
    assert [len(values) for values in printed["sum"]["raw"]] == [3, 3]
    assert printed["sum"]["loops"] > 1
    assert printed["sum"]["peak_memory_bytes"] > 5_000_000
    assert 0 < printed["sum"]["min"] <= printed["sum"]["median"] <= printed["sum"]["max"]
    found = rows(folder / "history.db", "SELECT * FROM benchmark_measurements")
    assert {row["benchmark"]: row["median"] for row in found} == {
        name: row["median"] for name, row in printed.items()
    }


def test_a_coroutine_is_awaited_in_one_loop_and_takes_no_cpu_while_it_waits(ran) -> None:
    folder, _ = ran
    (row,) = rows(folder / "history.db",
                  "SELECT * FROM benchmark_measurements WHERE benchmark = 'wait'")  # fmt: skip
    figures = json.loads(row["figures"])
    assert figures["loops"] == 1
    assert row["mean"] >= 0.001 > row["cpu_seconds"]
    assert figures["real_time_factor"] == pytest.approx(row["mean"] / 2, rel=0.001)
    assert (folder / "cleaned").exists()


def test_what_fails_or_lacks_a_library_is_told_and_hinders_no_other(ran) -> None:
    folder, ended = ran
    assert ended.returncode == 1
    found = {row["benchmark"]: row for row in json.loads(ended.stdout)}
    assert (found["wrong"]["status"], found["wrong"]["reason"]) == ("failed", "found 3 of 4")
    assert found["broken"]["status"] == "failed"
    assert found["never"]["status"] == "skipped"
    assert "pip install 'buildrec[bench]'" in found["never"]["reason"]
    assert found["sum"]["status"] == found["wait"]["status"] == "completed"
    assert "shop/wrong failed: found 3 of 4" in ended.stderr
    (run,) = rows(folder / "history.db", "SELECT status, quick, mode FROM benchmark_runs")
    assert run == {"status": "failed", "quick": 1, "mode": "solo"}


def test_no_secret_gets_into_the_reason_of_a_failure(ran) -> None:
    folder, _ = ran
    assert b"ghp_0123456789" not in (folder / "history.db").read_bytes()
    query = "SELECT reason FROM benchmark_measurements WHERE benchmark = 'broken'"
    (row,) = rows(folder / "history.db", query)
    assert row["reason"].startswith("OSError: no room for token ")


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        ((0.100, 0.103, 0.098, 0.105), []),
        ((0.100, 0.130, 0.080, 0.100), ["the standard deviation"]),
        ((0.100, 0.100, 0.100, 0.170), ["the standard deviation"]),
        ((0.0001, 0.0001, 0.0001, 0.0001), ["the shortest raw value"]),
    ],
)
def test_values_are_in_doubt_if_they_vary_much_or_are_too_short_but_not_as_they_are_few(
    tmp_path: Path, values: tuple[float, ...], reasons: list[str]
) -> None:
    runs = [
        pyperf.Run([value], metadata={"name": "sum"}, collect_metadata=False) for value in values
    ]
    pyperf.Benchmark(runs).dump(str(tmp_path / "values.json"))
    check = [sys.executable, "-m", "pyperf", "check", str(tmp_path / "values.json")]
    said = subprocess.run(check, capture_output=True, text=True, check=False).stdout
    found = harness.doubts(said)
    assert len(found) == len(reasons)
    assert all(line.startswith(reason) for line, reason in zip(found, reasons, strict=True))


def test_a_run_keeps_the_machine_but_not_whose_it_is(ran) -> None:
    folder, _ = ran
    (run,) = rows(folder / "history.db", "SELECT * FROM benchmark_runs")
    assert run["cpus"] >= 1
    assert run["memory_bytes"] > 1e8
    assert run["python"].endswith(".".join(map(str, sys.version_info[:3])))
    assert {"buildrec", "pyperf"} <= json.loads(run["versions"]).keys()
    told = json.dumps(run)
    assert os.uname().nodename not in told.replace("localhost", "")
    assert str(Path.home()) not in told


def test_the_values_are_left_with_nothing_else_in_the_folder_for_temporary_files(
    tmp_path: Path,
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    file = suite_file(tmp_path)
    buildrec("--db", str(tmp_path / "h.db"), "bench", "run", "--quick", "--file", str(file),
             "shop/broken", env={**os.environ, "TMPDIR": str(temporary)})  # fmt: skip
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_is_done_and_ends_every_process(
    tmp_path: Path, number: int
) -> None:
    suite_file(tmp_path, HANGS)
    command = [sys.executable, "-m", "recorder", "--db", "h.db", "bench", "run", "--quick",
               "--file", "my_benchmarks.py", "long"]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    scratch = Path((tmp_path / "begun").read_text())
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert [row["benchmark"] for row in json.loads(out)] == ["first"]
    (run,) = rows(tmp_path / "h.db", "SELECT status, completed_at FROM benchmark_runs")
    assert run["status"] == "interrupted"
    assert run["completed_at"]
    assert not scratch.exists()
    commands = b"".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")
                        if path.exists())  # fmt: skip
    assert bytes(tmp_path) not in commands


def test_an_unknown_name_is_refused_before_anything_runs(tmp_path: Path) -> None:
    file = suite_file(tmp_path)
    for wanted in ("nothing", "shop/nothing"):
        ended = buildrec(
            "--db", str(tmp_path / "h.db"), "bench", "run", "--file", str(file), wanted
        )
        assert ended.returncode == 2
        assert "see `buildrec bench list`" in ended.stderr
        assert not (tmp_path / "h.db").exists()


def test_copies_at_once_are_contention_and_their_values_stand_together(tmp_path: Path) -> None:
    file = suite_file(tmp_path)
    ended = buildrec("--db", str(tmp_path / "h.db"), "bench", "run", "--quick", "--concurrent", "2",
                     "--file", str(file), "shop/sum")  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    (row,) = json.loads(ended.stdout)
    assert len(row["raw"]) == row["processes"] == 4
    (run,) = rows(tmp_path / "h.db", "SELECT mode, copies FROM benchmark_runs")
    assert run == {"mode": "contention", "copies": 2}


@pytest.mark.parametrize(
    ("value", "quick"), [("1", True), ("true", True), ("0", False), ("", False), (None, False)]
)
def test_benchmark_mode_makes_quick_the_default(value: str | None, quick: bool) -> None:
    environ = {} if value is None else {"BENCHMARK_MODE": value}
    assert benchmarks.quick_by_default(environ) is quick


def test_the_list_says_what_each_is_and_what_is_missing(tmp_path: Path) -> None:
    file = suite_file(tmp_path)
    ended = buildrec("bench", "list", "--file", str(file), "--format", "csv")
    listed = {f"{row['suite']}/{row['benchmark']}": row
              for row in csv.DictReader(io.StringIO(ended.stdout))}  # fmt: skip
    assert listed["shop/sum"]["about"] == "Adds numbers up."
    assert listed["shop/wait"]["about"] == "Waits without working."
    assert listed["shop/sum"]["needs"] == ""
    assert "no_such_module" in listed["lacking/never"]["needs"]


def test_a_file_that_cannot_be_loaded_is_told_and_the_others_are_listed(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import no_such_module_at_all")
    file = suite_file(tmp_path)
    ended = buildrec("bench", "list", "--file", str(tmp_path / "bad.py"), "--file", str(file))
    assert ended.returncode == 0
    assert "no_such_module_at_all" in ended.stderr
    assert "shop" in {row["suite"] for row in json.loads(ended.stdout)}


def test_an_entry_point_of_another_package_gives_a_suite_and_a_broken_one_a_remark(
    tmp_path: Path,
) -> None:
    package = tmp_path / "packages"
    info = package / "shop_benchmarks-1.0.dist-info"
    info.mkdir(parents=True)
    (package / "shop_benchmarks.py").write_text(SUITE.replace('"shop"', '"store"'))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-benchmarks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[buildrec.benchmarks]\ngone = no_such_package\nstore = shop_benchmarks:suite\n"
    )
    more = {"env": {**os.environ, "PYTHONPATH": str(package)}, "cwd": tmp_path}
    listed = buildrec("bench", "list", **more)
    assert "store" in {row["suite"] for row in json.loads(listed.stdout)}
    assert "lacking" not in {row["suite"] for row in json.loads(listed.stdout)}
    assert "not loaded: no_such_package" in listed.stderr
    ended = buildrec("--db", "h.db", "bench", "run", "--quick", "store/sum", **more)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)[0]["figures"] == {"total": sum(range(2000))}


def test_a_program_registers_its_own_suite_and_runs_it(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "from recorder.benchmarks import Suite, Work, register, run\n"
        "mine = Suite('mine')\n"
        "@mine.benchmark('nothing', slow=True)\n"
        "def nothing(scratch, quick):\n"
        "    return Work(lambda: None, lambda found: {'quick': quick})\n"
        "if __name__ == '__main__':\n"
        "    register(mine)\n"
        "    ran = run('mine', db_path='h.db', quick=True)\n"
        "    print(ran.status, ran.results[0].figures)\n"
    )
    ended = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True,
                           text=True, check=False)  # fmt: skip
    assert ended.stdout == "completed {'quick': True}\n", ended.stderr
    assert len(rows(tmp_path / "h.db", "SELECT * FROM benchmark_measurements")) == 1


def test_names_that_would_not_work_are_refused() -> None:
    with pytest.raises(BadValueError):
        benchmarks.Suite("a/b")
    suite = benchmarks.Suite("twice")
    with pytest.raises(BadValueError, match="empty"):
        benchmarks.register(suite)
    suite.benchmark("one")(lambda scratch, quick: benchmarks.Work(lambda: None))
    with pytest.raises(BadValueError, match="another name"):
        suite.benchmark("one")
    found = discovery.Found()
    found.add([suite], "here")
    found.add([benchmarks.Suite("twice")], "there")
    assert found.sources == {"twice": "here"}
    assert found.problems == ["there: there is another suite 'twice'"]


def test_no_other_command_imports_anything_of_benchmarks() -> None:
    program = (
        "import sys; sys.argv = ['buildrec', '--help']\n"
        "from recorder.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if 'bench' in name or name == 'pyperf'])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                           check=True)  # fmt: skip
    assert ended.stdout.splitlines()[-1] == "['recorder.benchmark_tables']" or (
        ended.stdout.splitlines()[-1] == "[]"
    )
