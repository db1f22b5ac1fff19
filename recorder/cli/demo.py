"""`buildrec demo`."""

import asyncio
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from recorder import database, demo_history, queries, store
from recorder.cli.context import App
from recorder.cli.history import emit_statistics
from recorder.engine import history
from recorder.errors import RecorderError

_FILE = "buildrec-demo.db"
_IMAGE = "buildrec-demo"
_DOCKERFILE = """\
FROM scratch AS assets
COPY pictures /srv/pictures
FROM scratch
COPY settings.txt /srv/
COPY --from=assets /srv/pictures /srv/pictures
LABEL org.opencontainers.image.title="buildrec demo"
"""


@click.command()
@click.pass_obj
def demo(app: App) -> None:
    """Try it: record real builds of a tiny image, or see a history recorded earlier.

    With a Docker engine a `FROM scratch` image is built cold, warm, and with one step changed.
    Without one, a history that was recorded from real builds is loaded. Either goes to
    buildrec-demo.db in this folder (or --db), and the statistics are shown.
    """
    path = database.find(app.asked_database or _FILE)
    try:
        asyncio.run(_find_engine())
        _build_three_times(path)
    except RecorderError as error:
        click.echo(f"No builds to record here: {error.problem.rstrip('.')}.", err=True)
        count = _load_recorded(path)
        click.echo(f"Loaded {count} builds that were recorded earlier instead.", err=True)
    with database.connect_to_read(path) as connection:
        emit_statistics(queries.image_statistics(connection), "table")
    click.echo(f"\nBrowse them:  buildrec --db {_shown(path)} serve")


async def _find_engine() -> None:
    """Raise a RecorderError unless an engine with a build history answers."""
    async with history.open_history() as engine:
        await engine.records()


def _build_three_times(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder, "context")
        (context / "pictures").mkdir(parents=True)
        (context / "Dockerfile").write_text(_DOCKERFILE)
        # Content that no cache has seen, so that the first build is cold.
        (context / "pictures" / "one.raw").write_bytes(secrets.token_bytes(2_000_000))
        for what, settings in (("cold", "one"), ("warm", "one"), ("with one step changed", "two")):
            unseen = f"{settings} {context}\n"
            (context / "settings.txt").write_text(unseen)
            click.echo(f"Building {_IMAGE} {what} ...", err=True)
            _build(path, context)
    subprocess.run(["docker", "image", "rm", "--force", _IMAGE], capture_output=True, check=False)


def _build(path: Path, context: Path) -> None:
    command = [
        sys.executable, "-m", "recorder", "--db", str(path),
        "build", "--quiet", "--tag", _IMAGE, str(context),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["without a word"])[-1]
        raise RecorderError(f"docker buildx failed: {reason}", "see that `docker buildx` works")


def _load_recorded(path: Path) -> int:
    """Store the history that travels with the package; gives how many builds it has."""
    builds = demo_history.builds()
    with database.connect(path) as connection:
        store.record_all(connection, builds, judged=True)
    return len(builds)


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
