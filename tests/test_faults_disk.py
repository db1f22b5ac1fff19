"""A disk that fills up at every write, a folder that cannot be written, a page that is damaged."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from upkeep_help import KEY, PAGE, cli, damage, fill, findings, query, refs, some_builds

from recorder import database, spool, store
from recorder.errors import CannotWriteError, DiskFullError, RecorderError
from recorder.imports import files
from recorder.upkeep import doctor
from recorder.upkeep.backup import back_up
from recorder.upkeep.prune import Rules, prune
from recorder.upkeep.restore import restore
from recorder.upkeep.salvage import salvage

MOST_PAGES = 600
Work = Callable[[Path, Path], object]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={4 << 20}", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system can only be mounted by root")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def leave(place: Path, pages: int) -> None:
    """Fill the disk until so many pages are free."""
    filling = place / "filling"
    filling.write_bytes(b"")
    room = os.statvfs(place)
    filling.write_bytes(b"x" * (room.f_bavail * room.f_frsize - pages * PAGE))


def record(path: Path, aside: Path) -> None:
    with database.connect(path) as connection:
        store.record_all(connection, some_builds(1, first=900), KEY)


def bulk(path: Path, aside: Path) -> None:
    with database.connect(path) as connection:
        store.record_all(connection, some_builds(40, first=900), KEY)


def merge(path: Path, aside: Path) -> None:
    files.take_in(path, aside / "other.db", "UTC")


def save(path: Path, aside: Path) -> None:
    back_up(path)


def put_back(path: Path, aside: Path) -> None:
    restore(path, aside / "other.db")


def thin_out(path: Path, aside: Path) -> None:
    prune(path, Rules(keep=3))


def mend(path: Path, aside: Path) -> None:
    doctor.fix(path, secrets_too=False)


@pytest.mark.parametrize("work", [record, bulk, merge, save, put_back, thin_out, mend])
def test_a_disk_that_is_full_at_any_write_costs_nothing_that_was_there(
    small_disk: Path, tmp_path: Path, work: Work
) -> None:
    fill(tmp_path / "template.db", some_builds(60))
    fill(tmp_path / "other.db", some_builds(40, first=900))
    before = refs(tmp_path / "template.db")
    if work is mend:
        with database.connect(tmp_path / "template.db") as connection:
            connection.execute("UPDATE build_statistics SET avg_duration = 1")
    path = small_disk / "history.db"
    failed = 0
    for pages in range(MOST_PAGES):
        shutil.copy(tmp_path / "template.db", path)
        leave(small_disk, pages)
        try:
            work(path, tmp_path)
        except (DiskFullError, CannotWriteError):
            failed += 1
        else:
            break
        finally:
            (small_disk / "filling").unlink()
        if work is not thin_out:
            assert refs(path) >= before
        assert len(refs(path)) + pruned(path) == len(before)
        assert work is mend or set(findings(path)) <= {"orphans"}
        for copy in small_disk.glob("backups/*.db"):  # what a restore was to replace
            assert refs(copy) == before
        empty(small_disk)
    else:
        pytest.fail(f"{MOST_PAGES} pages are not enough")
    assert failed > 3
    assert findings(path) == {}


def pruned(path: Path) -> int:
    return query(path, "SELECT ifnull(sum(builds), 0) FROM pruned_days")[0][0]


def empty(place: Path) -> None:
    for entry in place.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def test_a_spool_on_a_full_disk_keeps_a_build_whole_or_not_at_all(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(small_disk))
    (build,) = some_builds(1, steps=60)
    path = tmp_path / "nowhere" / "history.db"
    kept = 0
    for pages in range(20):
        leave(small_disk, pages)
        said = spool.record_or_keep(path, build)
        assert said is not None
        (small_disk / "filling").unlink()
        waiting = spool.waiting(path)
        assert len(waiting) == ("It waits in" in said)
        assert spool.unreadable() == []
        kept += len(waiting)
        empty(small_disk)
    assert 0 < kept < 20


# A folder that cannot be written


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """A folder that not even root may write, with a history in it."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    fill(folder / "history.db", some_builds(5))
    bind = ["mount", "--bind", folder, folder]
    if subprocess.run(bind, capture_output=True).returncode:
        pytest.skip("a folder can only be made read-only by root")
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_in_a_read_only_folder_reading_works_and_writing_says_why(
    sealed: Path, tmp_path: Path
) -> None:
    path = sealed / "history.db"
    fill(tmp_path / "other.db", some_builds(3))
    examined = cli(path, "doctor")
    assert examined.returncode == 0, examined.stdout
    assert back_up(path, tmp_path / "copy.db").builds == 5
    works: list[Work] = [record, bulk, merge, save, put_back, thin_out, mend]
    for work in works:
        with pytest.raises(RecorderError) as caught:
            work(path, tmp_path)
        assert "cannot be written" in str(caught.value)
    with database.connect_to_read(path) as connection:
        assert connection.execute("SELECT count(*) FROM docker_builds").fetchone()[0] == 5


# A damaged page


@pytest.mark.slow
def test_any_damaged_page_is_told_and_what_can_be_read_is_saved(tmp_path: Path) -> None:
    """Every page of the file in turn."""
    template, path = tmp_path / "template.db", tmp_path / "history.db"
    fill(template, some_builds(150, steps=8))
    (pages,) = query(template, "PRAGMA page_count")[0]
    listing = tables_of_contents(template)
    known = refs(template)
    harmless = whole = 0
    for page in range(1, pages + 1):
        shutil.copy(template, path)
        damage(path, page)
        saved = tmp_path / "saved.db"
        if page == 1:
            with pytest.raises(RecorderError, match="damaged or not a SQLite database"):
                findings(path)
            continue
        found = findings(path)
        if page in listing:
            assert "nothing of it can be read" in found["integrity"][0]
            with pytest.raises(RecorderError, match="nothing of it can be read"):
                salvage(path, saved)
            continue
        if not found:  # a page that holds nothing
            harmless += 1
            continue
        assert "integrity" in found, (page, found)
        done = salvage(path, saved)
        assert refs(saved) == known, page
        assert done.builds + done.partly == 150
        whole += not done.partly
        assert set(findings(saved)) <= {"place"}, page
        restore(path, saved)
        assert findings(path) == {}
        saved.unlink()
        shutil.rmtree(tmp_path / "backups")
        for left in ("-wal", "-shm"):
            Path(f"{path}{left}").unlink(missing_ok=True)
    assert harmless <= 1
    assert whole > pages * 0.7


def tables_of_contents(path: Path) -> set[int]:
    """The pages that list the tables."""
    return {row[0] for row in query(path, "SELECT pageno FROM dbstat WHERE name='sqlite_schema'")}


def test_two_damaged_pages_cost_what_is_on_them(tmp_path: Path) -> None:
    path, saved = tmp_path / "history.db", tmp_path / "saved.db"
    fill(path, some_builds(400, steps=8))
    leaves = query(
        path, "SELECT pageno FROM dbstat WHERE name = 'docker_builds' AND pagetype = 'leaf'"
    )
    cells = query(path, "SELECT pageno, ncell FROM dbstat WHERE name = 'docker_builds'")
    chosen = [leaves[3][0], leaves[-1][0]]
    lost = sum(dict(cells)[page] for page in chosen)
    columns = "id, ref, image_name, status, round(build_duration, 6), completed_at"
    before = query(path, f"SELECT {columns} FROM docker_builds")
    damage(path, *chosen)
    done = salvage(path, saved)
    assert (done.builds, done.partly) == (400 - lost, lost)
    assert query(saved, f"SELECT {columns} FROM docker_builds") == before
    assert query(saved, "SELECT count(*) FROM build_steps") == [(3200,)]
    assert set(findings(saved)) <= {"place"}


def test_a_damaged_index_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    fill(path, some_builds(150))
    (page,) = query(
        path, "SELECT pageno FROM dbstat WHERE name = 'builds_by_time' AND pagetype = 'leaf'"
    )[0]
    content = bytearray(path.read_bytes())
    place = content.index(b"2026-03", (page - 1) * PAGE)
    content[place : place + 4] = b"2027"
    path.write_bytes(content)
    assert "index builds_by_time" in findings(path)["integrity"][0]
    doctor.fix(path, secrets_too=False)
    assert findings(path) == {}


def test_the_command_saves_what_can_be_read(tmp_path: Path) -> None:
    path, saved = tmp_path / "history.db", tmp_path / "saved.db"
    fill(path, some_builds(50))
    (page,) = query(path, "SELECT rootpage FROM sqlite_master WHERE name = 'build_steps'")[0]
    damage(path, page)
    examined = cli(path, "doctor")
    assert examined.returncode == 1
    assert "build_steps is damaged" in examined.stdout
    assert "doctor --salvage saved.db" in examined.stdout
    done = cli(path, "doctor", "--salvage", saved)
    assert done.returncode == 0, done.stderr
    assert "50 builds are saved" in done.stderr
    again = cli(path, "doctor", "--salvage", saved)
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert cli(path, "restore", saved).returncode == 0
    assert cli(path, "doctor").returncode == 0
