"""Our stylesheet and our one script, named by their content so that a browser may keep them."""

import functools
import hashlib
from pathlib import Path
from typing import Any

from datasette import NotFound, Response

from recorder.publish.charts.drawing import STYLE

ROUTE = r"/-/buildrec/(?P<digest>[0-9a-f]{12})/(?P<name>buildrec\.css|live\.js)$"
_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_FOLDER = Path(__file__).with_name("assets")


def address(datasette: Any, name: str) -> str:
    """The address of an asset, which changes when its content does."""
    return str(datasette.urls.path(f"-/buildrec/{_digest(name)}/{name}"))


async def asset(request: Any) -> Response:
    """Answers with an asset; it may be kept for good, as another content has another address."""
    name = request.url_vars["name"]
    if request.url_vars["digest"] != _digest(name):
        raise NotFound("This version of the file is not here: load the page anew.")
    keep = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(_content(name), headers=keep, content_type=_KINDS[name.rpartition(".")[2]])


@functools.cache
def _content(name: str) -> str:
    own = (_FOLDER / name).read_text(encoding="utf-8")
    return STYLE + own if name.endswith(".css") else own


@functools.cache
def _digest(name: str) -> str:
    return hashlib.sha256(_content(name).encode()).hexdigest()[:12]
