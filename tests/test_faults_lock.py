"""A database that another process holds: who writes waits, says so, and loses nothing."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from upkeep_help import cli, count, fill, findings, refs, some_builds

from recorder import spool
from recorder.errors import DatabaseLockedError
from recorder.upkeep.backup import back_up
from recorder.upkeep.restore import restore

HOLDER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN EXCLUSIVE")
other.execute("DELETE FROM docker_builds")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process is in the middle of a transaction, and does not end it."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    try:
        yield
    finally:
        other.kill()
        other.communicate()


def test_readers_go_on_and_writers_wait_no_longer_than_they_are_told(database_path: Path) -> None:
    fill(database_path, some_builds(12))
    copy = back_up(database_path).path
    with held(database_path):
        (late,) = some_builds(1, first=100)
        said = spool.record_or_keep(database_path, late, timeout=0.3)
        assert said is not None
        assert "is locked by another program" in said
        assert "It waits in" in said
        with pytest.raises(DatabaseLockedError):
            restore(database_path, copy, timeout=0.3)
        assert back_up(database_path).builds == 12
        assert findings(database_path) == {"spool": ["1 builds wait to be stored"]}
    assert restore(database_path, copy).waiting == 1
    assert refs(database_path) == {f"r{n}" for n in range(12)} | {"r100"}
    assert findings(database_path) == {}


@pytest.mark.slow
def test_a_minute_under_a_lock_costs_no_build(database_path: Path) -> None:
    fill(database_path, some_builds(12))
    with held(database_path):
        begun = time.monotonic()
        done = cli(database_path, "record", "shop", "--duration", "1")
        assert done.returncode == 1
        assert "is locked by another program" in done.stderr
        for words in (("prune", "--keep", "1"), ("doctor", "--fix")):
            done = cli(database_path, *words)
            assert done.returncode == 1
            assert "is locked by another program" in done.stderr
        assert cli(database_path, "history").returncode == 0
        time.sleep(max(0.0, begun + 60 - time.monotonic()))
    assert cli(database_path, "record", "cart", "--duration", "1").returncode == 0
    assert count(database_path) == 14
    assert findings(database_path) == {}
