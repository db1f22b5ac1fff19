"""Adds the image's size to a build that has just made it."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from recorder import database, queries
from recorder.engine import endpoints, records
from recorder.errors import RecorderError
from recorder.model import Build

_LOG = logging.getLogger("recorder.capture")


def with_size(build: Build, record: Any, path: Path) -> Build:
    """`build` with the size and digest of its image, as far as the engine holds it.

    A digest that the database at `path` knows has the size it had: a rebuild from cache need not
    ask, nor load the docker SDK (100 ms).
    """
    if not build.success or not (build.image_digest or build.image_tags):
        return build
    endpoint = endpoints.of_builder(build.builder or "default")
    if endpoint is None and not records.is_in_engine(record):
        return build
    if build.image_digest and (known := _known(build.image_name, build.image_digest, path)):
        return replace(build, image_size_bytes=known[0], size_kind=known[1])
    from recorder.engine import images  # here, as a rebuild from cache has returned by now

    try:
        # Not by a tag where the digest is known: the tag may stand for a later build by now.
        own = build.image_digest if endpoint else None
        names = (own,) if own else build.image_tags
        image = images.inspect(*names, endpoint=endpoint)
    except RecorderError as error:
        _LOG.info("recording a build without its size: %s", error)
        return build
    return images.onto(build, image)


def _known(name: str, digest: str, path: Path) -> tuple[int, str] | None:
    """What an earlier build of the same image measured; None where the database cannot tell."""
    if not path.is_file():
        return None
    try:
        with database.connect_to_read(path) as connection:
            return queries.known_size(connection, name, digest)
    except RecorderError as error:
        _LOG.info("asking the engine for a size that may be recorded: %s", error)
        return None
