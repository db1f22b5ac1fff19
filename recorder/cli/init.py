"""`buildrec init`."""

import shutil
from pathlib import Path

import click

from recorder import database, older_tools, store, times
from recorder.cli.context import App
from recorder.cli.files import tell
from recorder.exports import build_times
from recorder.imports import files


@click.command()
@click.option("--timezone", help="Zone of older times that name none.  [default: Asia/Singapore]")
@click.pass_obj
def init(app: App, timezone: str | None) -> None:
    """Make the database, take in what an older tool left here, and check that it all works.

    A docker_build_times.json in this folder is taken in and kept as docker_build_times.older.json;
    then the whole history is written to docker_build_times.json for older tools.
    """
    path = app.database
    existed = path.is_file()
    with database.connect(path) as connection:
        click.echo(f"{'found' if existed else 'made'} {path}", err=True)
        older = Path(older_tools.FILE_NAME)
        if older.is_file():
            tell(files.take_in(path, older, times.zone_name(timezone)))
            kept = older.with_name("docker_build_times.older.json")
            if not kept.exists():
                shutil.copy2(older, kept)
        store.rehearse(connection)
        click.echo("checked it with a sample build, which leaves no trace", err=True)
    count = build_times.export(path, older)
    click.echo(f"wrote {count} builds to {older} for older tools", err=True)
    click.echo("next: `buildrec build -t my-app .`, then `buildrec serve`", err=True)
