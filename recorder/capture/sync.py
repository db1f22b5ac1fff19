"""`buildrec sync`: stores every record that the builders still hold."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from recorder import database, spool, store
from recorder.capture.assemble import Circumstances, assemble
from recorder.engine import endpoints, history, local_state, records
from recorder.engine.history import History
from recorder.errors import DatabaseError, EngineUnreachableError, RecorderError
from recorder.model import Build

# Traces asked for at once: enough to hide the way there, few enough for a remote builder.
_AT_ONCE = 8
Progress = Callable[[str, int, int], None]


class CaughtUp(NamedTuple):
    """What a builder held: the refs of all its builds, and those builds that were new, in order.

    When it went away meanwhile, `problem` says so, and neither has the builds that it did not tell.
    """

    refs: set[str]
    new: tuple[Build, ...]
    problem: EngineUnreachableError | None = None


class Synced(NamedTuple):
    """What one builder had: how many builds are new and known, and why it could not tell all.

    `builds` are those that were new, oldest first.
    """

    builder: str
    new: int = 0
    known: int = 0
    builds: tuple[Build, ...] = ()
    problem: RecorderError | None = None


def _say_nothing(builder: str, done: int, total: int) -> None:
    """No progress is wanted."""


def sync(
    builders: Sequence[str], shared: Circumstances, progress: Progress = _say_nothing
) -> list[Synced]:
    """Store the records of `builders`, or of all that buildx knows; gives what each had.

    `progress` is told a builder's name, how many of its records are read, and of how many. A
    builder that does not answer is reported and stops nothing. Raises DatabaseError.
    """
    names = list(dict.fromkeys(builders)) or endpoints.builders()
    return asyncio.run(_sync_all(names, shared, progress))


async def catch_up(
    engine: History,
    shared: Circumstances,
    progress: Progress = _say_nothing,
    timeout: float = database.TIMEOUT,  # noqa: ASYNC109 - SQLite's, not asyncio's
) -> CaughtUp:
    """Store in one transaction the ended builds of one builder that are not recorded yet.

    `timeout` is how many seconds to wait for another writer. What a builder that goes away
    meanwhile does not tell whole is left for the next time.
    """
    held = [record for record in await engine.records() if records.is_build(record)]
    refs = {record.Ref for record in held}
    with database.connect(shared.path, timeout) as connection:
        spool.drain(connection, shared.path)
        known = store.known_refs(connection, refs)
    fresh = [record for record in reversed(held) if record.Ref not in known]
    gate = asyncio.Semaphore(_AT_ONCE)
    done = 0
    problem: EngineUnreachableError | None = None

    async def read(record: Any) -> Build | None:
        nonlocal done, problem
        async with gate:
            try:
                build = await assemble(engine, record, local_state.read(record.Ref), shared)
            except EngineUnreachableError as error:
                problem = error
                return None
        done += 1
        progress(engine.builder, done, len(fresh))
        return build

    found = await asyncio.gather(*map(read, fresh))
    builds = tuple(build for build in found if build is not None)
    if builds:
        with database.connect(shared.path, timeout) as connection:
            store.record_all(connection, builds, judged=True)
    unread = {record.Ref for record, build in zip(fresh, found, strict=True) if build is None}
    return CaughtUp(refs - unread, builds, problem)


async def _sync_all(names: list[str], shared: Circumstances, progress: Progress) -> list[Synced]:
    results = []
    for name in names:
        try:
            async with history.open_history(name) as engine:
                found = await catch_up(engine, shared, progress)
        except DatabaseError:
            raise  # it is the same for every builder
        except RecorderError as error:
            results.append(Synced(name, problem=error))
        else:
            new = len(found.new)
            results.append(Synced(name, new, len(found.refs) - new, found.new, found.problem))
    return results
