"""The one door into the database: masks a build, writes it with its steps, keeps the statistics."""

import functools
import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from recorder import json_file, masking, naming, pruned, redact, schema, times
from recorder.contribution import CONTRIBUTION_COLUMNS, Contribution, of_stored
from recorder.database import transaction
from recorder.details import Details
from recorder.errors import DatabaseError
from recorder.model import MICRO, Build, Step
from recorder.statistics import Ledger

_LOG = logging.getLogger("recorder.store")
_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True)
_COLUMNS = schema.DOCKER_BUILDS.stored[1:]
_INSERT_BUILD = (
    f"INSERT INTO docker_builds ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (ref) DO NOTHING"
)
# Ways in that were asked for by name know better than those that see builds pass by.
_EXPLICIT = frozenset({"build", "run", "record"})
_BY_CHOICE = ("image_name", "source", "timezone")
_SIZE = ("image_size_mb", "image_size_bytes", "size_kind")  # of one measurement, or none
_OUTCOME = ("success", "canceled", "error_message")


class Recorded(NamedTuple):
    """Where a build is: its id, and whether it was new to the file."""

    id: int
    new: bool


@dataclass
class Tally:
    """How many of several builds were new and how many were known already."""

    new: int = 0
    known: int = 0


def record(connection: sqlite3.Connection, build: Build, key: bytes | None = None) -> Recorded:
    """Write one build and its statistics in one transaction that reaches the disk.

    A build whose `ref` is known is not written again: what its row lacks is filled in. `key` is
    that of the masks, the user's own by default. Raises a DatabaseError, or sqlite3.Error inside
    `database.translated`; then nothing was written.
    """
    with writing(connection, key) as writer:
        recorded = writer.write(build)
        if recorded.new:
            _judge(connection, recorded.id)
    json_file.ask(connection)
    _LOG.debug("recorded %s as %d (new: %s)", build.ref or build.image_name, *recorded)
    return recorded


def record_all(
    connection: sqlite3.Connection,
    builds: Iterable[Build],
    key: bytes | None = None,
    *,
    judged: bool = False,
) -> Tally:
    """Write many builds in one transaction: all of them, or none when one cannot be written.

    Those that have just been built are `judged` one by one; old ones wait for the next `check`.
    """
    tally = Tally()
    with writing(connection, key) as writer:
        for build in builds:
            recorded = writer.write(build)
            if recorded.new:
                tally.new += 1
                if judged:
                    _judge(connection, recorded.id)
            else:
                tally.known += 1
    return tally


@contextmanager
def writing(connection: sqlite3.Connection, key: bytes | None = None) -> "Iterator[Writer]":
    """One transaction for many builds, whole or not at all, and for what goes with them."""
    with transaction(connection):
        writer = Writer(connection, key)
        yield writer
        writer.close()


def rehearse(connection: sqlite3.Connection) -> None:
    """Write a sample build, read it back with its statistics, and take it all back.

    Raises a DatabaseError when what comes back is not what went in.
    """
    name = "buildrec sample"
    step = Step(position=1, name="[1/1] RUN true", step_key="0" * 16, kind="run", duration=1.0)
    sample = Build(image_name=name, build_duration=1.5, completed_at=times.now(), steps=(step,))
    connection.execute("BEGIN IMMEDIATE")
    try:
        writer = Writer(connection, b"sample")
        number = writer.write(sample).id
        writer.close()
        found = connection.execute(
            "SELECT b.build_duration, s.total_builds, p.duration FROM docker_builds AS b "
            "JOIN build_statistics AS s USING (image_name) "
            "JOIN steps AS p ON p.build_id = b.id WHERE b.id = ?",
            (number,),
        ).fetchone()
    finally:
        connection.execute("ROLLBACK")
    if tuple(found or ()) != (1.5, 1, 1.0):
        raise DatabaseError("a sample build did not come back as it was", "run with -v to see more")


def delete(connection: sqlite3.Connection, ids: Iterable[int], *, keep_days: bool = False) -> int:
    """Delete builds with their steps and correct the statistics; gives how many there were.

    With `keep_days` what they were in sum stays in `pruned_days`.
    """
    wanted = list(ids)
    deleted = 0
    with transaction(connection):
        ledger = Ledger(connection)
        if keep_days:
            pruned.add(connection, wanted)
        for number in wanted:
            row = connection.execute(
                f"DELETE FROM docker_builds WHERE id = ? RETURNING {CONTRIBUTION_COLUMNS}",
                (number,),
            ).fetchone()
            if row:
                ledger.remove(Contribution(*row))
                deleted += 1
        ledger.close(times.utc_text(times.now()))
    return deleted


def known_refs(connection: sqlite3.Connection, refs: Iterable[str]) -> set[str]:
    """Those of `refs` that are recorded."""
    wanted = list(refs)
    found: set[str] = set()
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        marks = ", ".join("?" * len(part))
        rows = connection.execute(f"SELECT ref FROM docker_builds WHERE ref IN ({marks})", part)
        found.update(row[0] for row in rows)
    return found


def _judge(connection: sqlite3.Connection, build_id: int) -> None:
    from recorder.judging.judge import judge_unharmed

    judge_unharmed(connection, build_id)


class Writer:
    """Writes builds inside one transaction; remembers step names and masks between them.

    `redactor` masks what goes with the builds. `close` must be called before the transaction ends.
    """

    def __init__(self, connection: sqlite3.Connection, key: bytes | None) -> None:
        self._connection = connection
        self.redactor = redact.Redactor(key or redact.load_key())
        self._ledger = Ledger(connection)
        self._details = Details(connection, self.redactor)
        self._now = times.utc_text(times.now())

    def write(self, build: Build) -> Recorded:
        """Write a build with its details, or fill in what the one with its ref lacks."""
        clean, row = self._masked(build)
        cursor = self._connection.execute(_INSERT_BUILD, tuple(row.values()))
        if not cursor.rowcount:
            query = "SELECT id FROM docker_builds WHERE ref = ?"
            (known,) = self._connection.execute(query, (clean.ref,)).fetchone()
            self._fill_in(known, clean, row)
            return Recorded(known, False)
        number = cursor.lastrowid
        assert number is not None
        completed_at = times.utc_text(clean.completed_at)
        self._details.write(number, clean, completed_at)
        self._ledger.add(of_stored(row | {"completed_at": completed_at}))
        return Recorded(number, True)

    def complete(self, number: int, build: Build) -> None:
        """Fill in what the row `number`, which is known to be of this build, lacks."""
        self._fill_in(number, *self._masked(build))

    def close(self) -> None:
        """Write what was kept back to be written once: statistics, days, last runs of steps."""
        self._details.close()
        self._ledger.close(self._now)

    def _masked(self, build: Build) -> tuple[Build, dict[str, Any]]:
        own = masking.knowing(build, self.redactor)
        clean = masking.mask_row(build, own)
        if own is not self.redactor:  # other steps are masked once, when their name is written
            clean = masking.mask_steps(clean, own)
        saved = clean.saved_seconds
        if saved is None:
            saved = self._details.saved_seconds(clean)
        return clean, _row(clean, self._now, saved)

    def _fill_in(self, number: int, build: Build, fresh: dict[str, Any]) -> None:
        """Add to the row of a known build what it lacks; an explicit way in has the last word."""
        *values, completed_at = self._connection.execute(
            f"SELECT {', '.join(_COLUMNS)}, completed_at FROM docker_builds WHERE id = ?", (number,)
        ).fetchone()
        old = dict(zip(_COLUMNS, values, strict=True))
        lacks = {name for name in _COLUMNS if old[name] is None or old[name] == "{}"}
        alike = all(fresh[name] == old[name] for name in ("success", "canceled"))
        lacks -= set() if alike else {"error_message"}
        lacks = lacks.difference(_SIZE) if old["image_size_mb"] else lacks.union(_SIZE)
        changed = {name: fresh[name] for name in _COLUMNS if name in lacks}
        chosen = build.source in _EXPLICIT and old["source"] not in _EXPLICIT
        if chosen or old["image_name"] == naming.UNNAMED:
            changed |= {name: fresh[name] for name in _BY_CHOICE}
            finished = times.parse(old["build_timestamp"])
            changed["build_timestamp"] = times.local_text(finished, fresh["timezone"])
        if old["ref"] is None and (build.ref or not build.success):
            # A file that told only times had every build down as a success.
            changed |= {name: fresh[name] for name in _OUTCOME}
        changed = {name: value for name, value in changed.items() if value != old[name]}
        if changed:
            settings = ", ".join(f"{name} = ?" for name in changed)
            self._connection.execute(
                f"UPDATE docker_builds SET {settings} WHERE id = ?", (*changed.values(), number)
            )
            instant = {"completed_at": completed_at}
            self._ledger.change(of_stored(old | instant), of_stored(old | changed | instant))
        self._details.complete(number, build, completed_at)


@functools.lru_cache(maxsize=1024)
def _object(pairs: tuple[tuple[str, str], ...]) -> str:
    """A JSON object; the arguments of a series seldom change."""
    return _JSON.encode(dict(pairs))


def _micros(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * MICRO)


def _row(build: Build, now: str, saved_seconds: float | None) -> dict[str, Any]:
    """The stored values of `docker_builds` after its id, in the order of the columns."""
    tags = build.image_tags
    return {
        "image_name": build.image_name,
        "build_duration": build.build_duration,
        "image_size_mb": build.image_size_mb or 0.0,
        "build_timestamp": times.local_text(build.completed_at, build.zone),
        "timezone": build.zone,
        "dockerfile_path": build.dockerfile_path,
        "build_args": _object(tuple(build.build_args.items())) if build.build_args else "{}",
        "success": 1 if build.success else 0,
        "error_message": build.error_message,
        "created_at": now[:19] + "Z",
        "ref": build.ref,
        "source": build.source,
        "builder": build.builder,
        "platform": build.platform,
        "target": build.target,
        "image_tags": _JSON.encode(tags) if tags else None,
        "image_digest": build.image_digest,
        "image_size_bytes": build.image_size_bytes,
        "size_kind": build.size_kind,
        "git_commit": build.git_commit,
        "git_branch": build.git_branch,
        "git_dirty": None if build.git_dirty is None else int(build.git_dirty),
        "git_remote": build.git_remote,
        "ci_run": build.ci_run,
        "ci_url": build.ci_url,
        "total_steps": build.total_steps,
        "completed_steps": build.completed_steps,
        "cached_steps": build.cached_steps,
        "cache_ratio": build.cache_ratio,
        "context_bytes": build.context_bytes,
        "warnings": build.warnings,
        "error_excerpt": build.error_excerpt,
        "canceled": 1 if build.status == "canceled" else 0,
        "saved_us": _micros(saved_seconds),
        "critical_path_us": _micros(build.critical_path_seconds),
    }
