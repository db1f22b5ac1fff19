"""`buildrec watch`."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from recorder import times
from recorder.capture.assemble import Circumstances
from recorder.capture.watch import Ended, Watcher
from recorder.cli import notifying
from recorder.cli.context import App
from recorder.cli.screen import Screen
from recorder.live import LiveBuild


@click.command()
@click.option(
    "--builder",
    "builders",
    multiple=True,
    metavar="NAME",
    help="Which builder; may be given again.  [default: all that buildx knows]",
)
@click.option("--once", is_flag=True, help="Show what runs now, store what has ended, and exit.")
@click.option("--format", "style", type=click.Choice(["table", "nl"]),
              help="How to print.  [default: table at a terminal, nl in a pipe]")  # fmt: skip
@click.option("--timezone", help="Zone to record in.  [default: Asia/Singapore]")
@click.pass_obj
def watch(
    app: App, builders: tuple[str, ...], once: bool, style: str | None, timezone: str | None
) -> int:
    """Show builds live, whoever started them, and store each as it ends.

    It goes on until Ctrl-C, through a restart of the engine too. Builds that ended before it came
    are stored first. Regressions are told as by `buildrec alerts notify`, where addresses are set.
    """
    shared = Circumstances("watch", app.database, times.zone_name(timezone))
    table = (style or ("table" if sys.stdout.isatty() else "nl")) == "table"
    screen = Screen() if table else _Lines()
    audience = notifying.Telling(screen, app.database)
    watcher = Watcher(builders, shared, audience)
    well = True
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            well = asyncio.run(_until_told(watcher, once))
        if once:
            screen.show_once()
    finally:
        screen.close()
    return int(not well)


async def _until_told(watcher: Watcher, once: bool) -> bool:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    if once:
        return await watcher.look()
    await watcher.watch()
    return True


class _Lines:
    """One JSON object a line: a build that has begun, goes on or has ended."""

    def __init__(self) -> None:
        self._seen: dict[str, LiveBuild] = {}

    def caught_up(self, builder: str, new: int, known: int) -> None:
        """Print how many builds had ended before."""
        self._print({"event": "caught_up", "builder": builder, "new": new, "known": known})

    def waiting(self, builder: str, problem: str) -> None:
        """Print why a builder is not seen."""
        self._print({"event": "waiting", "builder": builder, "problem": problem})

    def changed(self, builds: Sequence[LiveBuild]) -> None:
        """Print the builds that are new or have moved since they were last printed."""
        for build in builds:
            if self._seen.get(build.ref) != build:
                values = {"elapsed": round(build.elapsed, 3), **asdict(build)}
                self._print({"event": "running", **values})
        self._seen = {build.ref: build for build in builds}

    def ended(self, ended: Ended) -> None:
        """Print a build that has ended."""
        build = ended.build
        self._print({
            "event": "ended",
            "ref": build.ref,
            "image_name": build.image_name,
            "builder": build.builder,
            "status": build.status,
            "build_duration": build.build_duration,
            "total_steps": build.total_steps,
            "cached_steps": build.cached_steps,
            "verdict": ended.verdict,
            "problem": ended.problem,
        })  # fmt: skip

    def show_once(self) -> None:
        """What runs has been printed."""

    def close(self) -> None:
        """Nothing is left to print."""

    @staticmethod
    def _print(values: dict[str, object]) -> None:
        click.echo(json.dumps(values, ensure_ascii=False))
        sys.stdout.flush()
