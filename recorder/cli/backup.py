"""`buildrec backup` and `buildrec restore`."""

from pathlib import Path

import click

from recorder.cli import progress, quantities
from recorder.cli.context import App
from recorder.upkeep import backup as upkeep
from recorder.upkeep import restore as putting_back

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("target", metavar="[FILE]", required=False, type=_FILE)
@click.option(
    "--keep",
    type=quantities.COUNT,
    metavar="N",
    help="Of the backups in the folder keep the newest N.",
)
@click.pass_obj
def backup(app: App, target: Path | None, keep: int | None) -> None:
    """Copy the database while others write it, and check the copy.

    FILE is the copy, or a folder for copies named after the moment  [default: backups, beside the
    database]. A copy has its name only when it is sound; the path is printed. Put it back with
    `buildrec restore`.
    """
    done = upkeep.back_up(app.database, target, keep, progress.counter("copying"))
    click.echo(f"{done.builds} builds copied, and the copy checked", err=True)
    for file in done.removed:
        click.echo(f"removed {file}", err=True)
    click.echo(done.path)


@click.command()
@click.argument("source", metavar="FILE", type=_FILE)
@click.pass_obj
def restore(app: App, source: Path) -> None:
    """Put the backup FILE in the place of the database.

    FILE is checked first. What the database holds is kept in a file of its own. The database stays
    the same file, so that a server and running recorders go on with it.
    """
    path = app.database
    done = putting_back.restore(path, source, progress=progress.counter("restoring"))
    click.echo(f"{path} holds the {done.builds} builds of {source}", err=True)
    if done.waiting:
        click.echo(f"{done.waiting} more came in from the spool", err=True)
    if done.kept:
        builds = "what was there" if done.kept_builds is None else f"the {done.kept_builds} builds"
        click.echo(f"{builds} before are kept in {done.kept}", err=True)
        if done.kept_builds:
            click.echo("(`buildrec import` that file for what the backup lacks)", err=True)
    if done.moved:
        click.echo("restart what serves the database: it had to become a new file", err=True)
