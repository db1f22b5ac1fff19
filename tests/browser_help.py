"""Visits pages in a real Chromium, and hears what goes wrong there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without windows."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield launched
        launched.close()


class Visit:
    """A page with what went wrong on it, and which hosts it asked."""

    def __init__(
        self, browser: Any, *, width: int = 1280, scripts: bool = True, scheme: str = "light"
    ) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts,
            color_scheme=scheme,
        )  # fmt: skip
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda asked: self.hosts.add(urlsplit(asked.url).netloc))

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def open(self, url: str) -> Any:
        """The page at `url`, loaded."""
        self.page.goto(url, wait_until="load")
        return self.page

    def faults(self) -> list[str]:
        """What axe-core finds wrong with the page; a chart of datasette-vega is not ours."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page, context={"exclude": [[".vega-embed"]]}).response
        return [
            f"{fault['id']}: {node['html'][:200]}"
            for fault in found["violations"]
            for node in fault["nodes"]
        ]
