"""Builds as an Atom feed (RFC 4287): `.atom` of any query or table that has the columns of one."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from datasette import Response
from datasette.utils.asgi import BadRequest

from recorder import figures, harmless, times
from recorder.errors import BadValueError
from recorder.publish import site
from recorder.publish.site import DATABASE

COLUMNS = frozenset("id image_name build_timestamp status build_duration error_message ref".split())
"""What a row needs to become an entry."""

_NOTHING_YET = "1970-01-01T00:00:00.000Z"
_NAMESPACE = uuid.UUID("22283418-a6a8-5446-9f37-737e03965add")
_TITLE_LETTERS = 120
_TOLD = {"git_branch": "Branch", "git_commit": "Commit", "ci_url": "CI"}


def can_render(database: str, columns: Sequence[str], view_name: str) -> bool:
    """Whether rows with these columns are a list of builds."""
    return database == DATABASE and view_name != "row" and set(columns) >= COLUMNS


def render(
    datasette: Any,
    request: Any,
    database: str,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    query_name: str | None,
    view_name: str,
) -> Response:
    """The feed, an entry for each row; raises BadRequest for rows that are no builds."""
    if not can_render(database, columns, view_name):
        raise BadRequest("Only lists of builds are feeds: try failures.atom")
    query = f"?{request.query_string}" if request.query_string else ""
    here, page = (
        datasette.absolute_url(request, datasette.urls.path(place) + query)
        for place in (request.path, request.path.removesuffix(".atom"))
    )
    builds = [dict(row) for row in rows]
    moments = [_moment(build["build_timestamp"]) for build in builds]
    feed = ElementTree.Element("feed", xmlns="http://www.w3.org/2005/Atom")
    _add(feed, "id", here)
    _add(feed, "title", _title(datasette, query_name))
    _add(feed, "updated", max(moments, default=_NOTHING_YET))
    _add(feed, "link", rel="self", href=here)
    _add(feed, "link", rel="alternate", href=page)
    _add(_add(feed, "author"), "name", "buildrec")
    for build, moment in zip(builds, moments, strict=True):
        address = datasette.urls.path(f"{database}/docker_builds/{build['id']}")
        _entry(feed, build, moment, datasette.absolute_url(request, address))
    text = ElementTree.tostring(feed, encoding="unicode")
    return Response(
        f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n',
        content_type="application/atom+xml; charset=utf-8",
    )


def _entry(feed: ElementTree.Element, build: Mapping[str, Any], moment: str, address: str) -> None:
    entry = _add(feed, "entry")
    # A build measured elsewhere has no ref, but its image and moment never change either.
    identity = build["ref"] or f"{build['image_name']} {build['build_timestamp']}"
    _add(entry, "id", uuid.uuid5(_NAMESPACE, str(identity)).urn)
    error = str(build["error_message"] or "")
    title = ": ".join(filter(None, [f"{build['image_name']} {build['status']}", error]))
    shown = harmless.line(title)
    _add(entry, "title", f"{shown[:_TITLE_LETTERS]}…" if len(shown) > _TITLE_LETTERS else shown)
    _add(entry, "updated", moment)
    _add(entry, "published", moment)
    _add(entry, "link", rel="alternate", href=address)
    facts = [f"Duration: {figures.duration(build['build_duration'])}"]
    facts += [f"{word}: {build[name]}" for name, word in _TOLD.items() if build.get(name)]
    _add(entry, "content", "\n".join([*facts, *filter(None, ["", error])]), type="text")


def _add(
    parent: ElementTree.Element, name: str, text: str | None = None, **attributes: str
) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, name, attributes)
    element.text = None if text is None else harmless.lines(text)
    return element


def _title(datasette: Any, query_name: str | None) -> str:
    query = site.queries(datasette).get(query_name or "")
    title = query.get("title") if isinstance(query, dict) else None
    return f"{title or 'Builds'}: Docker build history"


def _moment(stamp: str) -> str:
    """A stored timestamp in UTC; other tools may have stored what is none."""
    try:
        return times.utc_text(times.parse(stamp))
    except BadValueError:
        return _NOTHING_YET
