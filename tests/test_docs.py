"""The docs say what the code says."""

import importlib.util
import re
from pathlib import Path

import pytest

from recorder.cli.app import COMMANDS

ROOT = Path(__file__).parents[1]
_SPEC = importlib.util.spec_from_file_location("pages", ROOT / "docs" / "pages.py")
assert _SPEC
assert _SPEC.loader
pages = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(pages)


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    stale = f"run `python docs/pages.py`: docs/{name} is stale"
    assert (ROOT / "docs" / name).read_text() == pages.PAGES[name](), stale


def test_every_command_is_on_the_commands_page() -> None:
    headings = re.findall(r"^## buildrec (.+)$", pages.commands_page(), re.M)
    assert headings == list(COMMANDS)


def test_every_link_in_the_docs_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
