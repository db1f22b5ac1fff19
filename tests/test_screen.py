"""What `buildrec watch` draws: a line on each build that runs, that fits the terminal."""

import os
from typing import Any

import click
import pytest

from recorder import times
from recorder.cli import screen
from recorder.live import LiveBuild


def live(name: str = "web", **values: Any) -> LiveBuild:
    given = {"builder": "default", "started_at": times.utc_text(times.now()), "steps": 11}
    return LiveBuild(ref=name, image_name=name, **{**given, **values})


def test_a_line_has_time_usual_time_steps_and_cache() -> None:
    (line,) = screen.table(
        [live(completed_steps=7, cached_steps=4, usual_duration=9.8, current_step="RUN make")], 100
    )
    for part in ("web", "usual 9.8 s", "7/11 steps", "4 cached", "RUN make"):
        assert part in line


@pytest.mark.parametrize("width", [10, 20, 31, 40, 60, 79, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    builds = [
        live("w" * 90, usual_duration=1.0, current_step="RUN " + "x" * 300),
        live("図書館の画像" * 9, current_step="RUN echo 日本語" * 9),
        live("nasty\x1b[2J\nname", current_step="\x1b]0;title\x07"),
    ]
    for line in screen.table(builds, width):
        plain = click.unstyle(line)
        assert "\n" not in plain
        assert screen._width(plain) <= width
        assert "\x1b" not in plain


def test_columns_stand_below_one_another() -> None:
    one, two = screen.table([live("a", steps=5), live("longer", steps=123)], 100)
    assert one.index(" steps") == two.index(" steps")


def test_more_builds_than_rows_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((80, 10)))
    drawn = screen.Screen()
    drawn._builds = [live(str(number)) for number in range(30)]
    lines = click.unstyle(drawn._frame()).splitlines()
    assert len([line for line in lines if line.strip()]) == 8
    assert "and 23 more" in lines[7]
