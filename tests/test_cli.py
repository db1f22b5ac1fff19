"""The command line: what it prints where, its exit codes, its errors."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from recording_help import Terminal

from recorder import database, store, times
from recorder.model import Build, Step

WHEN = times.parse("2026-03-01T04:05:06.789Z")


def buildrec(*words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "recorder", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


@pytest.fixture
def filled(database_path: Path) -> Path:
    steps = (
        Step(position=1, name="[1/2] COPY . .", step_key="a" * 16, kind="copy", cached=True,
             started=0.1, duration=0.0),
        Step(position=2, name="[2/2] RUN make \x1b[31mred\u202e", step_key="b" * 16, kind="run",
             critical=True, started=0.2, duration=11.5),
    )  # fmt: skip
    with database.connect(database_path) as connection:
        store.record(
            connection,
            Build(image_name="app", build_duration=12.0, completed_at=WHEN, ref="abcdefgh1234",
                  image_size_bytes=152_000_000, size_kind="unpacked", build_args={"A": "1"},
                  image_tags=("app:1",), cache_ratio=0.5, total_steps=5, cached_steps=1,
                  steps=steps),
        )  # fmt: skip
        store.record(
            connection,
            Build(image_name="=cmd()", build_duration=3.0, completed_at=WHEN, status="failed",
                  error_message="exit code: 1"),
        )  # fmt: skip
    return database_path


def test_a_pipe_gets_json_and_a_terminal_would_get_a_table(filled: Path) -> None:
    piped = buildrec("--db", str(filled), "history")
    rows = json.loads(piped.stdout)
    assert [row["image_name"] for row in rows] == ["=cmd()", "app"]
    assert rows[1]["build_args"] == {"A": "1"}
    assert rows[1]["image_tags"] == ["app:1"]
    table = buildrec("--db", str(filled), "history", "--format", "table").stdout
    assert "IMAGE" in table
    assert "152 MB" in table
    assert "FAILED" in table


@pytest.mark.parametrize("command", [["history"], ["stats"], ["show", "app"]])
@pytest.mark.parametrize("style", ["table", "json", "csv", "tsv", "nl"])
def test_every_reading_command_prints_in_every_format(
    filled: Path, command: list[str], style: str
) -> None:
    done = buildrec("--db", str(filled), *command, "--format", style)
    assert done.returncode == 0
    assert done.stdout
    assert not done.stderr
    if style == "nl":
        assert all(isinstance(json.loads(line), dict) for line in done.stdout.splitlines())


def columns_of(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_a_table_fits_its_terminal_and_is_whole_in_a_pipe(database_path: Path) -> None:
    name = "registry.example.com/a-team/with-a-long-name/and-an-image/with-a-longer-one"
    with database.connect(database_path) as connection:
        store.record(connection, Build(image_name=name, build_duration=12.0, completed_at=WHEN))
    words = ["--db", str(database_path), "history", "--format", "table"]
    for width in (80, 100):
        terminal = Terminal(sys.executable, "-m", "recorder", *words,
                            environ={"COLUMNS": str(width)})  # fmt: skip
        assert terminal.wait() == 0
        shown = terminal.shown.decode()
        assert columns_of(shown) == width
        assert "registry.ex" in shown
        assert "12.0 s" in shown
    piped = buildrec(*words, env=os.environ | {"COLUMNS": "80"}).stdout
    assert name in piped


def test_a_table_at_a_terminal_without_room_shows_the_beginnings(filled: Path) -> None:
    terminal = Terminal(sys.executable, "-m", "recorder", "--db", str(filled), "history",
                        environ={"COLUMNS": "9"})  # fmt: skip
    assert terminal.wait() == 0
    assert b"=cmd()" in terminal.shown


def test_csv_does_not_carry_a_formula(filled: Path) -> None:
    text = buildrec("--db", str(filled), "history", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["image_name"] == "'=cmd()"


def test_the_largest_number_is_a_limit_too(filled: Path) -> None:
    for words in (["history"], ["alerts", "list"], ["bench", "runs"]):
        done = buildrec("--db", str(filled), *words, "-n", str(2**63 - 1), "--format", "json")
        assert (done.returncode, done.stderr) == (0, "")


def test_n_limits_the_list(filled: Path) -> None:
    done = buildrec("--db", str(filled), "history", "-n", "1")
    assert len(json.loads(done.stdout)) == 1


def test_history_of_one_image(filled: Path) -> None:
    done = buildrec("--db", str(filled), "history", "app")
    assert [row["image_name"] for row in json.loads(done.stdout)] == ["app"]


def test_times_are_converted_on_request(filled: Path) -> None:
    plain, asked = (
        json.loads(buildrec("--db", str(filled), "history", "app", *more).stdout)[0]
        for more in ([], ["--timezone", "Europe/Berlin"])
    )
    assert plain["build_timestamp"] == "2026-03-01T12:05:06.789+08:00"
    assert asked["build_timestamp"] == "2026-03-01T05:05:06.789+01:00"
    assert asked["timezone"] == "Europe/Berlin"


def test_show_draws_the_steps_and_defuses_what_a_terminal_would_obey(filled: Path) -> None:
    done = buildrec("--db", str(filled), "show", "app", "--format", "table")
    assert "cached" in done.stdout
    assert "█" in done.stdout
    assert "11.5 s" in done.stdout
    assert "\x1b[31m" not in done.stdout
    assert "\u202e" not in done.stdout


def test_show_finds_a_build_by_id_ref_and_image(filled: Path) -> None:
    for wanted in ("1", "abcdef", "default/default/abcdefgh1234", "app"):
        found = json.loads(buildrec("--db", str(filled), "show", wanted).stdout)
        assert found["id"] == 1
        assert found["steps"][0]["name"] == "[1/2] COPY . ."


def test_show_works_where_the_terminal_knows_only_ascii(filled: Path) -> None:
    env = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = buildrec("--db", str(filled), "show", "app", "--format", "table", env=env)
    assert done.returncode == 0
    assert "#" in done.stdout


def test_record_stores_what_it_is_told(database_path: Path) -> None:
    done = buildrec(
        "--db", str(database_path), "record", "my/app", "--duration", "12.5", "--size-mb", "99.5",
        "--build-arg", "API_TOKEN=hunter22", "--finished", "2026-01-02T03:04:05", "--timezone",
        "America/New_York", "--error", "no space",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    row = json.loads(buildrec("--db", str(database_path), "history").stdout)[0]
    assert row["build_timestamp"] == "2026-01-02T03:04:05.000-05:00"
    assert row["image_size_mb"] == 99.5
    assert row["status"] == "failed"
    assert "hunter22" not in str(row)
    assert row["build_args"]["API_TOKEN"].startswith("[masked:")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["record", "app", "--duration", "-1"], "negative"),
        (["record", "app", "--duration", "soon"], "'soon' is not a duration"),
        (["record", "app", "--duration", "nan"], "'nan' is not a duration"),
        (["record", " ", "--duration", "1"], "name of its image"),
        (["record", "app", "--duration", "1", "--build-arg", "X"], "NAME=VALUE"),
        (["record", "app", "--duration", "1", "--finished", "later"], "not a timestamp"),
        (["record", "app", "--duration", "1e300"], "more than a duration can be"),
        (["record", "app"], "--duration"),
        (["history", "-n", "0"], "-n"),
        *(
            ([*words, "9" * 25], "is more than there can be")
            for words in (
                ["history", "-n"],
                ["bench", "runs", "-n"],
                ["alerts", "list", "-n"],
                ["alerts", "ack"],
                ["alerts", "resolve", "1"],
                ["prune", "--keep"],
                ["backup", "--keep"],
                ["bench", "run", "--concurrent"],
            )
        ),
        (["nonsense"], "nonsense"),
        (["build"], "Usage"),
        (["run", "--nonsense", "true"], "--nonsense"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    database_path: Path, words: list[str], said: str
) -> None:
    done = buildrec("--db", str(database_path), *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(buildrec("--db", str(database_path), "history").stdout) == []


def test_an_unknown_zone_is_recorded_as_utc_with_a_warning(database_path: Path) -> None:
    done = buildrec("--db", str(database_path), "record", "app", "--duration", "1",
                    "--timezone", "Mars/Olympus")  # fmt: skip
    assert done.returncode == 0
    assert "Mars/Olympus" in done.stderr
    row = json.loads(buildrec("--db", str(database_path), "history").stdout)[0]
    assert row["timezone"] == "UTC"
    assert row["build_timestamp"].endswith("+00:00")


def test_reading_without_a_database_says_what_to_do(tmp_path: Path) -> None:
    done = buildrec("--db", str(tmp_path / "none.db"), "history")
    assert done.returncode == 1
    assert "record a build first" in done.stderr
    assert not (tmp_path / "none.db").exists()


def test_an_unknown_build_says_where_to_look(filled: Path) -> None:
    done = buildrec("--db", str(filled), "show", "999")
    assert done.returncode == 1
    assert "buildrec history" in done.stderr


def test_record_into_what_is_no_database_keeps_the_build_for_later(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("this is no database, it is a letter to somebody" * 100)
    done = buildrec("--db", str(path), "record", "app", "--duration", "1")
    assert done.returncode == 1
    assert "not a SQLite database" in done.stderr
    assert "waits in" in done.stderr
    path.unlink()
    assert buildrec("--db", str(path), "record", "app", "--duration", "2").returncode == 0
    rows = json.loads(buildrec("--db", str(path), "history").stdout)
    assert sorted(row["build_duration"] for row in rows) == [1.0, 2.0]


def test_a_reader_that_goes_away_is_no_error(filled: Path) -> None:
    command = f"{sys.executable} -m recorder --db {filled} history | head -c 1; "
    done = subprocess.run(
        ["bash", "-c", command + "echo ${PIPESTATUS[0]}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith("0\n")
    assert not done.stderr


def test_v_shows_what_happens(database_path: Path) -> None:
    done = buildrec("-v", "--db", str(database_path), "record", "app", "--duration", "1")
    assert "recorder.store" in done.stderr
    failed = buildrec("-v", "--db", str(database_path), "show", "999")
    assert "Traceback" in failed.stderr


def test_help_names_every_command_without_loading_them() -> None:
    script = (
        "import sys; from recorder.cli.app import buildrec\n"
        "buildrec(['--help'], standalone_mode=False)\n"
        "assert not {'docker', 'datasette', 'grpclib', 'sqlite_utils'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "serve" in done.stdout


def test_a_wrapped_command_starts_before_anything_heavy_is_loaded() -> None:
    script = (
        "import os, sys; from recorder.cli import main\n"
        "def spawn(*words, **how):\n"
        "    print(words[0], *{'asyncio', 'logging', 'sqlite3', 'threading', 'typing'}"
        " & set(sys.modules), flush=True)\n"
        "    os._exit(0)\n"
        "os.posix_spawnp = spawn; sys.argv = ['buildrec', 'build', '.']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout == "docker\n", done.stderr


def test_recording_loads_neither_sqlite_utils_nor_the_docker_sdk(database_path: Path) -> None:
    script = (
        "import sys; from recorder.cli.app import buildrec\n"
        f"buildrec(['--db', {str(database_path)!r}, 'record', 'app', '--duration', '1'],"
        " standalone_mode=False)\n"
        "assert not {'docker', 'datasette', 'grpclib', 'sqlite_utils'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_init_takes_in_what_an_older_tool_left_and_leaves_no_trace_of_its_check(
    tmp_path: Path,
) -> None:
    older = {"history": [{"timestamp": "2025-07-10T08:56:04Z", "image": "app", "duration": 41}],
             "averages": {"app": 41}, "last_build_time": "2025-07-10T08:56:04Z"}  # fmt: skip
    (tmp_path / "docker_build_times.json").write_text(json.dumps(older))
    for known in ("1 builds in, 0 known", "0 builds in, 1 known"):
        done = buildrec("init", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert known in done.stderr
        assert "leaves no trace" in done.stderr
    rows = json.loads(buildrec("history", cwd=tmp_path).stdout)
    assert [(row["id"], row["image_name"], row["build_duration"]) for row in rows] == [
        (1, "app", 41.0)
    ]
    written = json.loads((tmp_path / "docker_build_times.json").read_text())
    assert written["averages"] == {"app": 41.0}
    kept = json.loads((tmp_path / "docker_build_times.older.json").read_text())
    assert kept == older


def test_demo_without_an_engine_shows_a_recorded_history(tmp_path: Path) -> None:
    env = os.environ | {"DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    done = buildrec("demo", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert "no Docker engine answers" in done.stderr
    assert "storefront" in done.stdout
    assert "buildrec --db buildrec-demo.db serve" in done.stdout
    again = buildrec("demo", cwd=tmp_path, env=env)
    assert again.stdout == done.stdout


@pytest.mark.engine
def test_demo_with_an_engine_records_a_cold_a_warm_and_a_partial_build(tmp_path: Path) -> None:
    done = buildrec("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "buildrec-demo" in done.stdout
    rows = json.loads(buildrec("--db", "buildrec-demo.db", "history", cwd=tmp_path).stdout)
    assert [row["cache_class"] for row in rows] == ["partial", "warm", "cold"]
    assert all(row["image_size_mb"] > 1.9 for row in rows)
