"""`buildrec sync`: stores every record that the builders still hold."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from recorder import database, spool, store
from recorder.capture.assemble import Circumstances, assemble
from recorder.engine import endpoints, history, local_state, records
from recorder.engine.history import History
from recorder.errors import DatabaseError, RecorderError
from recorder.model import Build

# Traces asked for at once: enough to hide the way there, few enough for a remote builder.
_AT_ONCE = 8
Progress = Callable[[str, int, int], None]


class CaughtUp(NamedTuple):
    """What a builder held: the refs of all its builds, and those builds that were new, in order."""

    refs: set[str]
    new: tuple[Build, ...]


class Synced(NamedTuple):
    """What one builder had: how many builds are new and known, or why it could not tell.

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

    `timeout` is how many seconds to wait for another writer.
    """
    held = [record for record in await engine.records() if records.is_build(record)]
    refs = {record.Ref for record in held}
    with database.connect(shared.path, timeout) as connection:
        spool.drain(connection, shared.path)
        known = store.known_refs(connection, refs)
    fresh = [record for record in reversed(held) if record.Ref not in known]
    gate = asyncio.Semaphore(_AT_ONCE)
    done = 0

    async def read(record: Any) -> Build:
        nonlocal done
        async with gate:
            build = await assemble(engine, record, local_state.read(record.Ref), shared)
        done += 1
        progress(engine.builder, done, len(fresh))
        return build

    builds = tuple(await asyncio.gather(*map(read, fresh)))
    if builds:
        with database.connect(shared.path, timeout) as connection:
            store.record_all(connection, builds, judged=True)
    return CaughtUp(refs, builds)


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
            results.append(Synced(name, new, len(found.refs) - new, found.new))
    return results
