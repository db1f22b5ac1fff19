"""A made-up history for the figures of the publication, and its rows as plain Python has them."""

import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from publication_help import KEY, build, step

from recorder import database, store
from recorder.model import Build, Layer, Step
from recorder.publish.serve import publication

Row = Mapping[str, Any]
HISTORIES = ((1, 0), (2, 1), (3, 3), (4, 40), (5, 150), (6, 400), (7, 800))
"""Seeds, and how many builds."""
QUERIES = yaml.safe_load((Path(__file__).parents[1] / "metadata.yml").read_text())["databases"][
    "docker_build_history"
]["queries"]
IMAGES = ("shop/api", "shop/web", "tools:dev")
_ZONES = ("Asia/Singapore", "Europe/Berlin", "America/St_Johns", "UTC")
_KINDS = ("internal", "from", "run", "copy", "run", "export")
_STATUSES = ("completed",) * 8 + ("failed", "failed", "canceled")


def history(path: Path, seed: int, builds: int) -> None:
    """Record `builds` builds of 45 days, out of order: some of one instant, some without a size."""
    source = random.Random(seed)
    made = [_build(number, source) for number in range(builds)]
    source.shuffle(made)
    with database.connect(path) as connection:
        store.record_all(connection, made, KEY)


def _build(number: int, source: random.Random) -> Build:
    status = source.choice(_STATUSES)
    steps = tuple(_steps(status, source))
    counted = [s for s in steps if s.kind in {"run", "copy"} and s.started is not None]
    cached = sum(s.cached for s in counted)
    digest = source.randrange(12) if status == "completed" else None
    return build(
        source.choice(IMAGES),
        # Few instants, so that several builds share one.
        hours=source.randrange(45 * 24) + source.choice((0, 0, 0.5)),
        seconds=source.choice((5.0, source.uniform(0, 90))),
        status=status,
        zone=source.choice(_ZONES),
        ref=f"ref{number:08}",
        image_size_bytes=source.choice((None, 10**8, source.randrange(1, 10**9)))
        if status == "completed" else None,
        image_digest=None if digest is None else f"sha256:{digest:064x}",
        layers=() if digest is None else (
            Layer(1, "ADD rootfs /", 10**7), Layer(2, "RUN make", digest * 10**6)),
        cache_ratio=source.choice((None, cached / len(counted))) if counted else None,
        error_message=None if status == "completed" else f"error {number}",
        steps=steps,
    )  # fmt: skip


def _steps(status: str, source: random.Random) -> list[Step]:
    """A few steps: cached, shared with another build, cut off or never run."""
    made: list[Step] = []
    ended = source.randrange(2, len(_KINDS)) if status != "completed" else len(_KINDS)
    warm = source.randrange(len(_KINDS) + 1)
    for number, kind in enumerate(_KINDS):
        name = f"[{number}/5] {kind} {source.choice('ab')}"
        more: dict[str, Any] = {"kind": kind, "duration": source.uniform(0, 30), "stage": "s"}
        if number > ended:
            more |= {"started": None, "duration": None}
        elif number == ended:
            more |= {"error": "exit code: 1"} if status == "failed" else {"duration": None}
        elif number < warm and kind in {"run", "copy"}:
            more |= {"cached": True, "duration": 0.0}
        elif source.random() < 0.2:
            more |= {"shared": True, "started": -source.uniform(0, 9)}
        made.append(step(number, name, critical=source.random() < 0.5, **more))
    return made


def prune_the_oldest(path: Path, source: random.Random) -> None:
    """Prune a third of the builds of some images, as `buildrec prune` does it: oldest first."""
    with database.connect(path) as connection:
        for image in source.sample(IMAGES, k=2):
            ids = [row["id"] for row in newest(rows(connection, "docker_builds", image))][::-1]
            store.delete(connection, ids[: len(ids) // 3], keep_days=True)


def rows(connection: sqlite3.Connection, table: str, image: str | None = None) -> list[Row]:
    """All rows of a table, of one image where it is named."""
    cursor = connection.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor]
    return [row for row in found if image is None or row["image_name"] == image]


def newest(builds: list[Row]) -> list[Row]:
    """Builds with the latest first."""
    return sorted(builds, key=lambda row: (row["completed_at"], row["id"]), reverse=True)


def day_before(stamp: str, days: int) -> str:
    """The day that lies some days before that of an instant."""
    return str(date.fromisoformat(stamp[:10]) - timedelta(days=days))


class World:
    """A history: all builds that ever were, those that are left, and what the queries say."""

    def __init__(self, connection: sqlite3.Connection, datasette: Any, ever: list[Row]) -> None:
        self.connection, self.datasette, self.ever = connection, datasette, ever
        self.left = newest(rows(self.connection, "docker_builds"))
        self.steps: dict[int, list[Row]] = defaultdict(list)
        for row in rows(self.connection, "steps"):
            self.steps[row["build_id"]].append(row)

    def sql(self, query: str, values: object) -> list[Row]:
        """The rows of a query."""
        cursor = self.connection.execute(query, values)  # type: ignore[call-overload]
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def ask(self, name: str, **values: object) -> list[Row]:
        query = QUERIES[name]
        given = {key: str(values.get(key, "")) for key in query["params"]}
        cursor = self.connection.execute(query["sql"], given)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def of(self, image: str) -> list[Row]:
        return [row for row in self.left if row["image_name"] == image]

    @property
    def images(self) -> list[str]:
        return [image for image in IMAGES if self.of(image)]

    def since(self, days: int) -> str:
        return day_before(self.left[0]["completed_at"], days - 1) if self.left else ""


@contextmanager
def made(folder: Path, seed: int, builds: int) -> Iterator[World]:
    """A history in `folder`, some of whose builds were pruned."""
    path = folder / "docker_build_history.db"
    history(path, seed, builds)
    with database.connect_to_read(path) as connection:
        ever = newest(rows(connection, "docker_builds"))
    prune_the_oldest(path, random.Random(seed))
    with database.connect_to_read(path) as connection:
        yield World(connection, publication(path), ever)
