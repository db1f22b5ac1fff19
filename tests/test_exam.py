"""The exam: real builds of every kind, recorded on three ways at once into one file.

None is missing, none is there twice, and every figure is the engine's own. It prints its score.
"""

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from engine_help import make_context
from engines_books import figures, held
from exam_builds import AGAIN, BAD, BUILD, GOOD, SHARED, SLOW, ExamBuild, of
from recording_help import (
    COMMAND,
    Running,
    buildrec,
    compose_plugin,
    keep_apart,
    rows,
    run,
    unlike_any_other,
    until,
)
from second_engine import second_engine
from sound_history import assert_sound

pytestmark = [pytest.mark.engine, pytest.mark.slow]
AT_ONCE = 3
MOST = 49  # an engine holds no more than fifty
DOCKER_BUILD = ("docker", "buildx", "build")


@pytest.fixture
def db(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A history, for a docker CLI with a folder and an engine of its own."""
    config = keep_apart(monkeypatch, tmp_path)
    (config / "cli-plugins" / "docker-compose").symlink_to(compose_plugin())
    with second_engine() as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        yield tmp_path / "history.db"


class Told(NamedTuple):
    """What the exam itself knows of a build: its series, how it ended, and its tags."""

    name: str
    status: str
    tags: tuple[str, ...]


class Examiner:
    """Runs builds and knows how each must be recorded."""

    def __init__(self, db: Path, place: Path) -> None:
        self.db = db
        self.place = place
        self.expected: Counter[Told] = Counter()
        self.surprises: list[tuple[str, int, str]] = []

    def folder(self, exam: ExamBuild) -> Path:
        folder = make_context(self.place / f"{exam.name}-{unlike_any_other()}" / exam.name,
                              exam.dockerfile)  # fmt: skip
        for name, text in exam.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder

    def command(self, exam: ExamBuild, folder: Path) -> list[object]:
        own = (COMMAND, "--db", self.db, "build") if exam.way == BUILD else DOCKER_BUILD
        arguments = [f"--build-arg={name}={value}" for name, value in exam.arguments.items()]
        words = [word.replace("{folder}", str(folder)) for word in exam.words]
        return [*own, "--progress=plain", *words, *arguments, folder]

    def sit(self, exam: ExamBuild) -> None:
        """Run one build to its end."""
        ended = run(*self.command(exam, self.folder(exam)))
        if ended.returncode != (exam.status == "failed") or b"buildrec:" in ended.stderr:
            self.surprises.append((exam.name, ended.returncode, ended.stderr.decode()))
        self.expect(exam.name, exam.status, *exam.tags)

    def cut_off(self, exam: ExamBuild, number: signal.Signals) -> None:
        """Run one build until it says `going`, then send its command a signal."""
        building = Running(
            *self.command(exam, self.folder(exam)), out=self.place / f"{exam.name}.out"
        )
        building.until_it_says("going\n")
        building.process.send_signal(number)
        building.wait()
        self.expect(exam.name, exam.status, *exam.tags)

    def expect(self, name: str, status: str, *tags: str) -> None:
        """Keep in mind how a build must be recorded."""
        self.expected[Told(name, status, tags)] += 1


@contextmanager
def synced_over_and_over(db: Path) -> Iterator[list[int]]:
    """A `sync` after another while the builds run; gives the exit code of each."""
    codes: list[int] = []
    over = threading.Event()

    def sync() -> None:
        while not over.wait(0.4):
            codes.append(buildrec("sync", db=db).returncode)

    thread = threading.Thread(target=sync)
    thread.start()
    try:
        yield codes
    finally:
        over.set()
        thread.join()


def bake(examiner: Examiner) -> None:
    """Two targets of one bake, which share a stage."""
    word = unlike_any_other()
    text = f"FROM scratch AS base\nCOPY busybox /bin/sh\nRUN echo {word}\n"
    text += "".join(f"FROM base AS {name}\nRUN echo {word} {name}\n" for name in ("one", "two"))
    folder = make_context(examiner.place / f"bake-{word}", text)
    targets = {n: {"target": n, "tags": [f"exam/{n}-{word}:1"]} for n in ("one", "two")}
    group = {"default": {"targets": ["one", "two"]}}
    (folder / "docker-bake.json").write_text(json.dumps({"group": group, "target": targets}))
    ended = buildrec("run", "--", "docker", "buildx", "bake", db=examiner.db, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    for name in targets:
        examiner.expect(f"{name}-{word}", "completed", f"exam/{name}-{word}:1")


def compose(examiner: Examiner) -> None:
    """Two services of one file."""
    services = {
        name: {"build": str(examiner.folder(ExamBuild(name, of(name)))), "image": f"exam/{name}:1"}
        for name in ("web", "api")
    }
    file = examiner.place / "compose.yml"
    file.write_text(json.dumps({"services": services}))
    ended = buildrec("run", "--", "docker", "compose", "--file", file, "build", db=examiner.db)
    assert ended.returncode == 0, ended.stderr
    for name in services:
        examiner.expect(name, "completed", f"exam/{name}:1")


def sit_all(examiner: Examiner) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(examiner.sit, [*GOOD, *BAD]))
    shared = [
        ExamBuild(name, SHARED, ("-t", f"exam/{name}:1", "--target", name), way=way)
        for name, way in (("left", BUILD), ("right", "docker"))
    ]
    cut = [
        (ExamBuild("interrupted", SLOW, ("-t", "exam/interrupted"), "canceled", BUILD),
         signal.SIGINT),
        (ExamBuild("stopped", f"{SLOW}#", ("-t", "exam/stopped"), "canceled"), signal.SIGTERM),
        (ExamBuild("killed", f"{SLOW}##", ("-t", "exam/killed"), "canceled"), signal.SIGKILL),
    ]  # fmt: skip
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(examiner.sit, shared))
        list(pool.map(lambda one: examiner.cut_off(*one), cut))
        list(pool.map(examiner.sit, AGAIN))
    bake(examiner)
    compose(examiner)


def test_every_build_is_recorded_once_and_every_figure_is_the_engines(
    db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    examiner = Examiner(db, tmp_path)
    watch = Running(COMMAND, "--db", db, "watch", out=tmp_path / "watch.out")
    try:
        watch.until_it_says('"caught_up"')
        with synced_over_and_over(db) as codes:
            sit_all(examiner)
            assert examiner.surprises == []
            expected = sum(examiner.expected.values())
            until(lambda: len(rows(db)) >= expected, f"{expected} builds are recorded")
        watch.process.terminate()
        assert watch.wait() == 0
    finally:
        watch.process.kill()
        watch.wait()
    assert set(codes) == {0}
    assert buildrec("sync", db=db).returncode == 0

    recorded = rows(db)
    refs = [row["ref"] for row in recorded if row["ref"]]
    missing = (held() - set(refs)) | set((+(examiner.expected - told(recorded))).elements())
    twice = [ref for ref, count in Counter(refs).items() if count > 1]
    twice += list((told(recorded) - examiner.expected).elements())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        of_each = list(pool.map(lambda row: figures(db, row), recorded))
    compared = [figure for found in of_each for figure in found]
    differ = [
        (row["image_name"], figure)
        for row, found in zip(recorded, of_each, strict=True)
        for figure in found
        if not figure.agrees
    ]
    (counted,) = rows(db, "SELECT count(*) AS steps FROM build_steps")
    ways = Counter(row["source"] for row in recorded)
    by_way = ", ".join(f"{count} by {way}" for way, count in ways.items())
    with capsys.disabled():
        print(
            f"\nexam: {len(recorded)} builds ({by_way}), {counted['steps']:,} steps, "
            f"{len(compared):,} figures compared, {len(differ)} differ, {len(missing)} missing, "
            f"{len(twice)} twice; beside {len(codes)} syncs, {time.monotonic() - began:.0f} s"
        )
    assert not differ, "\n".join(f"{name}: {figure}" for name, figure in differ)
    assert (missing, twice) == (set(), [])
    assert 30 <= len(recorded) <= MOST
    assert any(step["shared"] for step in rows(db, "SELECT shared FROM build_steps"))
    assert_sound(db)


def told(recorded: list[dict[str, Any]]) -> Counter[Told]:
    """What the rows say of what the exam itself knows."""
    return Counter(
        Told(
            row["image_name"].rpartition("/")[2],
            row["status"],
            tuple(json.loads(row["image_tags"] or "[]")),
        )
        for row in recorded
    )
