"""Another history comes in: a runner's, a colleague's, one that is in use."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from travel_help import KEY, NOON, content, is_sound, make

from recorder import database, schema, store
from recorder.errors import ImportFailedError, NewerDatabaseError
from recorder.imports import files
from recorder.model import Build, Layer, Lint, Step

ZONE = "UTC"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDREC_MASK_KEY", KEY.decode())


def a_build(ref: str | None = "r1", *, hours: float = 0, **more) -> Build:
    values = {"image_name": "shop", "build_duration": 12.5, "source": "build"} | more
    return Build(ref=ref, completed_at=NOON + timedelta(hours=hours), **values)


def a_step(position: int = 1, **more) -> Step:
    values = {"name": f"RUN {position}", "step_key": f"k{position}", "kind": "run"} | more
    return Step(position, **{"started": 0.0, "duration": 2.0} | values)


def column(path: Path, name: str, table: str = "docker_builds") -> list[object]:
    order = "ORDER BY id" if table == "docker_builds" else ""
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(f"SELECT {name} FROM {table} {order}")]


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_steps_layers_warnings_and_what_the_cache_saves_come_along(tmp_path: Path) -> None:
    there = [
        a_build("a", image_digest="sha256:1", steps=(a_step(), a_step(2, duration=5.0)),
                layers=(Layer(1, "ADD /", 10),), lints=(Lint("Rule", "text", 3),)),
        a_build("b", hours=1, steps=(a_step(cached=True, duration=0.0),)),
    ]  # fmt: skip
    source = make(tmp_path / "source.db", there)
    target = make(tmp_path / "target.db", [])
    files.take_in(target, source, ZONE)
    assert content(target) == content(source)
    # A build of the same series that is recorded here next knows what its hits save.
    with database.connect(target) as connection:
        later = a_build("c", hours=2, steps=(a_step(2, cached=True, duration=0.0),))
        store.record(connection, later, KEY)
    assert column(target, "saved_seconds") == [0.0, 2.0, 5.0]


def test_a_known_build_is_filled_in_and_keeps_its_number(tmp_path: Path) -> None:
    bare = a_build("a", source="sync", image_name="unnamed")
    target = make(tmp_path / "target.db", [a_build("other", hours=-1), bare])
    full = replace(
        a_build("a", image_name="shop:dev", git_branch="main", image_digest="sha256:1"),
        steps=(a_step(),),
        layers=(Layer(1, "ADD /", 10),),
        lints=(Lint("R", "t"),),
    )
    report = files.take_in(target, make(tmp_path / "source.db", [full]), ZONE)
    assert (report.new, report.known) == (0, 1)
    assert column(target, "id") == [1, 2]
    assert column(target, "image_name")[1] == "shop:dev"
    assert column(target, "git_branch")[1] == "main"
    assert column(target, "build_id", "steps") == [2]
    assert column(target, "build_id", "build_layers") == [2]
    assert column(target, "build_id", "build_warnings") == [2]
    assert sorted(column(target, "image_name", "build_statistics")) == ["shop", "shop:dev"]
    assert is_sound(target)


def test_a_build_that_came_in_by_its_times_alone_is_known_again_with_its_ref(
    tmp_path: Path,
) -> None:
    older = a_build(None, source="import")  # an older tool's file had no failures
    target = make(tmp_path / "target.db", [older, older])
    failed = a_build("a", status="failed", error_message="exit code: 1", steps=(a_step(),))
    source = make(tmp_path / "source.db", [failed])
    for _ in range(2):
        report = files.take_in(target, source, ZONE)
        assert (report.new, report.known) == (0, 1)
    assert column(target, "ref") == ["a", None]
    assert column(target, "status") == ["failed", "completed"]
    assert column(target, "error_message") == ["exit code: 1", None]
    assert column(target, "build_id", "steps") == [1]
    assert column(target, "failed_builds", "build_statistics") == [1]


def test_a_ref_that_names_two_builds_is_reported_and_stops_nothing(tmp_path: Path) -> None:
    target = make(tmp_path / "target.db", [a_build("a")])
    source = make(tmp_path / "source.db", [a_build("a", hours=5, git_branch="x"), a_build("b")])
    before = content(target)["builds"]
    report = files.take_in(target, source, ZONE)
    assert (report.new, report.known) == (1, 0)
    assert [number for number, _ in report.rejected] == [1]
    assert "the ref a is that of a build that finished at 2025-07-10" in report.rejected[0][1]
    assert set(before) < set(content(target)["builds"])


def test_a_history_that_is_being_recorded_into_is_read_with_its_log(tmp_path: Path) -> None:
    source = make(tmp_path / "source.db", [a_build("a")])
    with database.connect(source) as writer:
        store.record(writer, a_build("b", hours=1), KEY)
        assert Path(f"{source}-wal").stat().st_size > 0
        there = {
            p.name: p.read_bytes() for p in tmp_path.glob("source.db*") if p.suffix != ".db-shm"
        }
        report = files.take_in(tmp_path / "target.db", source, ZONE)
        assert report.new == 2
        assert {p.name: p.read_bytes() for p in tmp_path.glob("source.db*")
                if p.suffix != ".db-shm"} == there  # fmt: skip
        assert store.record(writer, a_build("c", hours=2), KEY).new


def test_a_history_whose_recorder_was_killed_is_read_with_its_log(tmp_path: Path) -> None:
    script = """if True:
        import os, signal, sys
        from recorder import database, store
        from test_merge import a_build, KEY, Path
        with database.connect(Path(sys.argv[1])) as connection:
            store.record(connection, a_build("lost?"), KEY)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    folder = tmp_path / "source"
    folder.mkdir()
    source = folder / "source.db"
    tests = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    subprocess.run([sys.executable, "-c", script, str(source)], env=tests, check=False)
    Path(f"{source}-shm").unlink()  # as when the two files were copied from elsewhere
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert before.keys() == {"source.db", "source.db-wal"}
    assert files.take_in(tmp_path / "target.db", source, ZONE).new == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_nothing_is_made_beside_the_other_file(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    source = make(folder / "source.db", [a_build("a")])
    before = source.read_bytes(), source.stat().st_mtime_ns
    files.take_in(tmp_path / "target.db", source, ZONE)
    assert os.listdir(folder) == ["source.db"]
    assert (source.read_bytes(), source.stat().st_mtime_ns) == before


def test_a_history_of_an_earlier_version_comes_in_and_stays_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "source.db"
    with closing(sqlite3.connect(source, isolation_level=None)) as connection:
        for statement in schema.statements(1):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("CREATE TABLE _sqlite_migrations (migration_set TEXT, name TEXT, "
                           "applied_at TEXT, PRIMARY KEY (migration_set, name))")  # fmt: skip
        connection.execute("INSERT INTO _sqlite_migrations VALUES ('buildrec', '1_tables', 'x')")
        connection.execute(
            "INSERT INTO docker_builds (image_name, build_duration, image_size_mb, "
            "build_timestamp, timezone, build_args, success, created_at, ref, source, status, "
            "started_at, completed_at) VALUES ('shop', 2, 0, '2025-07-10T12:00:00.000+08:00', "
            "'Asia/Singapore', '{}', 1, '2025-07-10T04:00:00Z', 'old', 'build', 'completed', "
            "'2025-07-10T03:59:58.000Z', '2025-07-10T04:00:00.000Z')"
        )
    before = source.read_bytes()
    assert files.take_in(tmp_path / "target.db", source, ZONE).new == 1
    assert column(tmp_path / "target.db", "ref") == ["old"]
    assert source.read_bytes() == before


def test_a_newer_a_damaged_and_our_own_file_are_refused_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    target = make(tmp_path / "target.db", [a_build("here")])
    before = content(target)
    newer = make(tmp_path / "newer.db", [a_build("a")])
    execute(newer, f"PRAGMA user_version = {schema.VERSION + 1}")
    damaged = make(
        tmp_path / "damaged.db",
        [a_build(str(i), hours=i, steps=tuple(map(a_step, range(1, 9)))) for i in range(300)],
    )
    execute(damaged, "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode = DELETE")
    with damaged.open("r+b") as file:
        file.seek(damaged.stat().st_size // 2 // 4096 * 4096)
        file.write(os.urandom(8192))
    with pytest.raises(NewerDatabaseError, match=r"newer\.db"):
        files.take_in(target, newer, ZONE)
    with pytest.raises(ImportFailedError, match=r"damaged\.db"):
        files.take_in(target, damaged, ZONE)
    with pytest.raises(ImportFailedError, match="the history itself"):
        files.take_in(target, target, ZONE)
    (tmp_path / "link.db").symlink_to(target)
    with pytest.raises(ImportFailedError, match="the history itself"):
        files.take_in(target, tmp_path / "link.db", ZONE)
    assert content(target) == before


def test_values_of_the_wrong_kind_are_rejected_by_row_and_secrets_are_masked_once_more(
    tmp_path: Path,
) -> None:
    token = "ghp_" + "a1B2c3D4e5" * 4
    source = make(
        tmp_path / "source.db",
        [a_build(str(i), hours=i, image_digest="sha256:1", steps=(a_step(),),
                 layers=(Layer(1, "ADD /", 10),), lints=(Lint("R", "t"),)) for i in range(4)],
    )  # fmt: skip
    execute(
        source,
        "UPDATE docker_builds SET build_duration = 'soon' WHERE ref = '0'",
        "UPDATE docker_builds SET build_timestamp = 'yesterday' WHERE ref = '1'",
        "UPDATE docker_builds SET build_args = '[' WHERE ref = '2'",
        "UPDATE build_steps SET started_us = 'x', bytes = '7'",
        f"UPDATE docker_builds SET git_branch = '{token}'",
        f"UPDATE step_names SET name = 'RUN {token}', instruction = '{token}'",
        f"INSERT INTO step_errors SELECT build_id, position, '{token}' FROM build_steps",
        f"UPDATE build_warnings SET message = '{token}'",
        f"UPDATE layer_instructions SET instruction = '{token}'",
    )
    target = tmp_path / "target.db"
    report = files.take_in(target, source, ZONE)
    assert report.new == 1
    assert [number for number, _ in report.rejected] == [1, 2, 3]
    assert column(target, "started_us", "build_steps") == [0]
    assert is_sound(target)
    for path in tmp_path.glob("target.db*"):
        assert token.encode() not in path.read_bytes()


def test_builds_that_were_pruned_here_stay_away_and_days_pruned_there_come_along(
    tmp_path: Path,
) -> None:
    first, second = a_build("a"), a_build("b", hours=48)
    source = make(tmp_path / "source.db", [first, second])
    target = make(tmp_path / "target.db", [first])
    with database.connect(target) as connection:
        store.delete(connection, [1], keep_days=True)
    for _ in range(2):
        report = files.take_in(target, source, ZONE)
    assert column(target, "ref") == ["b"]
    assert "1 builds left out" in report.remarks[0]
    # The other way round: a day that only the other file remembers.
    third = make(tmp_path / "third.db", [])
    for _ in range(2):
        files.take_in(third, target, ZONE)
    assert column(third, "builds", "pruned_days") == [1]
    assert column(third, "ref") == ["b"]


def test_what_is_rehearsed_changes_nothing(tmp_path: Path) -> None:
    source = make(tmp_path / "source.db", [a_build("a"), a_build("b", hours=1)])
    target = make(tmp_path / "target.db", [a_build("a")])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with files.rehearsal(target) as copy:
        assert files.take_in(copy, source, ZONE).new == 1
    with files.rehearsal(tmp_path / "none.db") as copy:
        assert files.take_in(copy, source, ZONE).new == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_merge_that_fails_in_the_middle_writes_nothing(tmp_path: Path) -> None:
    source = make(tmp_path / "source.db", [a_build(str(i), hours=i) for i in range(5)])
    target = make(tmp_path / "target.db", [replace(a_build("mine"), steps=(a_step(),))])
    before = content(target)
    execute(target, "CREATE TRIGGER full BEFORE INSERT ON docker_builds WHEN new.ref = '3' "
                    "BEGIN SELECT RAISE(ABORT, 'no more'); END")  # fmt: skip
    with pytest.raises(Exception, match="no more"):
        files.take_in(target, source, ZONE)
    execute(target, "DROP TRIGGER full")
    assert content(target) == before
    assert column(target, "id", "imported_files") == []
    assert files.take_in(target, source, ZONE).new == 5
