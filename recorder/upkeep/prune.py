"""`buildrec prune`: removes builds by age, count and size; their days stay, for the trends."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from recorder import database, store, times
from recorder.errors import BadValueError
from recorder.upkeep import orphans, room
from recorder.upkeep.copying import Progress

_FIRST_BATCH, _LARGEST_BATCH = 50, 1000
_BATCH_SECONDS = 0.05
"""What a batch should take, which is how long a recorder may have to wait."""
_ROUNDS = 20
_DAY_BYTES, _BLANK_BYTES = 130, 120_000
"""What a row of `pruned_days` takes, and a history without builds: for estimates."""


@dataclass(frozen=True)
class Rules:
    """Which builds go: those that any rule names. The latest build of an image always stays.

    `older_than` counts from now; `keep` is how many of the latest builds of each image stay;
    `max_bytes` is what the file may take, for which the oldest of all go first.
    Raises BadValueError when no rule is given or one makes no sense.
    """

    older_than: timedelta | None = None
    keep: int | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.older_than is None and self.keep is None and self.max_bytes is None:
            raise BadValueError(
                "nothing says what to prune", "give --older-than, --keep or --max-size"
            )
        if self.keep is not None and self.keep < 1:
            raise BadValueError(f"{self.keep} builds cannot be kept", "keep 1 or more")


class Share(NamedTuple):
    """What goes of one image: builds, when the first and the last finished (UTC), their days."""

    image_name: str
    builds: int
    first: str
    last: str
    days: int


@dataclass(frozen=True)
class Pruned:
    """What was (or would be) done; bytes are those of the file, `after` an estimate of a plan."""

    shares: tuple[Share, ...]
    before: int
    after: int

    @property
    def builds(self) -> int:
        """How many builds."""
        return sum(share.builds for share in self.shares)


def plan(path: Path, rules: Rules) -> Pruned:
    """What `prune` would do; nothing is changed. For a size it counts with builds of one size."""
    with database.connect_to_read(path) as connection:
        ids = _by_age_and_count(connection, rules)
        each, before = _bytes_each(connection), room.whole(connection)
        most = before
        if rules.max_bytes is not None:
            over = room.used(connection) - len(ids) * each - rules.max_bytes
            more = _oldest(connection, _how_many(over, each), but=set(ids))
            over += sum(share.days for share in _shares(connection, more)) * _DAY_BYTES
            more = _oldest(connection, _how_many(over, each), but=set(ids))
            most = rules.max_bytes if len(more) == _how_many(over, each) else before
            ids += more
        shares = _shares(connection, ids)
        days = sum(share.days for share in shares)
        after = before - round(len(ids) * each) + days * _DAY_BYTES
        return Pruned(_joined(shares), before, min(before, most, after))


def prune(path: Path, rules: Rules, progress: Progress | None = None) -> Pruned:
    """Remove builds, in batches so that a recorder waits for a moment at most; gives what went.

    Each batch is one transaction, in which the days of its builds go to `pruned_days`. At the end
    go the names that no build needs, and the free pages. To be stopped in between does no harm.
    """
    with database.connect_to_change(path) as connection:
        before = room.whole(connection)
        ids = _by_age_and_count(connection, rules)
        shares = _shares(connection, ids)
        _remove(connection, ids, progress)
        for _ in range(_ROUNDS if rules.max_bytes is not None else 0):
            over = room.used(connection) - (rules.max_bytes or 0)
            more = _oldest(connection, _how_many(over, _bytes_each(connection)))
            if not more:
                break
            shares += _shares(connection, more)
            _remove(connection, more, progress)
            orphans.sweep(connection)
        if shares:
            orphans.sweep(connection)
            room.give_back(connection)
        return Pruned(_joined(shares), before, room.whole(connection))


def _by_age_and_count(connection: sqlite3.Connection, rules: Rules) -> list[int]:
    """Ids by image, the oldest of each first; never the latest build of an image.

    A clock that is wrong, or a project that rests, would otherwise take everything.
    """
    limit = ""
    if rules.older_than is not None:
        limit = times.utc_text(times.before(times.now(), rules.older_than.total_seconds()))
    rows = connection.execute(
        "SELECT id FROM (SELECT id, image_name, completed_at, row_number() OVER ("
        "PARTITION BY image_name ORDER BY completed_at DESC, id DESC) AS place FROM docker_builds)"
        " WHERE place > 1 AND (completed_at < ? OR place > ?) "
        "ORDER BY image_name, completed_at, id",
        (limit, rules.keep or _builds(connection)),
    )
    return [row[0] for row in rows.fetchall()]


def _oldest(
    connection: sqlite3.Connection, number: int, but: set[int] | frozenset[int] = frozenset()
) -> list[int]:
    """Ids of the oldest builds, `but` these and the latest of each image; by image as above."""
    if number <= 0:
        return []
    rows = connection.execute(
        "SELECT id, image_name, completed_at FROM (SELECT *, row_number() OVER ("
        "PARTITION BY image_name ORDER BY completed_at DESC, id DESC) AS place FROM docker_builds)"
        " WHERE place > 1 ORDER BY completed_at, id LIMIT ?",
        (number + len(but),),
    )
    chosen = [tuple(row) for row in rows if row[0] not in but][:number]
    return [row[0] for row in sorted(chosen, key=lambda row: (row[1], row[2], row[0]))]


def _remove(connection: sqlite3.Connection, ids: Sequence[int], progress: Progress | None) -> None:
    done, size = 0, _FIRST_BATCH
    while done < len(ids):
        with room.polite():
            begun = monotonic()
            store.delete(connection, ids[done : done + size], keep_days=True)
            took = max(monotonic() - begun, 1e-6)
        done = min(done + size, len(ids))
        size = max(1, min(_LARGEST_BATCH, round(size * min(2.0, _BATCH_SECONDS / took))))
        if progress:
            progress(done, len(ids))


def _shares(connection: sqlite3.Connection, ids: Sequence[int]) -> list[Share]:
    """What these ids are, perhaps in several parts of one image."""
    found = []
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        found += connection.execute(
            "SELECT image_name, count(*), min(completed_at), max(completed_at), "
            "count(DISTINCT substr(completed_at, 1, 10)) FROM docker_builds "
            f"WHERE id IN ({', '.join('?' * len(part))}) GROUP BY image_name",
            part,
        ).fetchall()
    return [Share(*row) for row in found]


def _joined(shares: Sequence[Share]) -> tuple[Share, ...]:
    found: dict[str, Share] = {}
    for share in shares:
        found[share.image_name] = _sum(found.get(share.image_name), share)
    return tuple(found.values())


def _sum(one: Share | None, other: Share) -> Share:
    if one is None:
        return other
    return Share(
        one.image_name,
        one.builds + other.builds,
        min(one.first, other.first),
        max(one.last, other.last),
        one.days + other.days,
    )


def _bytes_each(connection: sqlite3.Connection) -> float:
    return max(1, room.used(connection) - _BLANK_BYTES) / max(1, _builds(connection))


def _how_many(over: float, each: float) -> int:
    return -int(-over // each) if over > 0 else 0


def _builds(connection: sqlite3.Connection) -> int:
    """How many builds there are."""
    return int(connection.execute("SELECT count(*) FROM docker_builds").fetchone()[0])
