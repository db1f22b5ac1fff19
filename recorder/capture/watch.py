"""`buildrec watch`: follows the builders live, and stores each build as it ends."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from recorder import database, live, naming, queries, spool, store, times
from recorder.capture import sync
from recorder.capture.assemble import Circumstances, assemble
from recorder.capture.verdict import verdict
from recorder.engine import endpoints, history, local_state, records
from recorder.engine.history import History
from recorder.errors import RecorderError
from recorder.live import LiveBuild
from recorder.model import Build

_LOG = logging.getLogger("recorder.capture")
_TICK = 1.0
# Seconds between tries to reach a builder that has gone, an engine that restarts for instance.
_RETRY = 1.0


class Ended(NamedTuple):
    """A build that has ended and was stored: its verdict in a line, or what went wrong."""

    build: Build
    verdict: str
    problem: str | None = None


class Watcher:
    """Follows builders until it is cancelled; `changed` and `ended` are told what it sees."""

    def __init__(
        self,
        builders: Sequence[str],
        shared: Circumstances,
        ended: Callable[[Ended], None],
        changed: Callable[[Iterable[LiveBuild]], None],
    ) -> None:
        self._builders = list(dict.fromkeys(builders)) or endpoints.builders()
        self._shared = shared
        self._ended = ended
        self._changed = changed
        self._running: dict[str, _Running] = {}
        self._following: dict[str, asyncio.Task[None]] = {}
        self._known: set[str] = set()
        host = socket.gethostname().split(".")[0]
        self._name = f"{host}:{os.getpid()}:{secrets.token_hex(4)}"

    async def run(self, *, once: bool = False) -> None:
        """Watch for ever; with `once`, store what has ended, show what runs, and be done."""
        with database.connect(self._shared.path) as connection:
            spool.drain(connection, self._shared.path)
        if once:
            for builder in self._builders:
                async with history.open_history(builder) as engine:
                    await self._look_once(engine)
            self._changed(self._live())
            return
        watching = [asyncio.create_task(self._watch(builder)) for builder in self._builders]
        try:
            while True:
                await asyncio.sleep(_TICK)
                self._publish()
        finally:
            for task in [*watching, *self._following.values()]:
                task.cancel()
            await asyncio.gather(*watching, *self._following.values(), return_exceptions=True)
            self._forget()

    async def _watch(self, builder: str) -> None:
        """Listen to one builder; when it goes away, wait until it is back."""
        told = False
        while True:
            try:
                async with history.open_history(builder) as engine:
                    told = False
                    await self._catch_up(engine)
                    async for event in engine.listen():
                        await self._take(engine, event)
            except RecorderError as error:
                if not told:
                    _LOG.warning("waiting for the builder %s: %s", builder, error)
                told = True
            for ref in [ref for ref, run in self._running.items() if run.builder == builder]:
                self._drop(ref)
            await asyncio.sleep(_RETRY)

    async def _catch_up(self, engine: History) -> None:
        """Store what ended before we came, without a word on each."""
        self._known |= (await sync.catch_up(engine, self._shared)).refs

    async def _look_once(self, engine: History) -> None:
        await self._catch_up(engine)
        for event in await engine.events():
            if event.type == history.STARTED:
                running = self._begin(engine, event.record)
                # A build that runs gives what is known so far, then goes on: take the first part.
                with contextlib.suppress(TimeoutError, RecorderError):
                    async with asyncio.timeout(0.5):
                        async for part in engine.follow(event.record.Ref):
                            running.take(part)

    async def _take(self, engine: History, event: history.Event) -> None:
        ref = event.record.Ref
        if event.type == history.STARTED and ref not in self._running:
            running = self._begin(engine, event.record)
            self._following[ref] = asyncio.create_task(_follow(engine, ref, running))
        elif event.type == history.COMPLETE and records.is_build(event.record):
            self._drop(ref)
            if not self._is_known(ref):
                await self._store(engine, event.record)

    def _begin(self, engine: History, record: Any) -> "_Running":
        state = local_state.read(record.Ref)
        context = state.context if state else record.FrontendAttrs.get("context", "")
        name = naming.image_name(records.tags(record), context)
        with database.connect_to_read(self._shared.path) as connection:
            usual = queries.typical_duration(connection, name)
        self._running[record.Ref] = _Running(record, name, engine.builder, usual)
        return self._running[record.Ref]

    def _drop(self, ref: str) -> None:
        self._running.pop(ref, None)
        if task := self._following.pop(ref, None):
            task.cancel()

    def _is_known(self, ref: str) -> bool:
        """Whether a build is stored already; asked of the file once, as endings come twice."""
        if ref not in self._known:
            with database.connect_to_read(self._shared.path) as connection:
                self._known |= store.known_refs(connection, [ref])
        return ref in self._known

    async def _store(self, engine: History, record: Any) -> None:
        state = local_state.read(record.Ref)
        build = await assemble(engine, record, state, self._shared)
        problem = spool.record_or_keep(self._shared.path, build)
        self._known.add(record.Ref)
        line = ""
        if problem is None:
            with database.connect_to_read(self._shared.path) as connection:
                line = verdict(connection, build)
        self._ended(Ended(build, line, problem))

    def _publish(self) -> None:
        """Tell the file and the screen what runs now; a locked file must not stop the watching."""
        builds = self._live()
        self._changed(builds)
        try:
            with database.connect(self._shared.path, timeout=1.0) as connection:
                live.publish(connection, builds, self._name)
        except RecorderError as error:
            _LOG.info("live_builds was not written: %s", error)

    def _live(self) -> list[LiveBuild]:
        return [running.build() for running in self._running.values()]

    def _forget(self) -> None:
        self._running.clear()
        self._publish()


class _Running:
    """A build that runs, as far as its trace tells."""

    def __init__(self, record: Any, name: str, builder: str, usual: float | None) -> None:
        self.builder = builder
        self._ref = record.Ref
        self._name = name
        self._started_at = times.utc_text(records.instant(record.CreatedAt))
        self._usual = usual
        self._names: dict[str, str] = {}
        self._begun: set[str] = set()
        self._done: set[str] = set()
        self._cached: set[str] = set()

    def take(self, part: Any) -> None:
        """Learn from one status response."""
        for vertex in part.vertexes:
            self._names[vertex.digest] = vertex.name
            if vertex.HasField("started"):
                self._begun.add(vertex.digest)
            if vertex.HasField("completed"):
                self._done.add(vertex.digest)
            if vertex.cached:
                self._cached.add(vertex.digest)

    def build(self) -> LiveBuild:
        """How far it is now."""
        working = [self._names[digest] for digest in self._names if digest in self._now()]
        return LiveBuild(
            ref=self._ref,
            image_name=self._name,
            builder=self.builder,
            started_at=self._started_at,
            steps=len(self._names),
            completed_steps=len(self._done),
            cached_steps=len(self._cached),
            current_step=working[-1] if working else None,
            usual_duration=self._usual,
        )

    def _now(self) -> set[str]:
        return self._begun - self._done - self._cached


async def _follow(engine: History, ref: str, running: _Running) -> None:
    try:
        async for part in engine.follow(ref):
            running.take(part)
    except RecorderError as error:
        _LOG.debug("not following %s: %s", ref, error)
