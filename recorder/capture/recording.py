"""Follows the engine's history while a wrapped command runs, and stores the builds that it ran."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recorder import database, naming, spool, times
from recorder.capture import arguments, origin
from recorder.capture.assemble import Circumstances, assemble
from recorder.capture.command import Ending, Plan
from recorder.capture.context_files import NOT_SEEN, Looking
from recorder.engine import history, local_state, records
from recorder.engine.history import History
from recorder.engine.local_state import LocalState
from recorder.errors import RecorderError
from recorder.model import Build

_LOG = logging.getLogger("recorder.capture")
# Seconds that a build may take to end in the engine's books after its client has ended, and where
# it may well be somebody else's, as that of a `run` that went well.
_GRACE = 10.0
_SHORT_GRACE = 2.0
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
        self._shared = Circumstances(
            source=plan.kind,
            path=database.find(plan.asked_database),
            zone=times.zone_name(plan.zone),
            image_name=plan.image_name,
            ci=origin.ci(),
            secrets=frozenset(self._arguments.secrets()),
            tags=tuple(self._arguments.flags.get("--tag", [])) if plan.kind == "build" else (),
        )
        times.zone(self._shared.zone)  # loads the zone now, beside the command
        self._looking: dict[str, Looking] = {}
        context = self._arguments.context
        self._own_look = context and Looking(context, self._arguments.last("--file"))
        self._storing = asyncio.Lock()
        self._done: set[str] = set()
        self._skipped: set[str] = set()

    def run(self) -> None:
        """Follow the engine until the command has ended and its builds are stored."""
        try:
            asyncio.run(self._follow())
        except Exception as error:  # noqa: BLE001 - the clock is there even when we have a bug
            _LOG.debug("following the engine failed", exc_info=True)
            problem = f"the steps of a build (an unexpected {type(error).__name__}: {error})."
            self._ending.troubles.append(problem)
            self._ending.wait()
        if not self._done:
            self._record_by_clock()

    async def _follow(self) -> None:
        ended = asyncio.create_task(asyncio.to_thread(self._ending.wait))
        swept = set()
        try:
            async with history.open_history(self._arguments.last("--builder")) as engine:
                listening = asyncio.create_task(self._listen(engine))
                await asyncio.to_thread(_load_judge)
                await ended
                if not await self._is_complete():
                    await self._sweep(engine)
                    swept.add(engine.builder)
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        except RecorderError as error:
            _LOG.info("not following the engine: %s", error)
        await ended
        if await self._is_complete():
            return
        for builder in {state.builder for state in self._states()} - swept:
            try:
                async with history.open_history(builder) as engine:
                    await self._sweep(engine)
            except RecorderError as error:
                _LOG.info("not asking the builder %s: %s", builder, error)

    async def _is_complete(self) -> bool:
        """Whether the one build of a `build` is stored, so that there is nothing to look for."""
        async with self._storing:  # the listener may be at it
            complete = self._plan.kind == "build" and bool(self._done)
        if complete:
            self._ending.say_recorded()
        return complete

    async def _listen(self, engine: History) -> None:
        """Store each build of ours as it ends: the engine keeps only the last 50."""
        try:
            async for event in engine.listen(known_too=False):
                if event.type == history.STARTED:
                    self._look_at(event.record.Ref)
                if event.type != history.COMPLETE:
                    continue
                state = local_state.read(event.record.Ref)
                if state and self._is_ours(state) and self._is_asked_for(event.record):
                    await self._store(engine, event.record, state)
        except RecorderError as error:
            _LOG.info("stopped listening: %s", error)

    async def _sweep(self, engine: History) -> None:
        """Store the builds of ours that the listener has not, waiting for those still ending."""
        well = self._plan.kind == "run" and not self._ending.exit_code
        deadline = time.monotonic() + (_SHORT_GRACE if well else _GRACE)
        others: dict[str, tuple[Any, LocalState]] = {}
        while states := {s.ref: s for s in self._states() if s.builder == engine.builder}:
            active = False
            for state in states.values():
                event = await engine.event(state.ref)
                if event is None:
                    continue
                if not self._is_asked_for(event.record):
                    if event.type == history.COMPLETE:
                        others[state.ref] = event.record, state
                elif event.type == history.COMPLETE:
                    await self._store(engine, event.record, state)
                elif state.ref not in self._done:
                    active = True
            if not active or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.05)
        if not self._done and len(others) == 1:  # then it is ours, however its tags are written
            await self._store(engine, *others.popitem()[1])
        named = self._arguments.flags.get("--tag") and not local_state.is_kept()
        if not self._done and (self._plan.kind == "run" or named):
            await self._store_stateless(engine)

    async def _store_stateless(self, engine: History) -> None:
        """Take what the engine built meanwhile, for want of a state that tells whose it is.

        A client that is not buildx leaves none, nor does buildx before 0.11.
        """
        elsewhere = local_state.refs()
        found = [
            record
            for record in await engine.records()
            if record.CreatedAt.seconds >= self._ending.begun - 1
            and record.Ref not in elsewhere
            and self._is_asked_for(record)
        ]
        if self._plan.kind == "run" or len(found) == 1:
            for record in found:
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
        looking = self._own_look or self._looking.pop(record.Ref, None)
        seen = await asyncio.to_thread(looking.seen) if looking else NOT_SEEN
        build = await assemble(engine, record, state, self._shared, seen, last_chance=True)
        self._keep(build)
        self._done.add(record.Ref)

    def _look_at(self, ref: str) -> None:
        """Look at the context of a build that a `run` has begun, while it runs."""
        state = None if self._own_look else local_state.read(ref)
        if state and self._is_ours(state):
            self._looking[ref] = Looking(state.context, state.dockerfile or None)

    def _record_by_clock(self) -> None:
        """Record a `build` that the engine knows nothing of, by the clock and the exit code.

        The engine keeps no history, or the build failed before it got there. Wrong usage, and what
        only prints or checks, is no build.
        """
        from recorder.capture import by_clock  # here, as few builds need it

        asked = self._arguments
        if self._plan.kind != "build" or self._skipped or by_clock.is_no_build(asked):
            return
        if asked.context is None or self._ending.exit_code == _USAGE_ERROR:
            return
        ending, shared = self._ending, self._shared
        build = by_clock.build(asked, ending.seconds, ending.exit_code, shared.zone, shared.secrets)
        if self._ending.exit_code in _INTERRUPTED:
            build = replace(build, status="canceled", error_message="interrupted")
        if self._plan.image_name:
            build = replace(build, image_name=self._plan.image_name)
        self._keep(build)

    def _keep(self, build: Build) -> None:
        if problem := spool.record_or_keep(self._shared.path, build, _LOCK_TIMEOUT):
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
        if self._plan.kind == "run":
            return True
        if context is None:  # wrong usage, or a switch that we do not know and took for a flag
            return not self._arguments.rest and "--tag" in self._arguments.flags
        if _written(context) == state.context:
            return True
        try:
            return _written(str(Path(context).resolve())) == str(Path(state.context).resolve())
        except OSError:
            return False

    def _is_asked_for(self, record: Any) -> bool:
        """Whether a `build` asked for the tags and the target of `record`.

        Tells it from another one of the same context that runs at the same time.
        """
        if self._plan.kind == "run":
            return True
        asked, made = _references(self._arguments.flags.get("--tag", [])), records.tags(record)
        if self._arguments.last("--output") is None and bool(asked) != bool(made):
            return False
        target = self._arguments.last("--target") or ""
        return asked <= _references(made) and record.FrontendAttrs.get("target", "") == target


def _load_judge() -> None:
    """Load what a stored build is judged by now, beside the command, and not after it."""
    import recorder.judging.judge  # noqa: F401


def _references(tags: Iterable[str]) -> set[tuple[str, str]]:
    pairs = (naming.split_reference(tag) for tag in tags)
    return {(repository, label or "latest") for repository, label in pairs}


def _written(path: str) -> str:
    """A path as buildx writes it into JSON: what is no UTF-8 replaced."""
    return path.encode(errors="surrogateescape").decode(errors="replace")
