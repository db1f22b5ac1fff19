"""What leaves a history comes back whole: export, import, merge, and all of it twice."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import properties  # noqa: F401 - the settings of property tests
import pytest
from hypothesis import given, settings
from travel_help import KEY, content, histories, is_sound, make

from recorder import database
from recorder.exports import files as exports
from recorder.imports import files as imports
from recorder.upkeep import derived

FORMATS = {"ndjson": "out.ndjson", "csv": "out", "sqlite": "out.db"}
ZONE = "UTC"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDREC_MASK_KEY", KEY.decode())


def wrong(path: Path) -> list[object]:
    """The images and days whose figures are not what a query over their builds gives."""
    with database.connect_to_read(path) as connection:
        connection.row_factory = None
        return [*derived.wrong_statistics(connection), *derived.wrong_days(connection)]


@pytest.mark.parametrize("style", FORMATS)
@given(found=histories())
@settings(max_examples=20)
def test_a_history_that_was_exported_and_taken_in_is_the_same(style: str, found) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        source = make(here / "source.db", found)
        exports.export(source, here / FORMATS[style], exports.Wish(style))
        report = imports.take_in(here / "target.db", here / FORMATS[style], ZONE)
        assert (report.new, report.known, report.rejected) == (len(found), 0, ())
        assert content(here / "target.db", "step_last_runs") == content(source, "step_last_runs")
        assert is_sound(here / "target.db")
        assert wrong(here / "target.db") == []

        again = imports.take_in(here / "target.db", here / FORMATS[style], ZONE)
        assert (again.new, again.known) == (0, len(found))
        assert content(here / "target.db", "step_last_runs") == content(source, "step_last_runs")

        # And so is what is exported from there.
        second = here / f"second-{FORMATS[style]}"
        exports.export(here / "target.db", second, exports.Wish(style))
        imports.take_in(here / "third.db", second, ZONE)
        assert content(here / "third.db", "step_last_runs") == content(source, "step_last_runs")
        if style == "ndjson":
            assert second.read_bytes() == (here / FORMATS[style]).read_bytes()


@given(shared=histories(3), mine=histories(3), theirs=histories(3))
@settings(max_examples=20)
def test_merging_keeps_what_is_there_and_adds_what_is_not(shared, mine, theirs) -> None:
    def named(found, who):
        return [
            replace(b, ref=f"{who}{b.ref}", image_name=f"{who}/{b.image_name}") if b.ref
            else replace(b, image_name=f"{who}/{b.image_name}")
            for b in found
        ]  # fmt: skip

    mine, theirs = named(mine, "mine"), named(theirs, "theirs")
    with tempfile.TemporaryDirectory() as folder:
        target = make(Path(folder, "target.db"), shared + mine)
        source = make(Path(folder, "source.db"), shared + theirs)
        before, bytes_before = ids(target), source.read_bytes()
        report = imports.take_in(target, source, ZONE)
        assert (report.new, report.known, report.rejected) == (len(theirs), len(shared), ())
        assert ids(target).items() >= before.items()
        expected = make(Path(folder, "expected.db"), shared + mine + theirs)
        # What the cache of the shared builds saved was found when they were recorded.
        for table in ("builds", "steps", "warnings"):
            assert content(target)[table] == content(expected)[table]
        assert is_sound(target)
        assert wrong(target) == []
        again = imports.take_in(target, source, ZONE)
        assert (again.new, again.known) == (0, len(shared + theirs))
        assert source.read_bytes() == bytes_before
        assert sorted(os.listdir(folder)) == ["expected.db", "source.db", "target.db"]


def ids(path: Path) -> dict[int, tuple[object, ...]]:
    with database.connect_to_read(path) as connection:
        rows = connection.execute(
            "SELECT id, ref, image_name, completed_at, build_duration FROM docker_builds"
        )
        return {row[0]: tuple(row)[1:] for row in rows}
