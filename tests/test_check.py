"""`buildrec check` and `buildrec alerts` as people and CI call them."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alerts_help import build, noisy, record, record_series, stepped
from recording_help import Terminal


def buildrec(path: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "recorder", "--db", str(path), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def worse(database_path: Path) -> Path:
    """A history whose latest five builds take 40 % longer."""
    record_series(database_path, [*noisy(20), *noisy(5, 140, seed=2)])
    return database_path


def test_nothing_wrong_is_one_line_and_exit_0(database_path):
    record_series(database_path, noisy(20))
    done = buildrec(database_path, "check")
    assert done.returncode == 0
    assert done.stdout == "all images: 20 completed builds, nothing got worse\n"
    assert done.stderr == ""


def test_too_little_history_is_told(database_path):
    record_series(database_path, [100.0, 300.0, 500.0])
    done = buildrec(database_path, "check", "app")
    assert (done.returncode, done.stdout) == (
        0, "app: 3 completed builds, not enough history yet\n"
    )  # fmt: skip


def test_one_build_is_no_builds(database_path):
    record_series(database_path, noisy(1))
    assert buildrec(database_path, "check").stdout == (
        "all images: 1 completed build, not enough history yet\n"
    )


def test_a_regression_exits_3_with_its_sentence(worse):
    done = buildrec(worse, "check", "app")
    assert done.returncode == 3
    assert done.stdout.startswith("regression 1: app: ")
    assert "above the usual" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_an_acknowledged_regression_exits_0(worse):
    assert buildrec(worse, "check").returncode == 3
    assert buildrec(worse, "alerts", "ack", "1", "--note", "a larger test suite").returncode == 0
    done = buildrec(worse, "check")
    assert (done.returncode, done.stdout) == (
        0, "all images: 25 completed builds, nothing got worse but what is acknowledged (1)\n"
    )  # fmt: skip
    (row,) = json.loads(buildrec(worse, "alerts", "list").stdout)
    assert (row["state"], row["note"]) == ("acknowledged", "a larger test suite")


def test_who_acknowledges_one_alert_hears_of_others_of_the_same_change(database_path):
    record(database_path, [stepped(i, [v, 5.0, 5.0]) for i, v in enumerate(noisy(12, 20))])
    record(database_path, [stepped(12 + i, [v, 5.0, 5.0])
                           for i, v in enumerate(noisy(4, 60, seed=2))])  # fmt: skip
    assert buildrec(database_path, "check").returncode == 3
    done = buildrec(database_path, "alerts", "ack", "1")
    assert done.stderr == "1 acknowledged; of the same change alert 2 still stands\n"
    assert buildrec(database_path, "alerts", "ack", "2").stderr == "1 acknowledged\n"
    assert buildrec(database_path, "check").returncode == 0


def test_what_is_resolved_is_listed_only_when_asked_for(worse):
    assert buildrec(worse, "alerts", "resolve", "1").returncode == 0
    assert buildrec(worse, "check").returncode == 0
    assert json.loads(buildrec(worse, "alerts", "list").stdout) == []
    (row,) = json.loads(buildrec(worse, "alerts", "list", "--all").stdout)
    assert row["state"] == "resolved"


def test_a_regression_that_a_rule_lets_pass_is_said_to_be_so(worse):
    rules = worse.parent / "buildrec.toml"
    rules.write_text('metrics = ["size"]\n')
    command = [sys.executable, "-m", "recorder", "--db", str(worse), "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=worse.parent)
    assert done.returncode == 0
    assert done.stdout.startswith("regression 1: app: ")
    assert done.stdout.endswith(" (which the rules let pass)\n")


def test_alerts_are_read_to_their_end_at_any_terminal(worse):
    (row,) = json.loads(buildrec(worse, "alerts", "list").stdout)
    for width in (60, 80):
        terminal = Terminal(sys.executable, "-m", "recorder", "--db", str(worse), "alerts", "list",
                            environ={"COLUMNS": str(width)})  # fmt: skip
        assert terminal.wait() == 0
        lines = terminal.shown.decode().splitlines()
        assert max(map(len, lines)) <= width
        begin = lines[0].index("ALERT")
        assert " ".join(line[begin:] for line in lines[1:]) == row["sentence"]


def test_a_warning_fails_only_a_check_that_asks_for_it(database_path):
    record_series(database_path, [*noisy(20), 150.0])
    calm = buildrec(database_path, "check")
    assert calm.returncode == 0
    assert calm.stdout.startswith("warning 1: app: ")
    assert buildrec(database_path, "check", "--fail-on", "warning").returncode == 3


def test_an_improvement_fails_nothing(database_path):
    record_series(database_path, [*noisy(20), *noisy(5, 60, seed=2)])
    assert buildrec(database_path, "check", "--fail-on", "warning").returncode == 0
    (row,) = json.loads(buildrec(database_path, "alerts", "list").stdout)
    assert (row["direction"], row["state"]) == ("better", "confirmed")
    assert "below the usual" in row["sentence"]


@pytest.mark.parametrize(
    ("option", "broken"),
    [
        (("--max-duration", "50"), True),
        (("--max-duration", "500"), False),
        (("--max-duration", "0.5min"), True),
        (("--max-duration", "1h 2m 3s"), False),
        (("--max-size", "10"), True),
        (("--max-size", "14.9 MB"), True),
        (("--max-size", "0.02GB"), False),
        (("--max-size", "20"), False),
        (("--min-cache", "0.9"), True),
        (("--min-cache", "51%"), True),
        (("--min-cache", "50%"), False),
        (("--min-cache", "0.5"), False),
    ],
)
def test_a_budget_that_the_latest_build_breaks_exits_3(database_path, option, broken):
    record_series(database_path, noisy(2), image_size_bytes=15_000_000, cache_ratio=0.5)
    done = buildrec(database_path, "check", *option)
    assert done.returncode == (3 if broken else 0)
    assert done.stdout.startswith("budget: app: build 2 " if broken else "all images: 2 ")


def test_a_budget_that_is_barely_broken_is_told_to_the_letter_that_differs(database_path):
    record(database_path, [build(0, 1.0, image_size_bytes=130_000_000, size_kind="unpacked")])
    done = buildrec(database_path, "check", "--max-size", "129.9MB")
    assert (done.returncode, done.stdout) == (
        3,
        "budget: app: build 1 has 130 MB, of 129.9 MB allowed\n",
    )


def test_rows_are_printed_in_every_format(worse):
    (row,) = json.loads(buildrec(worse, "check", "--format", "json").stdout)
    assert (row["kind"], row["fails"], row["alert"]) == ("regression", True, 1)
    assert json.loads(buildrec(worse, "check", "--format", "nl").stdout) == row
    (line,) = csv.DictReader(io.StringIO(buildrec(worse, "check", "--format", "csv").stdout))
    assert line["sentence"] == row["sentence"]
    shown = buildrec(worse, "alerts", "list", "--format", "table").stdout
    assert "ALERT" in shown
    assert "duration, worse" in shown


def test_an_alert_is_of_the_day_that_its_first_build_has_where_it_was_built(database_path):
    values = [*noisy(8), *noisy(5, 140, seed=2)]  # the first slow one ends at 20:00 UTC
    record_series(database_path, values, zone="Asia/Singapore")
    (row,) = json.loads(buildrec(database_path, "alerts", "list").stdout)
    assert (row["first_at"], row["timezone"]) == ("2026-03-01T20:00:00.000Z", "Asia/Singapore")
    shown = buildrec(database_path, "alerts", "list", "--format", "table").stdout
    assert " 2026-03-02 " in shown


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (("check", "nothing"), 1, "there is no build of 'nothing'"),
        (("alerts", "ack", "77"), 1, "there is no alert 77"),
        (("alerts", "ack"), 2, "Missing argument"),
        (("check", "--min-cache", "80"), 2, "'80' is no share: write 0.8 or 80%"),
        (("check", "--max-duration", "an hour"), 2, "is no duration: write 90s, 5m or 1h30m"),
        (("check", "--max-duration", ""), 2, "is no duration: write 90s, 5m or 1h30m"),
        (("check", "--max-size", "-3"), 2, "is no size: write 250MB or 1.5GB"),
    ],
)
def test_what_is_asked_wrongly_is_told(worse, words, code, problem):
    done = buildrec(worse, *words)
    assert done.returncode == code
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_resolved_cannot_be_acknowledged(worse):
    buildrec(worse, "alerts", "resolve", "1")
    done = buildrec(worse, "alerts", "ack", "1")
    assert done.returncode == 2
    assert "alert 1 is resolved" in done.stderr


@pytest.mark.parametrize("words", ["check", "alerts ack 1", "alerts resolve 1", "prune --keep 3"])
def test_what_looks_at_a_history_makes_none(tmp_path, words):
    done = buildrec(tmp_path / "none.db", *words.split())
    assert done.returncode == 1
    assert "there is no database" in done.stderr
    assert not (tmp_path / "none.db").exists()


def test_the_project_says_what_fails(worse):
    settings = Path("pyproject.toml")
    settings.write_text('[tool.buildrec]\nmetrics = ["size"]\n')
    assert buildrec(worse, "check").returncode == 0
    settings.write_text("[tool.buildrec]\nmin-change = 0.5\n")
    assert buildrec(worse, "check").returncode == 0
    settings.write_text('[tool.buildrec]\nignore = ["ap*"]\nmax-duration = 10\n')
    assert buildrec(worse, "check").returncode == 0
    settings.write_text("[tool.buildrec.images.app]\nmin-change = 0.5\nmax-duration = 10\n")
    done = buildrec(worse, "check")
    assert done.returncode == 3
    assert done.stdout.startswith("budget: app: build 25 took ")
    assert buildrec(worse, "check", "--max-duration", "1000").returncode == 0


def test_a_setting_that_is_wrong_is_told_with_its_line(worse):
    Path("buildrec.toml").write_text("# rules\n\nmax-duraton = 3\n")
    done = buildrec(worse, "check")
    assert done.returncode == 2
    assert "buildrec.toml, line 3: `max-duraton` is not known: did you mean `max-duration`" in (
        done.stderr
    )


def test_a_budget_that_cannot_be_held_is_told(worse):
    """Its image has no known size, or is none: a check that passes for that says so."""
    Path("buildrec.toml").write_text("[images.ap]\nmax-duration = 1\n")
    done = buildrec(worse, "check", "--max-size", "1GB", "--min-cache", "0")
    assert "note: there is no build of ap, for which rules are set" in done.stderr
    assert "note: the latest build of app has no known size to judge" in done.stderr
    assert "note" not in buildrec(worse, "check", "app").stderr


def test_a_verdict_that_nobody_reads_still_fails_the_check(worse):
    """As in `buildrec check | head -1` with `pipefail`, where the reader may be gone first."""
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "recorder", "--db", str(worse), "check"]
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_has_no_room_is_an_error_with_a_cure(worse):
    words = [sys.executable, "-m", "recorder", "--db", str(worse), "why"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no room is left to write")
