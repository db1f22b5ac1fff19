"""Follows the engine's history while a wrapped command runs, and stores the builds that it ran."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recorder import database, spool, times
from recorder.capture import arguments, by_clock, origin, sizes
from recorder.capture.command import Ending, Plan
from recorder.engine import history, local_state, records
from recorder.engine.history import History
from recorder.engine.local_state import LocalState
from recorder.errors import RecorderError

_LOG = logging.getLogger("recorder.capture")
# Seconds that a build may take to end in the engine's books after its client has ended.
_GRACE = 10.0
# Seconds to wait for another writer before the build goes to the spool instead.
_LOCK_TIMEOUT = 5.0
_USAGE_ERROR = 125
_INTERRUPTED = frozenset({130, 143, 129})


class Recording:
    """Records the builds of one wrapped command: `run` it in a thread beside the command."""

    def __init__(self, plan: Plan, words: Sequence[str], ending: Ending) -> None:
        self._plan = plan
        self._ending = ending
        self._since = ending.begun - 0.05  # file systems keep times in ticks of some milliseconds
        self._arguments = arguments.parse(words)
        self._path = database.find(plan.asked_database)
        self._zone = times.zone_name(plan.zone)
        self._secrets = frozenset(self._arguments.secrets())
        self._storing = asyncio.Lock()
        self._done: set[str] = set()
        self._skipped: set[str] = set()

    def run(self) -> None:
        """Follow the engine until the command has ended and its builds are stored."""
        asyncio.run(self._follow())
        if not self._done:
            self._record_by_clock()

    async def _follow(self) -> None:
        ended = asyncio.create_task(asyncio.to_thread(self._ending.wait))
        swept = set()
        try:
            async with history.open_history(self._arguments.last("--builder")) as engine:
                listening = asyncio.create_task(self._listen(engine))
                await ended
                await self._sweep(engine)
                swept.add(engine.builder)
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        except RecorderError as error:
            _LOG.info("not following the engine: %s", error)
        await ended
        for builder in {state.builder for state in self._states()} - swept:
            try:
                async with history.open_history(builder) as engine:
                    await self._sweep(engine)
            except RecorderError as error:
                _LOG.info("not asking the builder %s: %s", builder, error)

    async def _listen(self, engine: History) -> None:
        """Store each build of ours as it ends: the engine keeps only the last 50."""
        try:
            async for event in engine.listen():
                state = local_state.read(event.record.Ref)
                if event.type == history.COMPLETE and state and self._is_ours(state):
                    await self._store(engine, event.record, state)
        except RecorderError as error:
            _LOG.info("stopped listening: %s", error)

    async def _sweep(self, engine: History) -> None:
        """Store the builds of ours that the listener has not, waiting for those still ending."""
        deadline = time.monotonic() + _GRACE
        while states := {s.ref: s for s in self._states() if s.builder == engine.builder}:
            active = False
            for event in await engine.events():
                state = states.get(event.record.Ref)
                if state and event.type == history.COMPLETE:
                    await self._store(engine, event.record, state)
                elif state and state.ref not in self._done:
                    active = True
            if not active or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.05)
        if self._plan.kind == "run" and not self._done:
            await self._store_stateless(engine)

    async def _store_stateless(self, engine: History) -> None:
        """A client that is not buildx leaves no state: take what the engine built meanwhile."""
        elsewhere = local_state.refs()
        for record in await engine.records():
            recent = record.CreatedAt.seconds >= self._ending.begun - 1
            if recent and record.Ref not in elsewhere:
                await self._store(engine, record, None)

    async def _store(self, engine: History, record: Any, state: LocalState | None) -> None:
        async with self._storing:
            await self._store_once(engine, record, state)

    async def _store_once(self, engine: History, record: Any, state: LocalState | None) -> None:
        if record.Ref in self._done | self._skipped:
            return
        if not records.is_build(record):
            self._skipped.add(record.Ref)
            return
        try:
            trace = await engine.trace(record.Ref)
        except RecorderError as error:
            _LOG.warning("recording a build without its steps: %s", error)
            trace = []
        checkout = origin.checkout(state.context) if state else origin.Checkout()
        build = records.to_build(
            record,
            trace,
            state,
            records.Origin(
                source=self._plan.kind,
                builder=engine.builder,
                zone=self._zone,
                image_name=self._plan.image_name,
                git_commit=checkout.commit,
                git_branch=checkout.branch,
                ci_url=origin.ci_url(),
                secrets=self._secrets,
            ),
        )
        build = sizes.with_size(build, record, self._path)
        if problem := spool.record_or_keep(self._path, build, _LOCK_TIMEOUT):
            self._ending.troubles.append(problem)
        self._done.add(record.Ref)

    def _record_by_clock(self) -> None:
        """Record a `build` that the engine knows nothing of, by the clock and the exit code.

        The engine keeps no history, or the build failed before it got there. Wrong usage, and what
        only prints or checks, is no build.
        """
        asked = self._arguments
        if self._plan.kind != "build" or self._skipped or by_clock.is_no_build(asked):
            return
        if asked.context is None or self._ending.exit_code == _USAGE_ERROR:
            return
        build = by_clock.build(
            asked, self._ending.seconds, self._ending.exit_code, self._zone, self._secrets
        )
        if self._ending.exit_code in _INTERRUPTED:
            build = replace(build, status="canceled", error_message="interrupted")
        if self._plan.image_name:
            build = replace(build, image_name=self._plan.image_name)
        if problem := spool.record_or_keep(self._path, build, _LOCK_TIMEOUT):
            self._ending.troubles.append(problem)

    def _states(self) -> list[LocalState]:
        """What buildx started here since the command began, and that is ours."""
        return [
            state
            for state in local_state.since(self._since)
            if self._is_ours(state) and state.ref not in self._done | self._skipped
        ]

    def _is_ours(self, state: LocalState) -> bool:
        """Whether a build that began meanwhile is the command's: the same context was asked for.

        A `run` cannot tell, and takes every build that the user's buildx began meanwhile.
        """
        context = self._arguments.context
        if state.written < self._since:
            return False
        if self._plan.kind == "run" or context is None:
            return True
        if context == state.context:
            return True
        try:
            return Path(context).resolve() == Path(state.context).resolve()
        except OSError:
            return False
