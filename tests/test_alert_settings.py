"""The rules of a project: found, understood as TOML is, and complaints that name the line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.alerts import settings, toml_lines
from recorder.alerts.settings import Rules
from recorder.errors import BadSettingsError


def test_the_nearest_file_holds(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "buildrec.toml").write_text("max-duration = 5")
    assert settings.find(inner).rules.max_duration == 5.0
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'")
    assert settings.find(inner).rules.max_duration == 5.0
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.buildrec]\nmax-size = 7")
    assert settings.find(inner).rules == Rules(max_size=7.0)


def test_without_a_file_the_defaults_hold(tmp_path):
    assert settings.find(tmp_path).rules == Rules()


def test_an_image_has_the_rules_of_all_but_for_its_own(tmp_path):
    path = tmp_path / "buildrec.toml"
    path.write_text('max-size = 9\n[images."shop:dev"]\nmax-duration = 3\nfail-on = "warning"\n')
    found = settings.read(path)
    assert found is not None
    assert found.of("shop:dev") == Rules("warning", max_duration=3.0, max_size=9.0)
    assert found.of("other") == Rules(max_size=9.0)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("max-duraton = 3", 1, "did you mean `max-duration`"),
        ("\n\nxyz = 3", 3, "known are"),
        ("max-size = 1\nfail-on = 'error'", 2, "say one of regression, warning"),
        ("max-size = true", 1, "give MB"),
        ("max-size = -1", 1, "give MB"),
        ("max-duration = nan", 1, "nan is no number"),
        ("max-size = inf", 1, "inf is no number"),
        ("min-cache = 80", 1, "more than the whole"),
        ('metrics = [\n  "size",\n  "speed",\n]', 1, "'speed' is not known"),
        ("ignore = 'x'", 1, "no list of texts"),
        ("images = 3", 1, "no table"),
        ("[images]\n\n[images.app]\n# x\nmax-size = 'a'", 5, "no number"),
        ("[images.app]\nignore = []", 2, "`ignore` is not known"),
    ],
)
def test_a_complaint_names_the_file_and_the_line(tmp_path, text, line, word):
    path = tmp_path / "buildrec.toml"
    path.write_text(text)
    with pytest.raises(BadSettingsError) as caught:
        settings.read(path)
    assert str(caught.value).startswith(f"{path}, line {line}")
    assert word in str(caught.value)


def test_what_is_no_toml_is_told_with_its_line(tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text("[tool.buildrec]\nmax-size = = 3")
    with pytest.raises(BadSettingsError, match="line 2"):
        settings.read(path)


_names = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
_values = st.sampled_from(
    ["1", "'a'", '"""x\n[y]\nk = 3\n"""', "[\n 1,\n # k = 1\n 2\n]", "{a = 1}"]
)


@given(st.dictionaries(_names, _values, min_size=1, max_size=6), st.data())
def test_the_line_of_a_key_is_where_it_stands(content, data):
    lines, place = [], {}
    for name, value in content.items():
        lines += [""] * data.draw(st.integers(0, 2)) + ["# a = 1"] * data.draw(st.integers(0, 1))
        place[name] = len(lines) + 1
        lines += f"{name} = {value}".split("\n")
    text = "\n".join(lines)
    for name, line in place.items():
        assert toml_lines.line_of(text, (name,)) == line
    assert toml_lines.line_of(text, ("not there",)) is None


def test_keys_of_other_commands_are_theirs(tmp_path):
    path = Path(tmp_path / "buildrec.toml")
    path.write_text('notify = ["mailto://x"]\n')
    found = settings.read(path)
    assert found is not None
    assert found.rules == Rules()
