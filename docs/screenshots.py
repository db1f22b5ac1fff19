"""Makes docs/screenshots/*.png, the pages of the publication in a real browser.

The history behind them is the one that travels with the package: real builds, recorded within
minutes by record_demo.py and record_images.py, which are moved apart here to fill a month of 2025.
Beside them stand two runs of benchmarks on this machine. Needs a Chromium, playwright, Pillow and
the extra `bench`; takes about a minute.

usage: python docs/screenshots.py [CHROMIUM]
"""

import io
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from recorder import database, demo_history, live, store, times
from recorder.model import Build

FOLDER = Path(__file__).parent / "screenshots"
HISTORY = "/docker_build_history"
IMAGE = "storefront"
LATEST = datetime(2025, 7, 18, 9, 30, tzinfo=UTC)
GAP = timedelta(hours=15)
TALLEST = 1400
FLAGS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars")


class Shot(NamedTuple):
    """One picture: its file, the page, and how it is looked at."""

    name: str
    target: str
    width: int = 1280
    scheme: str = "light"


def main() -> None:
    chromium = sys.argv[1] if len(sys.argv) > 1 else "/usr/bin/chromium"
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, database.FILE_NAME)
        builds = side_by_side(demo_history.builds())
        record(path, builds)
        measure(path)
        shots = list(wanted(path))
        with served(path) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            for shot in shots:
                with database.connect(path) as connection:
                    live.publish(connection, running(builds), "screenshots")
                take(browser, url, shot)
            browser.close()
    for old in set(FOLDER.glob("*.png")) - {file(shot) for shot in shots}:
        old.unlink()
    sizes = [file(shot).stat().st_size for shot in shots]
    print(f"{len(sizes)} pictures, {sum(sizes) / 1e6:.2f} MB")


def side_by_side(builds: list[Build]) -> list[Build]:
    """The builds of two projects, recorded one after the other, as if both went on at once."""
    projects: dict[bool, list[Build]] = {True: [], False: []}
    for build in builds:
        projects[build.image_name.partition(":")[0] == "buildrec"].append(build)
    placed = [
        ((number + 0.5) / len(project), number, build)
        for project in projects.values()
        for number, build in enumerate(project)
    ]
    return [build for *_, build in sorted(placed, key=lambda found: found[:2])]


def measure(path: Path) -> None:
    """Run some benchmarks twice."""
    for _ in range(2):
        command = [sys.executable, "-m", "recorder", "--db", str(path), "bench", "run", "--quick"]
        subprocess.run([*command, "search", "security"], check=True, stdout=subprocess.DEVNULL)


def record(path: Path, builds: list[Build]) -> None:
    """Store the builds, the last at LATEST and about GAP between them."""
    chance = random.Random(1)  # the same gaps each time
    completed, moved = LATEST, []
    for build in reversed(builds):
        assert build.started_at
        started = build.started_at + (completed - build.completed_at)
        moved.append(replace(build, completed_at=completed, started_at=started))
        completed -= GAP * chance.uniform(0.3, 1.7)
    with database.connect(path) as connection:
        store.record_all(connection, reversed(moved), b"screenshots", judged=True)


def running(builds: list[Build]) -> Iterator[live.LiveBuild]:
    """Two of the builds as they were halfway."""
    for name in (IMAGE, "report-worker"):
        build = next(b for b in reversed(builds) if b.image_name == name and b.success)
        half = build.build_duration / 2
        begun = [step for step in build.steps if (step.started or 0) <= half]
        last = max(begun, key=lambda step: (step.duration or 0, step.position))
        yield live.LiveBuild(
            ref=f"running {name}",
            image_name=name,
            builder=build.builder or "default",
            started_at=times.utc_text(times.now() - timedelta(seconds=half)),
            steps=len(build.steps),
            completed_steps=len(begun) - 1,
            cached_steps=sum(step.cached for step in begun),
            current_step=last.name,
            usual_duration=build.build_duration,
        )


def wanted(path: Path) -> Iterator[Shot]:
    """The pictures, light on a desk, dark, and on a phone."""
    with closing(sqlite3.connect(path)) as connection:
        # The cold builds have the most to show.
        query = "SELECT max(id) FROM docker_builds WHERE image_name = ? AND {}"
        build = connection.execute(query.format("cache_class = 'cold'"), (IMAGE,)).fetchone()[0]
        failed = connection.execute(query.format("status = 'failed'"), ("api:dev",)).fetchone()[0]
        (slower,) = connection.execute(
            "SELECT first_build_id FROM alerts WHERE image_name = ? AND direction = 'worse'",
            (IMAGE,),
        ).fetchone()
        (step,) = connection.execute(
            "SELECT step_key FROM steps WHERE build_id = ? AND kind = 'run' "
            "ORDER BY duration DESC LIMIT 1", (build,),
        ).fetchone()  # fmt: skip
    pages = {
        "overview": "/",
        "image": f"{HISTORY}/image?{urlencode({'image_name': IMAGE})}",
        "build": f"{HISTORY}/docker_builds/{build}",
        "failed-build": f"{HISTORY}/docker_builds/{failed}",
        "why": f"{HISTORY}/why?build={slower}",
        "what-if": f"{HISTORY}/what_if?{urlencode({'image_name': IMAGE})}",
        "benchmarks": f"{HISTORY}/benchmark_results",
        "step": f"{HISTORY}/step?{urlencode({'step_key': step})}",
        "live": f"{HISTORY}/live",
        "query": f"{HISTORY}/slowest_steps",
        "data": HISTORY,
    }
    for name, target in pages.items():
        yield Shot(name, target)
    for name in ("overview", "build"):
        yield Shot(f"{name}-dark", pages[name], scheme="dark")
    for name in ("overview", "image", "build"):
        yield Shot(f"{name}-phone", pages[name], width=390)


def take(browser: Browser, url: str, shot: Shot) -> None:
    context = browser.new_context(
        viewport={"width": shot.width, "height": 900},
        color_scheme=shot.scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto(url + shot.target, wait_until="load")
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    cut = picture.convert("RGB").crop((0, 0, picture.width, min(picture.height, TALLEST)))
    with_palette(cut).save(file(shot), optimize=True)
    context.close()


def with_palette(picture: Image.Image) -> Image.Image:
    """The picture in its 256 most frequent colours, so that every plain area keeps its own."""
    counted: Any = picture.getcolors(picture.width * picture.height)
    frequent = sorted(counted, key=lambda entry: -entry[0])[:256]
    palette = Image.new("P", (1, 1))
    palette.putpalette(b"".join(bytes(colour) for _, colour in frequent))
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def file(shot: Shot) -> Path:
    """Where the picture goes."""
    return FOLDER / f"{shot.name}.png"


@contextmanager
def served(path: Path) -> Iterator[str]:
    """The URL of a `buildrec serve` of the history."""
    command = [sys.executable, "-m", "recorder", "--db", str(path), "serve", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        told = re.search(r"http://\S+(?=/)", process.stderr.readline())
        assert told, process.stderr.read()
        yield told[0]
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
