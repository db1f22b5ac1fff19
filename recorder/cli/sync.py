"""`buildrec sync`."""

import sys

import click

from recorder import database, json_file, times
from recorder.capture import sync as capture
from recorder.capture.assemble import Circumstances
from recorder.cli.context import App


@click.command()
@click.option(
    "--builder",
    "builders",
    multiple=True,
    metavar="NAME",
    help="Which builder; may be given again.  [default: all that buildx knows]",
)
@click.option("--timezone", help="Zone to record in.  [default: Asia/Singapore]")
@click.pass_obj
def sync(app: App, builders: tuple[str, ...], timezone: str | None) -> int:
    """Store every build that the builders still hold, whoever started it.

    An engine forgets a build after two days, or when fifty came after it, so run this often: from
    cron, or as the last step of a CI run. Running it again adds nothing.
    """
    shared = Circumstances("sync", app.database, times.zone_name(timezone))
    progress = {"progress": _progress} if sys.stderr.isatty() else {}
    results = capture.sync(builders, shared, **progress)
    for result in results:
        if result.new or result.problem is None:
            click.echo(f"{result.builder}: {result.new} builds in, {result.known} known", err=True)
        if result.problem is not None:
            rest = "the rest is " if result.new else ""
            click.echo(f"{result.builder}: {rest}not read: {result.problem}", err=True)
    if any(result.new for result in results):
        with database.connect(app.database) as connection:
            json_file.ask(connection)
    return int(any(result.problem for result in results))


def _progress(builder: str, done: int, total: int) -> None:
    end = "\n" if done == total else ""
    click.echo(f"\r{builder}: {done} of {total}{end}", err=True, nl=False)
