"""`buildrec snapshot`."""

from pathlib import Path

import click

from recorder.cli.context import App
from recorder.errors import CannotWriteError
from recorder.exports import snapshot as exports


@click.command()
@click.argument("target", metavar="FILE")
@click.pass_obj
def snapshot(app: App, target: str) -> None:
    """Copy the database to FILE, consistent while others write it.

    The copy is one file without a write-ahead log, as small as can be. In a folder it is called
    docker_build_history.db: after `buildrec snapshot docker/` a Dockerfile's
    `COPY docker_build_history.db* ./` finds it. The path is printed.
    """
    if target.endswith("/") and not Path(target).is_dir():
        raise CannotWriteError(f"there is no folder {target}", "make it, or name a file")
    click.echo(exports.snapshot(app.database, Path(target)))
