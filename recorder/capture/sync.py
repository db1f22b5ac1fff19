"""`buildrec sync`: stores every record that the builders still hold."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from recorder import database, spool, store
from recorder.capture.assemble import Circumstances, assemble
from recorder.engine import endpoints, history, local_state, records
from recorder.errors import RecorderError
from recorder.model import Build

# Traces asked for at once: enough to hide the way there, few enough for a remote builder.
_AT_ONCE = 8
Progress = Callable[[str, int, int], None]


class Synced(NamedTuple):
    """What one builder had: builds that are new, builds known already, or why it could not tell."""

    builder: str
    new: int = 0
    known: int = 0
    problem: RecorderError | None = None


def _say_nothing(builder: str, done: int, total: int) -> None:
    """No progress is wanted."""


def sync(
    builders: Sequence[str],
    shared: Circumstances,
    progress: Progress = _say_nothing,
) -> list[Synced]:
    """Store the records of `builders`, or of all that buildx knows; gives what each had.

    `progress` is told a builder's name, how many of its records are read, and of how many. A
    builder that does not answer is reported and stops nothing.
    """
    names = list(dict.fromkeys(builders)) or endpoints.builders()
    return asyncio.run(_sync_all(names, shared, progress))


async def _sync_all(names: list[str], shared: Circumstances, progress: Progress) -> list[Synced]:
    results = []
    for name in names:
        try:
            builds, known = await _read(name, shared, progress)
        except RecorderError as error:
            results.append(Synced(name, problem=error))
            continue
        with database.connect(shared.path) as connection:
            tally = store.record_all(connection, builds)
            spool.drain(connection, shared.path)
        results.append(Synced(name, tally.new, tally.known + known))
    return results


async def _read(name: str, shared: Circumstances, progress: Progress) -> tuple[list[Build], int]:
    """The builds of a builder that are not recorded yet, oldest first, and how many are."""
    async with history.open_history(name) as engine:
        held = [record for record in await engine.records() if records.is_build(record)]
        known = _known([record.Ref for record in held], shared)
        fresh = [record for record in reversed(held) if record.Ref not in known]
        gate = asyncio.Semaphore(_AT_ONCE)
        done = 0

        async def read(record: object) -> Build:
            nonlocal done
            async with gate:
                state = local_state.read(record.Ref)  # type: ignore[attr-defined]
                build = await assemble(engine, record, state, shared)
            done += 1
            progress(name, done, len(fresh))
            return build

        return list(await asyncio.gather(*map(read, fresh))), len(known)


def _known(refs: list[str], shared: Circumstances) -> set[str]:
    if not shared.path.is_file():
        return set()
    with database.connect_to_read(shared.path) as connection:
        return store.known_refs(connection, refs)
