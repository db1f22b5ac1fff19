"""docs/figures.md says what the code does: its numbers, names and words are those of the code."""

import re
from pathlib import Path

import pytest

from recorder import figures, schema, statistics
from recorder.alert_tables import STANDING, STATES
from recorder.alerts import full_pass
from recorder.engine import images
from recorder.explain import reference, savings, still_there
from recorder.judging import finding, recent
from recorder.judging.limits import ENOUGH, LIMITS
from recorder.model import STATUSES
from recorder.publish.charts import timeline

PAGE = (Path(__file__).parents[1] / "docs/figures.md").read_text()
FIGURES = {word: number for number, word in enumerate("no one two three four five six".split())}


def table(first: str) -> dict[str, list[str]]:
    """The rows of the table whose first column has this heading, by the names in that column."""
    (rows,) = re.findall(rf"^\| {re.escape(first)} \|.*\n\| ---.*\n((?:\|.*\n)+)", PAGE, re.M)
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows.splitlines()]
    return {name: row[1:] for row in cells for name in re.findall(r"`(\w+)`", row[0])}


def section(heading: str) -> str:
    """The text below a heading, on one line."""
    return " ".join(PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0].split())


def number(heading: str, pattern: str) -> int:
    """The number in a sentence of a section, in figures or as a word."""
    found = re.findall(pattern, section(heading))
    assert len(found) == 1, (pattern, found)
    return FIGURES[found[0]] if found[0] in FIGURES else int(found[0])


def test_the_words_for_states_are_those_of_the_tables() -> None:
    assert {*table("`status`")} == {*STATUSES}
    assert {*table("`state`")} == {*STATES}
    standing = re.findall(r"'(\w+)'", STANDING)
    assert standing == [*table("`state`")][: number("Alerts", r"The first (\w+) \*\*stand")]
    assert {images.UNPACKED, images.CONTAINERD} < {*table("`size_kind`")}


@pytest.mark.parametrize("metric", LIMITS)
def test_the_least_changes_are_those_of_the_limits(metric: str) -> None:
    limits, said = LIMITS[metric], table("`metric`")[metric][-1]
    units = {"MB": 1e6, "s": 1.0, "points": 0.01}
    least = [float(n) * units[unit] for n, unit in re.findall(r"([\d.]+) (MB|s\b|points)", said)]
    shares = [float(n) / 100 for n in re.findall(r"(\d+) %", said)]
    assert least == [pytest.approx(limits.least)]
    assert shares == pytest.approx([s for s in dict.fromkeys((limits.share, limits.soon)) if s])


def test_the_columns_of_the_statistics_are_all_told() -> None:
    columns = {column.name for column in schema.BUILD_STATISTICS.columns}
    keys = {"id", "image_name", "timezone", "updated_at", "successful_builds", "failed_builds"}
    assert {*table("figure")} == columns - keys


def test_how_many_builds_count_is_what_counts_in_the_code() -> None:
    assert number("Statistics of an image", r"`p95_duration` \| the latest (\d+)") == (
        statistics.WINDOW
    )
    assert number("Usual", r"percentile of the (\d+) builds") == timeline._WINDOW
    assert number("Usual", r"class, from (\w+) such builds on") == timeline._FEWEST
    assert number("Usual", r"by duration of the latest (\d+) successes") == reference.LATEST
    assert number("Usual", r"Fewer than (\w+) such builds") == reference._FEW
    assert number("Usual", r"less than (\d+) %") == round(figures._AS_USUAL * 100)
    assert number("What would help", r"the latest (\d+) successful builds") == savings._BUILDS
    assert number("What would help", r"of the (\w+) weeks up to") == savings.WEEKS
    assert number("What would help", r"none of the latest (\d+) builds") == still_there.LATEST
    assert number("Alerts", r"a series with (\w+) builds or fewer") == ENOUGH
    assert number("Alerts", r"median of up to (\d+) builds") == recent.WINDOW
    assert number("Alerts", r"builds before the latest (\w+), with") == recent.PENDING
    assert number("Alerts", r"was built for (\d+) days") == full_pass._UNBUILT.days
    assert number("Alerts", r"\(or (\d+) times\)") == full_pass._BUILDS
    assert number("Alerts", r"at least (\d+) % of a change") == round(finding._MOST * 100)


def test_every_figure_that_is_named_is_one_that_is_given() -> None:
    root = Path(__file__).parents[1]
    given = (root / "metadata.yml").read_text() + (root / "docs/json-api.md").read_text()
    for name in {*re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)`", PAGE)}:
        assert re.search(rf"\b{name}\b", given), name
