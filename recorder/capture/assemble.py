"""Makes a Build of a history record: its trace, what buildx knows of it, its checkout, its size."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from recorder.capture import origin, sizes
from recorder.capture.context_files import NOT_SEEN, Seen
from recorder.engine import excerpts, records
from recorder.engine.history import History
from recorder.engine.local_state import LocalState
from recorder.errors import EngineUnreachableError, RecorderError
from recorder.model import Build

_LOG = logging.getLogger("recorder.capture")
T = TypeVar("T")


class Circumstances(NamedTuple):
    """What all builds of one recording share: the way in, the database, our own options.

    `ci` is the CI run that this process is part of, for builds that it started itself; `tags` are
    those that the one build was asked for with.
    """

    source: str
    path: Path
    zone: str
    image_name: str | None = None
    ci: origin.CiRun = origin.CiRun()
    secrets: frozenset[str] = frozenset()
    tags: tuple[str, ...] = ()


async def assemble(
    engine: History,
    record: Any,
    state: LocalState | None,
    shared: Circumstances,
    seen: Seen = NOT_SEEN,
    *,
    last_chance: bool = False,
) -> Build:
    """The build of a finished `record`, with its steps as far as the builder still holds them.

    `seen` is what was seen of its context when it began. A trace or an image that we cannot read
    leaves its part out, for the build is worth having. Raises EngineUnreachableError when the
    builder has gone away, so that it is asked again; not with `last_chance`, when nobody would.
    """
    asked = _Asked(engine, record.Ref, last_chance)
    trace = await asked.part("steps", lambda: engine.trace(record.Ref), logging.WARNING) or []
    checkout = origin.Checkout()
    if state:
        ended = record.CompletedAt.seconds
        checkout = await asyncio.to_thread(origin.checkout, state.context, ended, time.time())
    about = records.Origin(
        source=shared.source,
        builder=engine.builder,
        zone=shared.zone,
        image_name=shared.image_name,
        tags=shared.tags,
        git_commit=checkout.commit,
        git_branch=checkout.branch,
        git_dirty=checkout.dirty,
        git_remote=checkout.remote,
        ci_run=shared.ci.run,
        ci_url=shared.ci.url,
        secrets=shared.secrets,
        dockerfile=seen.dockerfile,
        files=seen.files,
    )
    attested = await asked.part("provenance", lambda: engine.provenance_blobs(record)) or []
    blob = await asked.part("lines that failed", lambda: engine.error_blob(record)) or b""
    try:
        build = records.to_build(record, trace, state, about, attested)
    except Exception as error:  # noqa: BLE001
        _LOG.warning("recording a build without its steps: unexpected %r", error)
        build = records.to_build(record, [], state, about)
    build = replace(build, error_excerpt=excerpts.excerpt(blob))
    try:
        # Beside the loop: an engine slow to tell a size must not let other builds' traces time out.
        return await asyncio.to_thread(sizes.with_size, build, record, shared.path)
    except Exception as error:  # noqa: BLE001
        _LOG.warning("recording a build without its size: unexpected %r", error)
        return build


class _Asked(NamedTuple):
    """A builder that is asked for the parts of one of its builds."""

    engine: History
    ref: str
    last_chance: bool

    async def part(
        self, name: str, ask: Callable[[], Awaitable[T]], level: int = logging.INFO
    ) -> T | None:
        """What the builder answers; None where it can tell nothing of this build's part `name`.

        That is logged at `level`. One that is silent on this alone is asked twice. Raises
        EngineUnreachableError when it has gone away, unless this is the last chance.
        """
        problem: RecorderError
        for _ in range(1 if self.last_chance else 2):
            try:
                return await ask()
            except EngineUnreachableError as error:
                problem = error
                if not self.last_chance:
                    await self.engine.event(self.ref)  # raises when all is silent
            except RecorderError as error:
                problem = error
                break
        _LOG.log(level, "recording a build without its %s: %s", name, problem)
        return None
