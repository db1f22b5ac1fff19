"""The addresses of our pages, below whatever prefix the publication has."""

from typing import Any
from urllib.parse import quote

from recorder.publish.site import DATABASE


class PageAddresses:
    """Where the page of a build, an image and a step is."""

    def __init__(self, datasette: Any) -> None:
        self._path = datasette.urls.path

    def build(self, number: int) -> str:
        """The page of a build."""
        return self._of(f"docker_builds/{number}")

    def image(self, name: str) -> str:
        """The page of an image."""
        return self._of(f"image?image_name={quote(name, safe='')}")

    def step(self, key: str) -> str:
        """The page of a step."""
        return self._of(f"step?step_key={quote(key, safe='')}")

    def query(self, name: str) -> str:
        """The page of a canned query."""
        return self._of(name)

    def _of(self, page: str) -> str:
        return str(self._path(f"{DATABASE}/{page}"))
