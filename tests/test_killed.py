"""`kill -9` of the recorder at any moment loses no build that the engine knows or that was stored.

BUILDREC_KILL_ROUNDS says how often (10), BUILDREC_KILL_SEED at which moments. It prints its score.
"""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from engine_help import docker
from engines_books import held
from recording_help import (
    COMMAND,
    Running,
    buildrec,
    keep_apart,
    rows,
    shell,
    spooled,
    unlike_any_other,
    until,
)
from second_engine import second_engine
from sound_history import assert_sound

pytestmark = pytest.mark.engine
Contexts = Callable[..., Path]
ROUNDS = int(os.environ.get("BUILDREC_KILL_ROUNDS", "10"))
SEED = int(os.environ.get("BUILDREC_KILL_SEED", "3"))
LATEST = {"build": 2.2, "watch": 2.2, "sync": 1.8, "first sync": 1.8}
"""The recorders, each with the seconds after which it has as good as surely done its work."""


class Victims:
    """Starts recorders and ends them with SIGKILL, each at its own moment."""

    def __init__(self, place: Path, dice: random.Random) -> None:
        self._place = place
        self._dice = dice
        self._doomed: list[tuple[float, str, Running]] = []
        self.killed: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.told: set[str] = set()

    def start(self, kind: str, *words: object, db: Path) -> None:
        out = self._place / f"{unlike_any_other()}.out"
        victim = Running(COMMAND, "--db", db, *words, out=out)
        moment = time.monotonic() + self._dice.uniform(0.05, LATEST[kind])
        self._doomed.append((moment, kind, victim))

    def kill(self) -> None:
        for moment, kind, victim in sorted(self._doomed, key=lambda doomed: doomed[0]):
            time.sleep(max(0.0, moment - time.monotonic()))
            alive = victim.process.poll() is None
            victim.process.kill()
            victim.wait()
            (self.killed if alive else self.ended)[kind] += 1
            if kind == "watch":
                self.told |= {line["ref"] for line in ends_told(victim.out)}
        self._doomed.clear()


def ends_told(out: Path) -> list[dict[str, Any]]:
    """The builds of which a watch has said that they are stored."""
    found = []
    for line in out.read_text().splitlines():
        with suppress(ValueError):  # the last line may be cut off
            told = json.loads(line)
            if told["event"] == "ended" and told["problem"] is None:
                found.append(told)
    return found


@pytest.mark.slow
def test_no_build_is_lost_when_recorders_are_killed_at_any_moment(
    context: Contexts,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    began = time.monotonic()
    keep_apart(monkeypatch, tmp_path)
    db = tmp_path / "history.db"
    victims = Victims(tmp_path, random.Random(SEED))
    seen: dict[str, int] = {}
    with second_engine() as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        for number in range(ROUNDS):
            other = tmp_path / f"other{number}.db"
            names = f"ours{number}", f"theirs{number}"
            ours, theirs = (context(shell(f"echo {unlike_any_other()}"), name=n) for n in names)
            direct = Running("docker", "build", "-q", theirs, out=tmp_path / f"{number}.out")
            victims.start("watch", "watch", db=db)
            victims.start("build", "build", "-q", ours, db=db)
            victims.start("sync", "sync", db=db)
            victims.start("first sync", "sync", db=other)
            victims.kill()
            assert direct.wait() == 0
            if has_builds(db):
                stored = {row["ref"]: row["id"] for row in rows(db)}
                assert seen.items() <= stored.items()
                seen = stored
            assert buildrec("sync", db=other).returncode == 0
            assert_sound(other)
        until(nothing_runs, "the builds whose recorder was killed have ended")
        assert buildrec("sync", db=db).returncode == 0
        known = held()
        stored = {row["ref"]: row["id"] for row in rows(db)}
        with capsys.disabled():
            print(
                f"\nkill -9: {victims.killed.total()} recorders killed at work "
                f"({', '.join(f'{count} {kind}' for kind, count in victims.killed.items())}), "
                f"{victims.ended.total()} had ended; {len(known)} builds held by the engine, "
                f"{len(known - stored.keys())} missing; {len(seen)} rows seen and "
                f"{len(victims.told)} told, {len((seen.keys() | victims.told) - stored.keys())} "
                f"lost; {time.monotonic() - began:.0f} s"
            )
        assert known <= stored.keys()
        assert victims.told <= stored.keys()
        assert seen.items() <= stored.items()
        assert len(stored) == len(rows(db))
        assert [file for file in spooled() if file.suffix == ".json"] == []
        assert_sound(db)


def has_builds(db: Path) -> bool:
    return bool(rows(db, "SELECT 1 FROM sqlite_master WHERE name = 'docker_builds'"))


def nothing_runs() -> bool:
    return "Running" not in docker("buildx", "history", "ls").stdout
