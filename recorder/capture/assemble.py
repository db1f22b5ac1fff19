"""Makes a Build of a history record: its trace, what buildx knows of it, its checkout, its size."""

import asyncio
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from recorder.capture import origin, sizes
from recorder.capture.context_files import NOT_SEEN, Seen
from recorder.engine import excerpts, records
from recorder.engine.history import History
from recorder.engine.local_state import LocalState
from recorder.errors import RecorderError
from recorder.model import Build

_LOG = logging.getLogger("recorder.capture")


class Circumstances(NamedTuple):
    """What all builds of one recording share: the way in, the database, our own options.

    `ci` is the CI run that this process is part of, for builds that it started itself.
    """

    source: str
    path: Path
    zone: str
    image_name: str | None = None
    ci: origin.CiRun = origin.CiRun()
    secrets: frozenset[str] = frozenset()


async def assemble(
    engine: History,
    record: Any,
    state: LocalState | None,
    shared: Circumstances,
    seen: Seen = NOT_SEEN,
) -> Build:
    """The build of a finished `record`, with its steps as far as the builder still holds them.

    `seen` is what was seen of its context when it began. A trace or an image that we cannot read
    leaves its part out, for the build is worth having.
    """
    try:
        trace = await engine.trace(record.Ref)
    except RecorderError as error:
        _LOG.warning("recording a build without its steps: %s", error)
        trace = []
    checkout = origin.Checkout()
    if state:
        ended = record.CompletedAt.seconds
        checkout = await asyncio.to_thread(origin.checkout, state.context, ended, time.time())
    about = records.Origin(
        source=shared.source,
        builder=engine.builder,
        zone=shared.zone,
        image_name=shared.image_name,
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
    try:
        attested = await engine.provenance_blobs(record)
    except RecorderError as error:
        _LOG.info("recording a build without its provenance: %s", error)
        attested = []
    try:
        build = records.to_build(record, trace, state, about, attested)
    except Exception as error:  # noqa: BLE001
        _LOG.warning("recording a build without its steps: unexpected %r", error)
        build = records.to_build(record, [], state, about)
    build = replace(build, error_excerpt=await excerpt_of(engine, record))
    try:
        return sizes.with_size(build, record, shared.path)
    except Exception as error:  # noqa: BLE001
        _LOG.warning("recording a build without its size: unexpected %r", error)
        return build


async def excerpt_of(engine: History, record: Any) -> str | None:
    """The lines of the Dockerfile that failed; None where the builder tells none."""
    try:
        return excerpts.excerpt(await engine.error_blob(record))
    except RecorderError as error:
        _LOG.info("recording a failed build without its lines: %s", error)
        return None
