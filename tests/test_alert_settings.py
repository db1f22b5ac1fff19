"""The rules of a project: found, understood as TOML is, and complaints that name the line."""

import re
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import hypothesis
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


def test_a_budget_may_be_a_text_as_the_options_of_check_take_it(tmp_path):
    path = tmp_path / "buildrec.toml"
    path.write_text(
        'max-duration = "1h30m"\nmax-size = "1.5 GB"\nmin-cache = "80%"\nmin-change = "250%"\n'
    )
    found = settings.read(path)
    assert found is not None
    assert found.rules == Rules(max_duration=5400, max_size=1500, min_cache=0.8, min_change=2.5)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("max-duraton = 3", 1, "did you mean `max-duration`"),
        ("\n\nxyz = 3", 3, "known are"),
        ("max-size = 1\nfail-on = 'error'", 2, "say one of regression, warning"),
        ("max-size = true", 1, "give MB"),
        ("max-size = -1", 1, "give MB"),
        ("max-duration = nan", 1, "nan is no number"),
        ("max-duration = 'soon'", 1, 'such as "5m"'),
        ("min-cache = '800%'", 1, 'such as "80%"'),
        ("max-size = inf", 1, "inf is no number"),
        ("min-cache = 80", 1, "more than the whole"),
        ('metrics = [\n  "size",\n  "speed",\n]', 1, "'speed' is not known"),
        ("ignore = 'x'", 1, "no list of texts"),
        ("images = 3", 1, "no table"),
        ("[images]\n\n[images.app]\n# x\nmax-size = 'a'", 5, "no number"),
        ("[images.app]\nignore = []", 2, "`ignore` is not known"),
        (f"\nmax-duration = 1{'0' * 400}", 2, "too many digits"),
        (f"\nmetrics = [0x{'f' * 5000}]", 2, "no list of texts"),
        (f"fail-on = 0x{'f' * 5000}", 1, "too many digits"),
        ("# a \u2028 b\n# \x85 c\nbad = 1", 3, "`bad` is not known"),
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


@pytest.mark.parametrize("foreign", ["", "[tool.other]\n"])
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (f"{'[' * 3000}{']' * 3000}", "nested too deeply"),
        ("[\n" * 3000 + "]\n" * 3000, "nested too deeply"),
        ("{a = " * 3000 + "1" + "}" * 3000, "nested too deeply"),
        ("1" * 5000, "too many digits"),
    ],
)
def test_what_is_more_than_can_be_parsed_is_told_with_its_file(tmp_path, foreign, value, problem):
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.buildrec]\nmax-size = 3\n{foreign}x = {value}\n")
    with pytest.raises(BadSettingsError) as caught:
        settings.read(path)
    assert str(caught.value).startswith(f"{path} cannot be read (")
    assert problem in str(caught.value)


def test_the_mark_that_windows_sets_before_a_text_is_none_of_it(tmp_path):
    path = tmp_path / "buildrec.toml"
    path.write_bytes(b"\xef\xbb\xbfmax-duration = 3\r\nbad = 1\r\n")
    with pytest.raises(BadSettingsError, match="line 2: `bad` is not known"):
        settings.read(path)


_names = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
_values = st.sampled_from(
    [
        "1",
        "'a'",
        '"""x\n[y]\nk = 3\n"""',
        "[\n 1,\n # k = 1\n 2\n]",
        "{a = 1}",
        '""""quoted"""""',
        "'''\n\\''\n[''''",
        '"\\"#["',
        "'#\\' # \"",
        '""',
        '["]", \'[\', """\n\\""""]',
        '[\n[ # "\n"a", {b = "["}\n]]',
        '"""\\\n """',
    ]
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


_statements = st.one_of(
    st.builds("{} = {}".format, _names, _values),
    st.builds('{}."[" = {}'.format, _names, _values),
    st.builds("[{}]".format, _names),
    st.builds("[{0}.'#{0}'] # [".format, _names),
    st.builds("[[{}]]".format, _names),
    st.just('  # "[\u2028'),
    st.just(""),
)


def simple_line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """The line after the last beginning of a file that parses without the key."""
    lines, before = text.split("\n"), 0
    for count in range(len(lines) + 1):
        try:
            content = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        for key in keys:
            content = content.get(key) if isinstance(content, dict) else None
        if content is not None:
            return before + 1
        before = count
    return None


@hypothesis.settings(deadline=None)
@given(st.lists(_statements, max_size=12))
def test_the_line_of_any_key_is_the_one_that_trying_every_line_finds(statements):
    text = ""
    for statement in statements:
        with suppress(tomllib.TOMLDecodeError):  # a key or a table that is there already
            tomllib.loads(text + statement)
            text += f"{statement}\n"
    for name in {word for words in statements for word in re.findall(r"[a-z]+", words)}:
        for keys in ((name,), (name, "["), (name, f"#{name}"), (name, name), (name, "a")):
            assert toml_lines.line_of(text, keys) == simple_line_of(text, keys)


def test_a_long_file_is_parsed_a_few_times_and_not_once_for_each_line():
    text = "".join(f'[images."{n}"]\nmax-size = {n}\nnames = [\n"x",\n]\n' for n in range(2000))
    parsed = []

    def watch(frame, event, _argument):
        if event == "call" and frame.f_code is tomllib.loads.__code__:
            parsed.append(frame)

    sys.setprofile(watch)
    try:
        line = toml_lines.line_of(text, ("images", "1999", "names"))
    finally:
        sys.setprofile(None)
    assert line == text.count("\n") - 2
    assert len(parsed) < 20


def test_keys_of_other_commands_are_theirs(tmp_path):
    path = Path(tmp_path / "buildrec.toml")
    path.write_text('notify = ["mailto://x"]\n')
    found = settings.read(path)
    assert found is not None
    assert found.rules == Rules()
