"""The one file: where it is found, and what is said when something is wrong with it."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

import recorder
from recorder import database, schema, store
from recorder.errors import (
    DamagedDatabaseError,
    DatabaseError,
    DatabaseLockedError,
    DatabaseMissingError,
    DatabaseReadOnlyError,
    DiskFullError,
    NewerDatabaseError,
    NotADatabaseError,
)
from recorder.model import Build, Step

NAME = "docker_build_history.db"
SOURCES = Path(recorder.__file__).parents[1]
NOBODY = 65534


def a_build(**more):
    moment = datetime(2025, 7, 10, tzinfo=UTC)
    return Build(**{"image_name": "shop", "build_duration": 1, "completed_at": moment, **more})


def record(path, build=None, timeout=0.2):
    with database.connect(path, timeout=timeout) as connection:
        return store.record(connection, build or a_build(), b"the key of these tests")


def count(path):
    with closing(sqlite3.connect(path)) as plain:
        return plain.execute("SELECT count(*) FROM docker_builds").fetchone()[0]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def complains(kind, *words):
    """Expect an error of exactly this class: one sentence that names `words`, and a cure."""
    with pytest.raises(DatabaseError) as caught:
        yield
    error = caught.value
    assert type(error) is kind
    assert all(str(word) in error.problem for word in words), error.problem
    for text in (error.problem, error.cure):
        assert text
        assert "\n" not in text
        assert not text.endswith(".")
    assert str(error) == f"{error.problem}: {error.cure}."


# Where it is


def test_the_option_wins_over_the_variable_and_this_over_what_lies_around(tmp_path, monkeypatch):
    below = tmp_path / "project" / "src" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    surroundings = {"BUILDREC_DB": str(tmp_path / "named.db")}
    assert database.find(None, {}) == below / NAME
    (tmp_path / NAME).touch()
    assert database.find(None, {}) == tmp_path / NAME
    (tmp_path / "project" / NAME).touch()
    assert database.find(None, {}) == tmp_path / "project" / NAME
    (below / NAME).mkdir()  # a folder of that name is none
    assert database.find(None, {}) == tmp_path / "project" / NAME
    assert database.find(None, {"BUILDREC_DB": ""}) == tmp_path / "project" / NAME
    assert database.find(None, surroundings) == tmp_path / "named.db"
    assert database.find("asked.db", surroundings) == below / "asked.db"
    assert database.find(Path("asked.db"), surroundings) == below / "asked.db"


def test_a_tilde_is_the_home_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert database.find("~/a.db", {}) == tmp_path / "a.db"
    assert database.find(None, {"BUILDREC_DB": "~/b.db"}) == tmp_path / "b.db"


# What may be wrong with it


def test_a_file_that_is_no_database_is_named_and_left_as_it_is(tmp_path):
    path = tmp_path / NAME
    path.write_text("these are notes of mine, and there are a hundred bytes of them at least" * 3)
    before = digest(path)
    for use in (record, read_one):
        with complains(NotADatabaseError, path):
            use(path)
    assert digest(path) == before
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


def read_one(path):
    with database.connect_to_read(path) as connection:
        return connection.execute("SELECT * FROM docker_builds").fetchone()


def test_a_damaged_history_is_named(database_path):
    record(database_path)
    with database_path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (database_path.stat().st_size - 4096))
    with complains(DamagedDatabaseError, database_path):
        record(database_path)


@pytest.mark.parametrize("version", [0, schema.VERSION, 99])
def test_the_database_of_another_program_is_left_as_it_is(tmp_path, version):
    path = tmp_path / NAME
    with closing(sqlite3.connect(path)) as plain:
        plain.executescript(f"CREATE TABLE theirs (a); PRAGMA user_version = {version}")
    before = digest(path)
    for use in (record, read_one):
        with complains(NotADatabaseError, path, "another program"):
            use(path)
    assert digest(path) == before


@pytest.mark.parametrize("version", [0, schema.VERSION])
def test_the_database_of_an_older_tool_is_left_for_the_import(tmp_path, version):
    path = tmp_path / NAME
    with closing(sqlite3.connect(path)) as plain:
        plain.executescript(
            "CREATE TABLE docker_builds (id INTEGER PRIMARY KEY, image_name TEXT, build_time REAL);"
            f"PRAGMA user_version = {version}"
        )
    before = digest(path)
    with pytest.raises(NotADatabaseError) as caught:
        record(path)
    assert "older tool" in caught.value.problem
    assert "buildrec import" in caught.value.cure
    assert digest(path) == before


def test_a_file_of_a_newer_version_is_left_as_it_is(database_path):
    record(database_path)
    with closing(sqlite3.connect(database_path)) as plain:
        plain.execute("PRAGMA user_version = 99")
    before = digest(database_path)
    for use in (record, read_one):
        with complains(NewerDatabaseError, database_path, "99"):
            use(database_path)
    assert digest(database_path) == before
    assert [file.name for file in database_path.parent.iterdir()] == [NAME]


def test_a_history_that_another_program_holds_is_locked_and_free_again_after_it(database_path):
    with closing(sqlite3.connect(database_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with complains(DatabaseLockedError, database_path):
            record(database_path)
        other.execute("COMMIT")
    assert record(database_path).new
    assert count(database_path) == 1


def test_a_new_file_that_another_program_holds_is_locked(tmp_path):
    path = tmp_path / NAME
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with complains(DatabaseLockedError, path):
            record(path)
        other.execute("ROLLBACK")
    assert record(path).new


def test_a_reader_does_not_lock_out_the_recorder(database_path):
    with database.connect_to_read(database_path) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM docker_builds").fetchone()[0] == 0
        assert record(database_path).new
        assert reader.execute("SELECT count(*) FROM docker_builds").fetchone()[0] == 0
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM docker_builds").fetchone()[0] == 1


def test_a_folder_is_not_a_file(tmp_path):
    with complains(NotADatabaseError, tmp_path, "folder"):
        record(tmp_path)
    with complains(DatabaseMissingError, tmp_path):
        read_one(tmp_path)


def test_a_folder_that_is_missing_is_named(tmp_path):
    with complains(DatabaseReadOnlyError, tmp_path / "no", "does not exist"):
        record(tmp_path / "no" / NAME)
    assert not (tmp_path / "no").exists()


def test_reading_does_not_make_a_file(tmp_path):
    with complains(DatabaseMissingError, tmp_path / NAME):
        read_one(tmp_path / NAME)
    assert not list(tmp_path.iterdir())
    (tmp_path / NAME).touch()
    with complains(NotADatabaseError, tmp_path / NAME):
        read_one(tmp_path / NAME)
    assert (tmp_path / NAME).stat().st_size == 0


def test_a_reading_connection_cannot_write(database_path):
    with complains(DatabaseReadOnlyError), database.connect_to_read(database_path) as connection:
        connection.execute("DELETE FROM docker_builds")


@pytest.mark.parametrize("odd", ["a b.db", "50%.db", "what?.db", "#1.db", "größe.db", "a'b.db"])
def test_odd_names_are_names(tmp_path, odd):
    assert record(tmp_path / odd).new
    assert [file.name for file in tmp_path.iterdir()] == [odd]
    with closing(sqlite3.connect(database.uri(tmp_path / odd, mode="ro"), uri=True)) as plain:
        assert plain.execute("SELECT count(*) FROM docker_builds").fetchone() == (1,)


# Where root is needed, or must be given up

TRY = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from recorder import database, store
from recorder.errors import RecorderError
from recorder.model import Build, Step

path, rounds = Path(sys.argv[1]), int(sys.argv[2])
steps = tuple(Step(position=i, name="RUN " + "x" * 500 + str(i), step_key=str(i), kind="run")
              for i in range(50))
written = 0
try:
    for i in range(rounds):
        with database.connect(path, timeout=0.2) as connection:
            store.record(connection, Build(
                image_name="shop", build_duration=1, ref=f"new-{i}", steps=steps,
                error_message="x" * 20_000, completed_at=datetime(2025, 7, 10, tzinfo=UTC)), b"key")
        written += 1
except RecorderError as error:
    print(written, type(error).__name__, error, sep="|")
else:
    print(written, "none", "", sep="|")
"""


def tell(output):
    written, kind, message = output.strip().split("|")
    return int(written), kind, message


def as_nobody(path):
    """Record as a user who is not root, since permissions do not bind root."""
    command = [sys.executable, "-c", TRY, str(path), "1"]
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("permissions do not bind root, and there is no setpriv to be somebody else")
        ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        command = ["setpriv", *ids, *command]
        probe = subprocess.run(
            [*command[:4], sys.executable, "-c", "import recorder.store"],
            cwd=SOURCES, capture_output=True, text=True,
        )  # fmt: skip
        if probe.returncode:
            pytest.skip("another user cannot run this Python")
    done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tell(done.stdout)


@pytest.fixture
def open_folder(tmp_path):
    """A folder that another user can reach."""
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
        if folder.name.startswith("pytest-of-"):
            break
    return tmp_path


def test_a_file_that_may_not_be_written_is_named_and_keeps_its_builds(open_folder):
    path = open_folder / NAME
    record(path)
    path.chmod(0o444)
    before = digest(path)
    written, kind, message = as_nobody(path)
    assert (written, kind) == (0, "DatabaseReadOnlyError")
    assert f"{path} cannot be written" in message
    assert digest(path) == before
    path.chmod(0o644)
    assert record(path).new
    assert count(path) == 2


def test_a_folder_that_may_not_be_written_is_named(open_folder):
    open_folder.chmod(0o555)
    try:
        written, kind, message = as_nobody(open_folder / NAME)
    finally:
        open_folder.chmod(0o755)
    assert (written, kind) == (0, "DatabaseReadOnlyError")
    assert f"{open_folder / NAME} cannot be written" in message
    assert not list(open_folder.iterdir())


def in_a_small_disk(tmp_path, options, script):
    """Run a shell script with $DISK, a file system of its own, in a private mount namespace."""
    disk = tmp_path / "disk"
    disk.mkdir()
    unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
    mount = f"mount -t tmpfs -o {options} tmpfs {disk}"
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root can mount a small disk")
    if subprocess.run([*unshare, mount], capture_output=True).returncode:
        pytest.skip("this root may not mount a small disk")
    done = subprocess.run(
        [*unshare, f"{mount}; {script}", "sh", sys.executable, TRY],
        cwd=SOURCES, capture_output=True, text=True, env={**os.environ, "DISK": str(disk)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_disk_that_is_full_is_named_and_keeps_what_was_recorded(tmp_path):
    check = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "print(c.execute('PRAGMA integrity_check').fetchone()[0]);"
        "print(c.execute('SELECT count(*), (SELECT total_builds FROM build_statistics), "
        "(SELECT count(*) FROM build_steps) FROM docker_builds').fetchone())"
    )
    lines = in_a_small_disk(
        tmp_path,
        "size=1m",
        f'"$1" -c "$2" $DISK/{NAME} 1000; "$1" -c "{check}" $DISK/{NAME}',
    )
    written, kind, message = tell(lines[0])
    assert kind == "DiskFullError"
    assert "no room on the disk" in message
    assert 0 < written < 1000
    assert lines[1:] == ["ok", f"({written}, {written}, {written * 50})"]


def test_a_disk_without_room_for_a_first_file_is_named(tmp_path):
    fill = f'head -c 1048576 /dev/zero > $DISK/filler; "$1" -c "$2" $DISK/{NAME} 1'
    (line,) = in_a_small_disk(tmp_path, "size=1m", fill)
    written, kind, _ = tell(line)
    assert (written, kind) == (0, "DiskFullError")


def test_a_disk_that_is_mounted_read_only_is_named(tmp_path):
    script = f"""
        "$1" -c "$2" $DISK/{NAME} 1; mount -o remount,ro $DISK
        "$1" -c "$2" $DISK/{NAME} 1; "$1" -c "$2" $DISK/new.db 1
    """
    first, *others = map(tell, in_a_small_disk(tmp_path, "size=1m", script))
    assert first[:2] == (1, "none")
    assert [other[:2] for other in others] == [(0, "DatabaseReadOnlyError")] * 2


def test_every_error_about_the_file_has_a_class_of_its_own(tmp_path):
    slugs = [kind.slug for kind in (
        DamagedDatabaseError, DatabaseError, DatabaseLockedError, DatabaseMissingError,
        DatabaseReadOnlyError, DiskFullError, NewerDatabaseError, NotADatabaseError,
    )]  # fmt: skip
    assert len(set(slugs)) == len(slugs)
    with complains(DatabaseError, "no such table"), database.translated(tmp_path / NAME):
        sqlite3.connect(":memory:").execute("SELECT * FROM missing")


# How it is opened


def test_a_file_of_the_present_version_opens_without_the_migrations(database_path):
    code = (
        "import sys; from pathlib import Path; from recorder import database\n"
        f"with database.connect(Path({str(database_path)!r})): pass\n"
        f"with database.connect_to_read(Path({str(database_path)!r})): pass\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'sqlite_utils', 'pytz', 'detect_secrets', 'click', 'docker', 'grpclib'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SOURCES, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_file_is_opened_so_that_a_commit_reaches_the_disk(database_path):
    with database.connect(database_path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_transaction_takes_the_write_lock_at_once(database_path):
    with (
        database.connect(database_path, timeout=0) as one,
        database.connect(database_path, timeout=0) as other,
        database.transaction(one),
        complains(DatabaseLockedError),
        database.translated(database_path),
        database.transaction(other),
    ):
        pytest.fail("both have the lock")


def test_a_process_that_dies_in_the_middle_leaves_what_was_committed(database_path):
    record(database_path)
    code = (
        "import os; from pathlib import Path; from recorder import database\n"
        f"with database.connect(Path({str(database_path)!r})) as c:\n"
        "  c.execute('BEGIN IMMEDIATE')\n"
        "  c.execute('DELETE FROM docker_builds')\n"
        "  os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SOURCES)
    assert done.returncode == 9
    assert count(database_path) == 1
    assert record(database_path, a_build(steps=(Step(1, "RUN x", "k", "run"),))).new
