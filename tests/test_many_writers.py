"""Many processes that record at once, into a file that does not exist yet, lose nothing."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import recorder
from recorder import database, statistics

WRITERS, BUILDS = 64, 3
WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from recorder import database, store
from recorder.model import Build, Step

path, number = Path(sys.argv[1]), int(sys.argv[2])
sys.stdin.read()
for i in range(3):
    steps = tuple(Step(position=n, name=f"[{n}/3] RUN {n}", step_key=str(n), kind="run",
                       started=n, duration=1.0) for n in (1, 2, 3))
    with database.connect(path) as connection:
        store.record(connection, Build(
            image_name=("shop", "cart")[number % 2], build_duration=number + i / 10,
            completed_at=datetime(2025, 7, 10, tzinfo=UTC) + timedelta(seconds=number % 7),
            ref=f"{number}-{i}", image_size_bytes=number * 1000 + i, steps=steps))
        # Everyone also tells of the same build.
        store.record(connection, Build(
            image_name="shared", build_duration=1, ref="shared",
            completed_at=datetime(2025, 7, 10, tzinfo=UTC)))
"""


def test_sixty_four_processes_that_record_at_once_lose_nothing(tmp_path):
    path = tmp_path / "history.db"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(number)],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=Path(recorder.__file__).parents[1],
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")},
        )
        for number in range(WRITERS)
    ]  # fmt: skip
    for writer in writers:  # all are started, though not all have read their modules: let go
        writer.stdin.close()
    complaints = [writer.stderr.read() for writer in writers]
    assert [writer.wait() for writer in writers] == [0] * WRITERS, "".join(complaints)
    for writer in writers:
        writer.stderr.close()
    assert "".join(complaints) == ""

    with closing(sqlite3.connect(path)) as plain:
        refs = {row[0] for row in plain.execute("SELECT ref FROM docker_builds")}
        assert refs == {"shared"} | {f"{n}-{i}" for n in range(WRITERS) for i in range(BUILDS)}
        assert plain.execute("SELECT count(*) FROM step_names").fetchone() == (3,)
        assert plain.execute("SELECT count(*) FROM build_steps").fetchone() == (
            WRITERS * BUILDS * 3,
        )
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        columns = (
            "image_name, total_builds, round(avg_duration, 6), min_duration, max_duration, "
            "last_duration, last_size_mb, round(total_duration, 6)"
        )
        kept, defined = (
            plain.execute(f"SELECT {columns} FROM ({rows}) ORDER BY image_name").fetchall()
            for rows in ("SELECT * FROM build_statistics", statistics.DEFINITION)
        )
        assert kept == defined
        totals = plain.execute("SELECT * FROM build_totals ORDER BY image_name").fetchall()
    with database.connect(path) as connection, database.transaction(connection):
        statistics.rebuild(connection, ["cart", "shared", "shop"], "2025-07-10T00:00:00.000Z")
        rebuilt = connection.execute("SELECT * FROM build_totals ORDER BY image_name").fetchall()
    assert rebuilt == totals
    assert sorted(file.name for file in tmp_path.iterdir()) == ["config", "history.db"]
