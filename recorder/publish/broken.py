"""Answers in place of a page: while the file cannot be read, or where there is none."""

import logging
from typing import Any

from datasette import Response
from datasette.utils.asgi import Base400

from recorder.errors import DatabaseError
from recorder.publish import answers

_LOG = logging.getLogger("recorder.publish")

# The error itself names the file's folder, which is nobody's business.
_REASONS = {
    "database-missing": "it is missing",
    "damaged-database": "it is damaged",
    "not-a-database": "it is damaged, or not a build history",
    "newer-database": "it was written by a newer buildrec than this server's",
    "database-locked": "another program has locked it",
    "database-read-only": "it cannot be opened",
}
_HEADERS = {"cache-control": "no-store", "retry-after": "5"}


def reason(error: Exception) -> str:
    """Why the file cannot be read, as a sentence that tells nothing about the machine."""
    slug = getattr(error, "slug", "")
    return f"The build history cannot be read: {_REASONS.get(slug, 'it failed')}."


async def answer(datasette: Any, path: str, error: Exception) -> Response:
    """HTTP 503 with the reason, as JSON at a path that ends in `.json`, else as a page."""
    _LOG.warning("%s", error)
    return await answers.refusal(datasette, path, reason(error), 503, _HEADERS)


async def of_exception(datasette: Any, request: Any, exception: Exception) -> Response | None:
    """The answer to a request that failed for the file, or asked for what is not there.

    None for any other exception, which Datasette answers.
    """
    if isinstance(exception, DatabaseError | FileNotFoundError | PermissionError):
        return await answer(datasette, request.path, exception)
    if isinstance(exception, Base400) and exception.status in answers.TITLES:
        message = str(exception) or answers.TITLES[exception.status]
        return await answers.refusal(datasette, request.path, message, exception.status)
    return None
