"""SIGKILL at random points of everything that writes: nothing acknowledged is lost.

    BUILDREC_FAULT_COUNT=1000 python -m pytest tests/test_faults_kill.py -s

kills each work a thousand times, and prints how many faults were injected, and how many records
were acknowledged and found. BUILDREC_FAULT_SEED chooses other points.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from upkeep_help import count, fill, findings, query, refs, some_builds

import recorder
from recorder import schema, spool
from recorder.exports import build_times
from recorder.upkeep.backup import back_up

TESTS = Path(__file__).parent
FAULTS = int(os.environ.get("BUILDREC_FAULT_COUNT") or 24)
SEED = int(os.environ.get("BUILDREC_FAULT_SEED") or 1)
SCHEMA_1 = TESTS / "data" / "schemas" / "1.sql"


class Tally:
    """Figures of one work: faults injected, records acknowledged, records found."""

    def __init__(self, work: str) -> None:
        self.work, self.faults, self.acknowledged, self.found = work, 0, 0, 0

    def add(self, answer: dict, acknowledged: int, found: int) -> None:
        self.faults += answer["killed"]
        self.acknowledged += acknowledged
        self.found += found

    def __str__(self) -> str:
        return (
            f"\n{self.work}: {self.faults} faults injected, {self.acknowledged} records "
            f"acknowledged, {self.found} found"
        )


class Worker:
    """A process that does work and kills it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, TESTS / "fault_worker.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(recorder.__file__).parents[1],
        )

    def start(self, work: str, delay: float | None, **order: object) -> None:
        """Let it do `work`, to be killed after `delay` seconds, or never."""
        assert self._process.stdin is not None
        values = {name: str(v) if isinstance(v, Path) else v for name, v in order.items()}
        print(json.dumps({"work": work, "delay": delay, **values}), file=self._process.stdin)
        self._process.stdin.flush()

    def answer(self) -> dict:
        """What became of it."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def do(self, work: str, delay: float | None = None, **order: object) -> dict:
        """Both."""
        self.start(work, delay, **order)
        return self.answer()

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    made = Tally(request.node.name.removeprefix("test_"))
    yield made
    print(made)
    assert made.faults > FAULTS / 4, "too few were killed in time"


def points(seconds: float) -> Iterator[float]:
    """When to kill a work that takes so many seconds."""
    source = random.Random(SEED)
    for _ in range(FAULTS):
        yield source.uniform(0, 1.1 * seconds)


def copied(template: Path, path: Path) -> Path:
    """A fresh copy of a file that nobody has open."""
    for suffix in ("-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    shutil.copy(template, path)
    return path


def assert_sound(path: Path, but: tuple[str, ...] = ()) -> None:
    found = findings(path)
    assert {name: what for name, what in found.items() if name not in but} == {}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template" / "history.db"
    path.parent.mkdir()
    fill(path, some_builds(200))
    return path


def test_record(worker: Worker, tally: Tally, database_path: Path) -> None:
    known: set[str] = set()
    for number, delay in enumerate(points(0.06)):
        answer = worker.do("record", delay, path=database_path, first=number * 10_000)
        known |= {*answer["acknowledged"]}
        found = refs(database_path)
        assert found >= known
        assert len(found - known) <= number + 1  # one at most was stored and not acknowledged
        assert_sound(database_path)
        tally.add(answer, len(answer["acknowledged"]), len(found & {*answer["acknowledged"]}))


def test_spool(worker: Worker, tally: Tally, database_path: Path) -> None:
    waiting: set[str] = set()
    for number, delay in enumerate(points(0.02)):
        answer = worker.do("wait", delay, path=database_path, first=number * 10_000)
        waiting |= {*answer["acknowledged"]}
        assert {build.ref for _, build in spool.waiting(database_path)} >= waiting - refs(
            database_path
        )
        drained = worker.do("drain", delay, path=database_path)
        assert_sound(database_path, but=("spool",))
        tally.add(drained, 0, 0)
        tally.add(answer, len(answer["acknowledged"]), 0)
    assert spool.unreadable() == []
    worker.do("drain", path=database_path)
    tally.found = len(refs(database_path) & waiting)
    assert refs(database_path) >= waiting
    assert_sound(database_path)


def all_or_nothing(
    worker: Worker, tally: Tally, path: Path, template: Path, work: str, **order: object
) -> None:
    """Kill a work that brings builds into a copy of `template`: all come in, or none."""
    path = copied(template, path)
    before = count(path)
    seconds = worker.do(work, path=path, **order)["seconds"]
    whole = count(path)
    assert whole > before
    for delay in points(seconds):
        copied(template, path)
        answer = worker.do(work, delay, path=path, **order)
        found = count(path)
        assert found in ({whole} if answer["acknowledged"] else {before, whole})
        assert_sound(path)
        done = whole - before if answer["acknowledged"] else 0
        tally.add(answer, done, found - before if done else 0)


def test_bulk(worker: Worker, tally: Tally, template: Path, tmp_path: Path) -> None:
    order = {"work": "bulk", "first": 1000, "count": 300}
    all_or_nothing(worker, tally, tmp_path / "h.db", template, **order)


def test_merge(worker: Worker, tally: Tally, template: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    fill(other, some_builds(300, first=100))
    content = other.read_bytes()
    all_or_nothing(worker, tally, tmp_path / "h.db", template, work="take_in", file=other)
    assert other.read_bytes() == content


def test_import(worker: Worker, tally: Tally, template: Path, tmp_path: Path) -> None:
    other, file = tmp_path / "other.db", tmp_path / "docker_build_times.json"
    fill(other, some_builds(300, first=300))
    build_times.export(other, file)
    all_or_nothing(worker, tally, tmp_path / "h.db", template, work="take_in", file=file)


def test_backup(worker: Worker, tally: Tally, template: Path, tmp_path: Path) -> None:
    path, folder = copied(template, tmp_path / "history.db"), tmp_path / "safe"
    folder.mkdir()
    recording = Worker()
    recording.start("record", 0.02 * FAULTS, path=path, first=10_000)
    for delay in points(0.15):
        answer = worker.do("save", delay, path=path, folder=folder)
        made = [copy for copy in folder.iterdir() if not copy.name.startswith(".")]
        for copy in made:
            assert_sound(copy, but=("place",))
            assert refs(copy) >= {f"r{n}" for n in range(200)}
        assert answer["acknowledged"] == [] or Path(answer["acknowledged"][-1]) in made
        tally.add(answer, len(answer["acknowledged"][-3:]), len(answer["acknowledged"][-3:]))
    recorded = recording.answer()
    recording.close()
    assert refs(path) >= {*recorded["acknowledged"]}
    assert_sound(path)


def test_restore(worker: Worker, tally: Tally, template: Path, tmp_path: Path) -> None:
    """While another process records: what it acknowledged is in the file or in what was kept."""
    path = copied(template, tmp_path / "history.db")
    copy = back_up(path, tmp_path / "copy.db").path
    recording, acknowledged = Worker(), 0
    seconds = worker.do("put_back", path=path, file=copy)["seconds"]
    found: set[str] = set()
    for number, delay in enumerate(points(seconds)):
        first = 10_000 * (number + 1)
        recording.start("record", seconds * 1.3, path=path, first=first)
        answer = worker.do("put_back", delay, path=path, file=copy)
        recorded = {*recording.answer()["acknowledged"]}
        for kept in (tmp_path / "backups").glob("*replaced*"):
            assert_sound(kept, but=("place",))
            found |= refs(kept)
            kept.unlink()
        found |= refs(path)
        assert found >= recorded
        assert found >= {f"r{n}" for n in range(200)}
        assert_sound(path)
        acknowledged += len(recorded)
        tally.add(answer, len(recorded), len(recorded & found))
    recording.close()


@pytest.mark.slow
def test_prune(worker: Worker, tally: Tally, template: Path, tmp_path: Path) -> None:
    """While another process records: each build is in the file, or counted in its day."""
    path = copied(template, tmp_path / "history.db")
    seconds = worker.do("thin_out", path=path, keep=5)["seconds"]
    trend = "SELECT sum(builds), sum(all_us) FROM pruned_days"
    recording = Worker()
    for number, delay in enumerate(points(seconds)):
        copied(template, path)
        first = 10_000 * (number + 1)
        recording.start("record", seconds, path=path, first=first)
        answer = worker.do("thin_out", delay, path=path, keep=5)
        recorded = {*recording.answer()["acknowledged"]}
        (gone, _) = query(path, trend)[0]
        there = len(refs(path)) + (gone or 0)
        assert 200 + len(recorded) <= there <= 201 + len(recorded)
        # Names that nothing needs are swept out at the end, and by the next prune.
        assert_sound(path, but=("orphans",))
        tally.add(
            answer, len(recorded), there - 200 if there == 200 + len(recorded) else len(recorded)
        )
        worker.do("thin_out", path=path, keep=5)
        assert_sound(path)
    recording.close()


def test_migration(worker: Worker, tally: Tally, tmp_path: Path) -> None:
    old, path = tmp_path / "old.db", tmp_path / "history.db"
    with closing(sqlite3.connect(old)) as plain:
        plain.executescript(SCHEMA_1.read_text())
    before = refs(old)
    copied(old, path)
    seconds = worker.do("migrate", path=path)["seconds"]
    for delay in points(seconds):
        copied(old, path)
        answer = worker.do("migrate", delay, path=path)
        (version,) = query(path, "PRAGMA user_version")[0]
        assert version in ({schema.VERSION} if answer["acknowledged"] else {1, schema.VERSION})
        assert refs(path) == before
        assert_sound(path)  # the next one to open it goes on
        assert query(path, "PRAGMA user_version") == [(schema.VERSION,)]
        tally.add(answer, len(before), len(refs(path)))


def test_first_file(worker: Worker, tally: Tally, tmp_path: Path) -> None:
    """The first command of all, which makes the file."""
    seconds = worker.do("migrate", path=tmp_path / "first.db")["seconds"]
    for number, delay in enumerate(points(seconds)):
        path = tmp_path / f"{number}.db"
        answer = worker.do("migrate", delay, path=path)
        fill(path, some_builds(1))
        assert refs(path) == {"r0"}
        assert_sound(path)
        tally.add(answer, 1, 1)
