"""The docs say what the code says."""

import importlib.util
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from recorder.alerts import settings
from recorder.alerts.settings import Rules
from recorder.cli.app import COMMANDS
from recorder.judging.limits import LIMITS

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


RULES = (ROOT / "docs/rules.md").read_text()


@pytest.mark.parametrize("name", ["pyproject.toml", "buildrec.toml"])
def test_the_rules_that_are_shown_are_understood(tmp_path: Path, name: str) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", RULES, re.S)
    own = text.replace("[tool.buildrec]\n", "").replace("[tool.buildrec.", "[")
    path = tmp_path / name
    path.write_text(own if name == settings.OWN else text)
    found = settings.read(path)
    assert found
    rules = Rules("regression", tuple(LIMITS), 0.1, 300, 250, 0.5)
    assert found.rules == rules
    assert found.of("shop/web:dev") == replace(rules, max_duration=900, fail_on="warning")
    assert found.ignores("scratch-1")
    assert found.notify == ("json://hooks.example/builds",)


def test_every_rule_is_told_with_its_default() -> None:
    asked = dict(re.findall(r"^\| `([\w-]+)` \|.*\| ([^|]*) \|$", RULES, re.M))
    keys = [field.name.replace("_", "-") for field in fields(Rules)]
    assert [*asked] == [*keys, "images", "ignore", "notify"]
    said = {
        None: "no budget",
        tuple(LIMITS): "all four",
        0.0: "`0`",
        "regression": '`"regression"`',
    }
    assert [asked[key] for key in keys] == [said[field.default] for field in fields(Rules)]


def test_every_link_in_the_docs_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
