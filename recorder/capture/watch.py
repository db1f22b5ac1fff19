"""`buildrec watch`: follows the builders live, and stores each build as it ends."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from recorder import database, live, naming, queries, spool
from recorder.capture import sync
from recorder.capture.assemble import Circumstances, assemble
from recorder.capture.context_files import NOT_SEEN, Looking
from recorder.capture.running import Running
from recorder.capture.verdict import verdict
from recorder.engine import endpoints, history, local_state, records
from recorder.engine.history import History
from recorder.errors import EngineError, RecorderError
from recorder.live import LiveBuild
from recorder.model import Build

_LOG = logging.getLogger("recorder.capture")
# Seconds between two looks at what runs, and how many looks there are between two at the file.
_TICK = 0.25
_TICKS_TO_PUBLISH = 4
# Seconds between tries to reach a builder that has gone, an engine that restarts for instance.
_RETRY = 1.0
# Seconds to wait for another writer; a build then goes to the spool, until the file is free.
_LOCK_TIMEOUT = 5.0
# Seconds after which the files of a context may no longer be those that the build was given.
_AT_ITS_START = 2.0


class Ended(NamedTuple):
    """A build that has ended and was stored: its verdict in a line, or what went wrong."""

    build: Build
    verdict: str
    problem: str | None = None


class Audience(Protocol):
    """Who is told what a Watcher sees."""

    def caught_up(self, builder: str, new: int, known: int) -> None:
        """How many builds had ended before we came: stored now, and stored already."""

    def changed(self, builds: Sequence[LiveBuild]) -> None:
        """What runs now; told several times a second."""

    def ended(self, ended: Ended) -> None:
        """A build that has ended; told once."""

    def waiting(self, builder: str, problem: str) -> None:
        """Why a builder cannot be watched for now; told once until it is back."""


class Watcher:
    """Follows builders until it is cancelled, and tells its audience what it sees."""

    def __init__(self, builders: Sequence[str], shared: Circumstances, audience: Audience) -> None:
        self._builders = list(dict.fromkeys(builders)) or endpoints.builders()
        self._shared = shared
        self._audience = audience
        self._running: dict[str, Running] = {}
        self._following: dict[str, asyncio.Task[None]] = {}
        # Builds that ended before we came, or that the audience has been told of.
        self._known: set[str] = set()
        # Builds that ran when their builder went away.
        self._lost: set[str] = set()
        self._looking: dict[str, Looking] = {}
        self._spooled = self._published = False
        # Not the machine's name, which often is that of its user.
        self._name = secrets.token_hex(8)

    async def watch(self) -> None:
        """Watch until cancelled, through restarts of the engine."""
        with database.connect(self._shared.path, _LOCK_TIMEOUT) as connection:
            spool.drain(connection, self._shared.path)
        watching = [asyncio.create_task(self._keep_watching(name)) for name in self._builders]
        ticks = 0
        try:
            while True:
                await asyncio.sleep(_TICK)
                ticks += 1
                self._audience.changed(self._live())
                if ticks % _TICKS_TO_PUBLISH == 0:
                    self._publish()
        finally:
            tasks = [*watching, *self._following.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._running.clear()
            self._publish()

    async def look(self) -> bool:
        """Store what has ended, tell what runs; gives whether all builders answered."""
        well = True
        for builder in self._builders:
            try:
                async with history.open_history(builder) as engine:
                    await self._look_at(engine)
            except EngineError as error:
                self._audience.waiting(builder, str(error))
                well = False
        self._audience.changed(self._live())
        return well

    async def _keep_watching(self, builder: str) -> None:
        """Listen to one builder; when it goes away, wait until it is back."""
        told = ""
        while True:
            problem = ""
            try:
                async with history.open_history(builder) as engine:
                    await self._catch_up(engine)
                    told = ""
                    async for event in engine.listen():
                        await self._take(engine, event)
            except RecorderError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001 - a bug must not end the watch in silence
                _LOG.debug("watching failed", exc_info=True)
                problem = f"an unexpected {type(error).__name__}: {error}"
            if problem and not told:
                self._audience.waiting(builder, problem)
                told = problem
            for ref in [ref for ref, run in self._running.items() if run.builder == builder]:
                self._lost.add(ref)
                self._looking.pop(ref, None)
                self._drop(ref)
            await asyncio.sleep(_RETRY)

    async def _catch_up(self, engine: History) -> None:
        """Store what ended before we came, without a word on each but those that we saw run."""
        found = await sync.catch_up(engine, self._shared, timeout=_LOCK_TIMEOUT)
        self._known |= found.refs
        self._audience.caught_up(engine.builder, len(found.new), len(found.refs) - len(found.new))
        for build in found.new:
            if build.ref in self._lost:
                self._tell_of(build, None)
        self._lost -= found.refs
        if found.problem is not None:
            raise found.problem

    async def _look_at(self, engine: History) -> None:
        await self._catch_up(engine)
        for event in await engine.events():
            if event.type == history.STARTED and not _is_question(event.record):
                running = self._begin(engine, event.record)
                # A build that runs gives what is known so far, then goes on: take the first part.
                with contextlib.suppress(TimeoutError, RecorderError):
                    async with asyncio.timeout(0.5):
                        async for part in engine.follow(event.record.Ref):
                            running.take(part)

    async def _take(self, engine: History, event: history.Event) -> None:
        ref = event.record.Ref
        if event.type == history.STARTED:
            seen = ref in self._running or ref in self._known
            if not (seen or _is_question(event.record)):
                running = self._begin(engine, event.record)
                self._following[ref] = asyncio.create_task(_follow(engine, ref, running))
        elif event.type == history.COMPLETE:
            self._drop(ref)
            if ref not in self._known and records.is_build(event.record):
                self._known.add(ref)  # before we wait, as endings come twice
                try:
                    await self._store(engine, event.record)
                except EngineError:
                    self._known.discard(ref)
                    self._lost.add(ref)
                    raise

    def _begin(self, engine: History, record: Any) -> Running:
        state = local_state.read(record.Ref)
        context = state.context if state else record.FrontendAttrs.get("context", "")
        name = naming.image_name(records.tags(record), context)
        with database.connect_to_read(self._shared.path) as connection:
            usual = queries.typical_duration(connection, name)
        if state and time.time() - state.written < _AT_ITS_START:
            self._looking[record.Ref] = Looking(state.context, state.dockerfile or None)
        self._running[record.Ref] = Running(record, name, engine.builder, usual)
        return self._running[record.Ref]

    def _drop(self, ref: str) -> None:
        self._running.pop(ref, None)
        if task := self._following.pop(ref, None):
            task.cancel()

    async def _store(self, engine: History, record: Any) -> None:
        """Store a build that has ended; one that `build` or `sync` has stored too stays one."""
        state = local_state.read(record.Ref)
        looking = self._looking.pop(record.Ref, None)
        seen = await asyncio.to_thread(looking.seen) if looking else NOT_SEEN
        build = await assemble(engine, record, state, self._shared, seen)
        problem = spool.record_or_keep(self._shared.path, build, _LOCK_TIMEOUT)
        self._spooled |= problem is not None
        self._tell_of(build, problem)

    def _tell_of(self, build: Build, problem: str | None) -> None:
        try:
            with database.connect_to_read(self._shared.path) as connection:
                line = verdict(connection, build)
        except RecorderError:
            line = verdict(None, build)
        self._audience.ended(Ended(build, line, problem))

    def _publish(self) -> None:
        """Tell the file what runs now; a locked one must not stop the watching."""
        builds = self._live()
        if not (builds or self._published or self._spooled):
            return
        try:
            with database.connect(self._shared.path, timeout=1.0) as connection:
                live.publish(connection, builds, self._name)
                self._published = bool(builds)
                if self._spooled:
                    spool.drain(connection, self._shared.path)
                    self._spooled = False
        except RecorderError as error:
            _LOG.info("live_builds was not written: %s", error)

    def _live(self) -> list[LiveBuild]:
        return [running.build() for running in self._running.values()]


def _is_question(record: Any) -> bool:
    """Whether it is no build but a question such as `--check`; as `records.is_build` once ended."""
    return "requestid" in record.FrontendAttrs


async def _follow(engine: History, ref: str, running: Running) -> None:
    try:
        async for part in engine.follow(ref):
            running.take(part)
    except RecorderError as error:
        _LOG.debug("not following %s: %s", ref, error)
