"""Tells how the builds of a docker command went, then stores what its builder has; for the hook.

Imports only what the verdict needs: the user waits for that, and for nothing else.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from recorder import database
from recorder.capture.verdict import verdict
from recorder.engine import endpoints, excerpts, glance, history, local_state, records
from recorder.engine.history import History
from recorder.engine.local_state import LocalState
from recorder.errors import RecorderError
from recorder.model import Build

_SHOWN = 5
# Seconds that a build may take to end in the engine's books after its client has ended.
_GRACE = 10.0
# Where the system does not say when the command began: how long ago it may have, in seconds.
_LATELY = 3600.0


def tell_and_store(began: float | None, tell: Callable[[str], None]) -> None:
    """Tell a line on each build that buildx started here since `began`; then store what is new.

    `began` is in seconds since 1970; without it the latest build is told. All new builds of the
    builders concerned are stored, not only those: whoever started them, they are not recorded yet.
    """
    path = database.find()
    states = sorted(
        local_state.since(time.time() - _LATELY if began is None else began),
        key=lambda state: state.written,
    )
    if began is None:
        states = states[-1:]
    with contextlib.suppress(RecorderError):
        tell(_lines(asyncio.run(_builds(states)), path))
    asyncio.run(_store(path, states))


async def _store(path: Path, states: list[LocalState]) -> None:
    """Store the builds that were told, so that they wait for nothing, and then all others."""
    from recorder import spool, times
    from recorder.capture import sync
    from recorder.capture.assemble import Circumstances, assemble

    shared = Circumstances("hook", path, times.zone_name())
    for builder, started in (_by_builder(states) or {endpoints.current_builder(): []}).items():
        async with history.open_history(builder) as engine:
            for state, record in await _ended(engine, started):
                spool.record_or_keep(path, await assemble(engine, record, state, shared))
            await sync.catch_up(engine, shared)


def _by_builder(states: Iterable[LocalState]) -> dict[str, list[LocalState]]:
    found: dict[str, list[LocalState]] = {}
    for state in states:
        found.setdefault(state.builder, []).append(state)
    return found


async def _builds(states: Iterable[LocalState]) -> list[Build]:
    """The builds with their sizes, as far as their builders tell."""
    builds = []
    for builder, started in _by_builder(states).items():
        engine_of_its_own = endpoints.of_builder(builder)
        async with history.open_history(builder) as engine:
            for state, record in await _ended(engine, started):
                origin = records.Origin("hook", builder)
                build = records.to_build(record, await engine.trace(state.ref), state, origin)
                with contextlib.suppress(RecorderError):
                    blob = await engine.error_blob(record)
                    build = replace(build, error_excerpt=excerpts.excerpt(blob))
                if engine_of_its_own is not None and build.success:
                    names = [build.image_digest] if build.image_digest else build.image_tags
                    size = glance.size(names, engine_of_its_own)
                    build = replace(build, image_size_bytes=size)
                builds.append(build)
    return builds


async def _ended(engine: History, states: Iterable[LocalState]) -> list[tuple[LocalState, Any]]:
    """Those builds that have ended, with their records; waits for the first of them only.

    One that still runs is another terminal's. What is a question only, no build, is left out.
    """
    states = list(states)
    deadline = time.monotonic() + _GRACE
    while True:
        found = [(state, await engine.record(state.ref)) for state in states]
        ended = [(state, record) for state, record in found if record is not None]
        if ended or not states or time.monotonic() > deadline:
            return [(state, record) for state, record in ended if records.is_build(record)]
        await asyncio.sleep(0.01)


def _lines(builds: list[Build], path: Path) -> str:
    """A verdict a line; with the image's name where there are several."""
    with contextlib.ExitStack() as stack:
        connection = None
        with contextlib.suppress(RecorderError):
            connection = stack.enter_context(database.connect_to_read(path))
        lines = [
            f"{build.image_name}: {verdict(connection, build)}"
            if len(builds) > 1
            else verdict(connection, build)
            for build in builds[:_SHOWN]
        ]
    more = len(builds) - len(lines)
    return "\n".join([*lines, f"and {more} more"] if more else lines)
