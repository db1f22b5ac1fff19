"""Adds the image's size to a build that has just made it."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from recorder import database, queries
from recorder.engine import endpoints, images, records
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
    try:
        if build.image_digest and path.is_file():
            with database.connect_to_read(path) as connection:
                known = queries.known_size(connection, build.image_name, build.image_digest)
            if known:
                return replace(build, image_size_bytes=known[0], size_kind=known[1])
        # Not by a tag where the digest is known: the tag may stand for a later build by now.
        own = build.image_digest if endpoint else None
        names = (own,) if own else build.image_tags
        image = images.inspect(*names, endpoint=endpoint)
    except RecorderError as error:
        _LOG.info("recording a build without its size: %s", error)
        return build
    return images.onto(build, image)
