"""A backup is a sound copy of one moment, and has its name only when it is."""

import contextlib
import multiprocessing
from pathlib import Path

import pytest
from upkeep_help import KEY, cli, damage, fill, findings, left, query, refs, root_page, some_builds

from recorder import database, schema, store
from recorder.errors import (
    BadValueError,
    CannotWriteError,
    DamagedDatabaseError,
    DatabaseMissingError,
)
from recorder.upkeep import aside
from recorder.upkeep.backup import back_up


@pytest.fixture
def filled(database_path: Path) -> Path:
    fill(database_path, some_builds(30))
    return database_path


def test_a_copy_is_one_sound_file_with_every_row(filled: Path) -> None:
    done = back_up(filled)
    assert done.path.parent == filled.parent / "backups"
    assert left(done.path.parent) == [done.path.name]
    assert (done.builds, done.bytes) == (30, done.path.stat().st_size)
    everything = {
        table.name: query(filled, f"SELECT * FROM {table.name}") for table in schema.TABLES
    }
    for table, rows in everything.items():
        assert query(done.path, f"SELECT * FROM {table}") == rows
    assert query(done.path, "PRAGMA journal_mode") == [("delete",)]
    assert set(findings(done.path)) <= {"place"}


def record_until(path: Path, stop: Path, counted) -> None:
    number = 1000
    while not stop.exists():
        with database.connect(path) as connection:
            store.record_all(connection, some_builds(1, first=number), KEY)
        number += 1
        counted.value = number


def test_a_copy_is_whole_and_of_one_moment_while_others_write(filled: Path, tmp_path: Path) -> None:
    fill(filled, some_builds(400, first=100))
    context = multiprocessing.get_context("spawn")
    counted, stop = context.Value("i", 0), tmp_path / "stop"
    writer = context.Process(target=record_until, args=(filled, stop, counted))
    writer.start()
    try:
        seen = 430
        for number in range(5):
            while counted.value < 1003 + number:  # it writes meanwhile
                pass
            done = back_up(filled, tmp_path / "copy.db")
            assert done.builds > seen
            seen = done.builds
            assert set(findings(done.path)) <= {"place"}
    finally:
        stop.touch()
        writer.join()
    assert len(refs(filled)) >= seen


def test_of_a_series_the_newest_stay_and_nothing_else_goes(filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "safe"
    folder.mkdir()
    foreign = ("notes.txt", "docker_build_history-mine.db", "other-20260101T000000Z.db")
    for name in foreign:
        (folder / name).touch()
    for year in (2001, 2002, 2999):  # the clock may have been wrong once
        (folder / f"docker_build_history-{year}0101T000000Z.db").touch()
    done = back_up(filled, folder, keep=2)
    assert sorted(file.name[:25] for file in done.removed) == [
        "docker_build_history-2001", "docker_build_history-2002",
    ]  # fmt: skip
    assert done.path.exists()
    assert set(foreign) < set(left(folder))
    again = back_up(filled, folder, keep=1)
    assert [file.name for file in folder.glob("docker_build_history-2*")] == [again.path.name]


def test_a_named_copy_replaces_only_a_backup(filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "nightly.db"
    assert back_up(filled, target).builds == 30
    fill(filled, some_builds(1, first=50))
    assert back_up(filled, target).builds == 31
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(CannotWriteError):
        back_up(filled, notes)
    assert notes.read_text() == "mine"
    with pytest.raises(BadValueError):
        back_up(filled, filled)
    with pytest.raises(BadValueError):
        back_up(filled, target, keep=3)
    with pytest.raises(BadValueError):
        back_up(filled, keep=0)
    live = tmp_path / "live.db"
    with database.connect(live) as connection:
        store.record_all(connection, some_builds(1), KEY)
        with pytest.raises(CannotWriteError, match="in use"):
            back_up(filled, live)
    assert refs(live) == {"r0"}


def test_a_damaged_history_gives_no_copy(filled: Path) -> None:
    back_up(filled)
    before = left(filled.parent / "backups")
    damage(filled, root_page(filled, "build_steps"))
    with pytest.raises(DamagedDatabaseError, match="damaged"):
        back_up(filled, keep=1)
    assert left(filled.parent / "backups") == before


def test_a_copy_has_the_permissions_of_the_database(filled: Path) -> None:
    filled.chmod(0o640)
    assert back_up(filled).path.stat().st_mode & 0o777 == 0o640


def test_what_a_killed_run_left_is_swept_out_and_what_another_works_on_is_not(
    filled: Path,
) -> None:
    place = filled.parent / "backups"
    (place / ".buildrec-left").mkdir(parents=True)
    (place / ".buildrec-left" / "copy.db").touch()
    with aside.folder(place) as others:
        back_up(filled)
        assert others.exists()
    assert not list(place.glob(".buildrec-*"))


def test_a_folder_that_cannot_be_made_is_told(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWriteError):
        back_up(filled, tmp_path / "file" / "copy.db")
    with pytest.raises(DatabaseMissingError):
        back_up(tmp_path / "none.db")
    assert "backups" not in left(tmp_path)


def test_the_commands_say_what_they_did_and_print_the_path(filled: Path) -> None:
    made = cli(filled, "backup")
    assert made.returncode == 0, made.stderr
    copy = Path(made.stdout.strip())
    assert copy.exists()
    assert made.stderr == "30 builds copied, and the copy checked\n"
    fill(filled, some_builds(2, first=100))
    done = cli(filled, "restore", copy)
    assert (done.returncode, done.stdout) == (0, "")
    assert "holds the 30 builds" in done.stderr
    assert "the 32 builds before are kept in" in done.stderr
    wrong = cli(filled, "restore", copy.parent / "none.db")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error: there is no backup at")
    assert cli(filled, "backup", "--keep", "2", "x.db").returncode == 2


def test_a_file_gets_its_name_only_at_the_end(tmp_path: Path) -> None:
    with contextlib.suppress(RuntimeError), aside.folder(tmp_path) as folder:
        (folder / "copy.db").write_text("half")
        raise RuntimeError
    assert left(tmp_path) == []
