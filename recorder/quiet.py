"""Keeps the loggers of libraries off the user's terminal, where their failures are told as ours."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """What is logged under `name` goes nowhere meanwhile, since it may hold addresses."""
    logger = logging.getLogger(name)
    propagate, logger.propagate = logger.propagate, False
    nowhere = logging.NullHandler()
    logger.addHandler(nowhere)
    try:
        yield
    finally:
        logger.removeHandler(nowhere)
        logger.propagate = propagate
