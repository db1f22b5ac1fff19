"""What the exams of upkeep and of faults share: histories to work on, and what holds of them."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from recorder import database, store, times
from recorder.model import Build, Layer, Step
from recorder.upkeep import doctor

KEY = b"the key of these tests"
PAGE = 4096
START = times.parse("2026-03-01T04:05:06Z")


def some_builds(count: int, first: int = 0, steps: int = 4) -> Iterator[Build]:
    """Builds of three images, half a day apart, with refs `r0`, `r1`, and so on."""
    for number in range(first, first + count):
        yield Build(
            image_name=("shop", "cart", "docs")[number % 3],
            build_duration=10 + number % 7 + 0.25,
            completed_at=START + timedelta(hours=12 * number),
            status="failed" if number % 11 == 5 else "completed",
            ref=f"r{number}",
            image_size_bytes=1_000_000 + number if number % 4 else None,
            cache_ratio=(0.0, 0.5, 1.0)[number % 3],
            image_digest=f"sha256:{number // 2}",
            layers=(Layer(1, f"COPY {number // 2} /", 10),),
            steps=tuple(
                Step(
                    position=n,
                    name=f"[{n}/{steps}] RUN {n} {number // 5}",
                    step_key=f"{n}",
                    kind="run",
                    started=n - 1.0,
                    duration=1.0,
                )
                for n in range(1, steps + 1)
            ),
        )


def fill(path: Path, builds: Iterable[Build]) -> None:
    """Store `builds` in the history at `path`."""
    with database.connect(path) as connection:
        store.record_all(connection, builds, KEY)


def query(path: Path, sql: str) -> list[tuple]:
    """The rows that a plain connection finds."""
    with closing(sqlite3.connect(path, timeout=60)) as plain:
        return plain.execute(sql).fetchall()


def refs(path: Path) -> set[str]:
    """The refs of the builds in the file."""
    return {row[0] for row in query(path, "SELECT ref FROM docker_builds")}


def count(path: Path) -> int:
    """How many builds the file holds."""
    return int(query(path, "SELECT count(*) FROM docker_builds")[0][0])


def findings(path: Path, *, secrets_too: bool = False) -> dict[str, list[str]]:
    """What `doctor` says is wrong, by check."""
    return {
        name: [finding.problem for finding in found]
        for name, found in doctor.examine(path, secrets_too=secrets_too)
        if found
    }


def cli(path: Path, *words: object, **options) -> "subprocess.CompletedProcess[str]":
    """Run `buildrec --db PATH` with these words to its end."""
    command = [sys.executable, "-m", "recorder", "--db", str(path), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def damage(path: Path, *pages: int) -> None:
    """Write rubbish over pages of the file, counted from 1."""
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(b"\xa5" * PAGE)


def root_page(path: Path, table: str) -> int:
    """The page in which a table begins."""
    return int(query(path, f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'")[0][0])


def left(folder: Path) -> list[str]:
    """The names in a folder."""
    return sorted(file.name for file in folder.iterdir())
