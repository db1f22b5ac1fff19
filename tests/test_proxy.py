"""The publication behind a real proxy, under a path of its own."""

import html
import http.client
import re
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from proxy_help import proxying
from publication_help import build, record, step
from serve_help import DEADLINE, fetch, run, serving


def links_of(page: str) -> list[str]:
    """Where a page leads and what it loads."""
    return [html.unescape(link) for link in re.findall(r'(?:href|src|action)="([^"]*)"', page)]


@pytest.mark.parametrize("strips", [True, False])
def test_behind_a_proxy_every_link_leads_below_its_path(database_path: Path, strips: bool) -> None:
    record(
        database_path,
        *(build("shop/api", hours=n, status="failed", steps=(step(0, "a"),)) for n in range(60)),
    )
    with (
        serving(database_path, "--root-path", "/tools/builds") as (url, _),
        proxying(url.removesuffix("/tools/builds"), "/tools/builds", strips=strips) as shown,
    ):
        seen, ahead = set(), [f"{shown}/"]
        while ahead:
            address = ahead.pop()
            # One of each kind: many rows and filters have the same page.
            kind = re.sub(r"\d+|=[^&]*", "", address.partition("#")[0])
            if kind in seen or urlsplit(address).netloc != urlsplit(shown).netloc:
                continue
            seen.add(kind)
            assert address.startswith(f"{shown}/"), address
            with urllib.request.urlopen(address, timeout=DEADLINE) as answer:
                text = answer.read().decode("latin-1")
                assert answer.url.startswith(f"{shown}/")
                if answer.headers.get_content_type() == "text/html":
                    ahead += [urljoin(answer.url, link) for link in links_of(text)]
        assert len(seen) > 50
        rows = fetch(f"{shown}/docker_build_history/docker_builds.json?_size=10")
        assert rows["next_url"].startswith(f"{shown}/docker_build_history/docker_builds.json?")
        assert len(fetch(rows["next_url"])["rows"]) == 10


def test_a_redirect_stays_below_the_path_and_on_this_host(database_path: Path) -> None:
    with serving(database_path, "--root-path", "builds/") as (url, _):
        host = urlsplit(url).netloc
        for path, there in {
            "/builds/docker_build_history/": "/builds/docker_build_history",
            "/docker_build_history/": "/builds/docker_build_history",
            "//other.example/": "/builds/other.example",
            "/builds///other.example//": "/builds/other.example",
            "/\\other.example/": "/builds/other.example",
        }.items():
            connection = http.client.HTTPConnection(host, timeout=DEADLINE)
            connection.putrequest("GET", path)
            connection.endheaders()
            answer = connection.getresponse()
            assert (answer.status, answer.headers["location"]) == (302, there)
            connection.close()


@pytest.mark.parametrize("path", ["/a b", "/b//c", "/-/x", "/docker_build_history", "http://x/"])
def test_a_path_that_cannot_be_served_under_is_told(database_path: Path, path: str) -> None:
    ended = run("--db", str(database_path), "serve", "--port", "0", "--root-path", path)
    assert ended.returncode == 2
    assert "--root-path" in ended.stderr
    assert "Traceback" not in ended.stderr
