"""`buildrec watch`."""

import asyncio
import contextlib
import json
import shutil
import signal
import sys
from collections.abc import Iterable
from dataclasses import asdict

import click

from recorder import figures, times
from recorder.capture.assemble import Circumstances
from recorder.capture.watch import Ended, Watcher
from recorder.cli import output
from recorder.cli.context import App
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
) -> None:
    """Show builds live, whoever started them, and store each as it ends.

    It goes on until Ctrl-C, through a restart of the engine too.
    """
    shared = Circumstances("watch", app.database, times.zone_name(timezone))
    table = (style or ("table" if sys.stdout.isatty() else "nl")) == "table"
    screen = _Screen() if table else _Lines()
    watcher = Watcher(builders, shared, screen.ended, screen.changed)
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_until_told(watcher, once))
    screen.close()


async def _until_told(watcher: Watcher, once: bool) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await watcher.run(once=once)


class _Lines:
    """One JSON object a line: a build that has begun, goes on or has ended."""

    def __init__(self) -> None:
        self._seen: dict[str, LiveBuild] = {}

    def changed(self, builds: Iterable[LiveBuild]) -> None:
        """Print the builds that are new or have moved since they were last printed."""
        for build in builds:
            if self._seen.get(build.ref) != build:
                self._seen[build.ref] = build
                self._print({"event": "running", **asdict(build)})

    def ended(self, ended: Ended) -> None:
        """Print a build that has ended."""
        self._seen.pop(ended.build.ref or "", None)
        self._print({
            "event": "ended",
            "ref": ended.build.ref,
            "image_name": ended.build.image_name,
            "status": ended.build.status,
            "build_duration": ended.build.build_duration,
            "verdict": ended.verdict,
            "problem": ended.problem,
        })  # fmt: skip

    def close(self) -> None:
        """Nothing is left to print."""

    @staticmethod
    def _print(values: dict[str, object]) -> None:
        click.echo(json.dumps(values, ensure_ascii=False))
        sys.stdout.flush()


class _Screen:
    """A line for each build that ended, and below them those that run, drawn anew each second."""

    def __init__(self) -> None:
        self._drawn = 0
        self._builds: list[LiveBuild] = []

    def changed(self, builds: Iterable[LiveBuild]) -> None:
        """Draw what runs now."""
        self._builds = list(builds)
        self._draw()

    def ended(self, ended: Ended) -> None:
        """Print a line on a build that has ended, above what runs."""
        self._clear()
        moment = times.local_text(ended.build.completed_at, ended.build.zone)[11:19]
        line = f"{moment}  {output.safe(ended.build.image_name)}: {ended.verdict or ended.problem}"
        color = {"failed": "red", "canceled": "yellow"}.get(ended.build.status)
        click.echo(click.style(line, fg=color))
        self._builds = [build for build in self._builds if build.ref != ended.build.ref]
        self._draw()

    def close(self) -> None:
        """Leave the lines of the builds that ended."""
        if sys.stdout.isatty():
            self._clear()

    def _draw(self) -> None:
        self._clear()
        width = shutil.get_terminal_size((100, 24)).columns
        for build in self._builds:
            click.echo(_line(build)[: width - 1])
        if not self._builds and sys.stdout.isatty():
            click.echo(click.style("nothing runs; Ctrl-C ends the watch", dim=True))
        self._drawn = len(self._builds) or 1

    def _clear(self) -> None:
        if self._drawn and sys.stdout.isatty():
            click.echo(f"\x1b[{self._drawn}F\x1b[J", nl=False)
        self._drawn = 0


def _line(build: LiveBuild) -> str:
    elapsed = (times.now() - times.parse(build.started_at)).total_seconds()
    usual = f" of usually {figures.duration(build.usual_duration)}" if build.usual_duration else ""
    counts = f"{build.completed_steps} of {build.steps} steps, {build.cached_steps} cached"
    step = f"  {output.safe(build.current_step)}" if build.current_step else ""
    name = output.safe(build.image_name)
    return f"  {name}  {figures.duration(max(elapsed, 0.0))}{usual}  {counts}{step}"
