"""docs/ as a site: Sphinx warns of nothing, and links lead somewhere there and on GitHub."""

import re
import shutil
import subprocess
import sys
import urllib.parse
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
REPOSITORY = "https://github.com/buildrec/buildrec/"


class Links(HTMLParser):
    """The places that a page can be led to, and where it leads itself."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {given["id"]} if given.get("id") else set()
        self.targets += [given[name] for name in ("href", "src") if given.get(name)]  # type: ignore[misc]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built of docs/ alone, as the rest of the project is not there in its image."""
    folder = tmp_path_factory.mktemp("site")
    ours = shutil.ignore_patterns("_build", "__pycache__")
    shutil.copytree(DOCS, folder / "docs", ignore=ours)
    words = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
    ended = subprocess.run(
        [*words, "--builder", "html", folder / "docs", folder / "html"],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr
    return folder / "html"


def test_every_page_is_built_and_listed_on_the_first_one(site: Path) -> None:
    assert {page.stem for page in PAGES} <= {page.stem for page in site.glob("*.html")}
    listed = re.findall(r"^- .*", (DOCS / "index.md").read_text(), re.M)
    linked = re.findall(r"\]\(([\w-]+)\.md\)", "\n".join(listed))
    assert sorted(linked) == sorted(page.stem for page in PAGES if page.stem != "index")


def test_every_link_on_the_site_leads_to_a_page_and_a_place_on_it(site: Path) -> None:
    pages = {path.name: Links(path) for path in site.glob("*.html")}
    lost = []
    for name, page in pages.items():
        for target in page.targets:
            address = urllib.parse.urlsplit(target)
            if address.scheme or address.netloc:
                continue
            file = urllib.parse.unquote(address.path) or name
            there = (site / file).exists()
            known = file not in pages or not address.fragment
            if not there or not (known or address.fragment in pages[file].anchors):
                lost.append(f"{name}: {target}")
    assert not lost


def test_the_site_leads_to_files_of_the_repository_that_there_are(site: Path) -> None:
    found = set()
    for page in site.glob("*.html"):
        for target in Links(page).targets:
            if target.startswith(f"{REPOSITORY}blob/main/"):
                path = target.removeprefix(f"{REPOSITORY}blob/main/").partition("?")[0]
                found.add(path.partition("#")[0])
    assert {"README.md", "CHANGELOG.md", "docker/action/action.yml"} <= found
    assert not [path for path in found if not (ROOT / path).exists()]


def test_options_keep_their_two_dashes(site: Path) -> None:
    for page in site.glob("*.html"):
        assert not re.search(r"[\N{EN DASH}\N{EM DASH}]\w", page.read_text()), page.name


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.glob("*.html"):
        loaded = re.findall(r"<(?:script|img|link)[^>]*(?:src|href)=\"(\w+:)?//", page.read_text())
        assert not loaded, page.name


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_every_anchor_is_a_heading_on_github(page: Path) -> None:
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text()):
        target = (page.parent / file) if file else page
        assert anchor in anchors_on_github(target), f"{page.name} leads to {file}#{anchor}"


def anchors_on_github(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    tokens = MarkdownIt().enable("table").parse(page.read_text())
    found: set[str] = set()
    seen: Counter[str] = Counter()
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            texts = [child.content for child in inline.children or ()]
            slug = re.sub(r"[^\w\- ]", "", "".join(texts).lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found
