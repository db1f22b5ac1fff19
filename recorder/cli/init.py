"""`buildrec init`."""

import shutil
from pathlib import Path

import click

from recorder import database, older_tools, store, times
from recorder.cli.context import App
from recorder.cli.files import take_in
from recorder.errors import ImportFailedError
from recorder.exports import build_times
from recorder.imports import older_project


@click.command()
@click.option("--timezone", help="Zone of older times that name none.  [default: Asia/Singapore]")
@click.pass_obj
def init(app: App, timezone: str | None) -> None:
    """Make the database, take in what an older tracker left here, and check that it all works.

    Its JSON files and databases are looked for in this folder, and in all of src/ and data/. They
    stay as they are, but for docker_build_times.json: that is kept as docker_build_times.older.json
    and written anew with the whole history, for tools that read it. An older
    docker_build_history.db in the place of ours is renamed.
    """
    path, here = app.database, Path()
    kept = older_project.set_aside(path)
    if kept:
        click.echo(f"kept the older {path.name} as {kept.name}", err=True)
    existed = path.is_file()
    found = older_project.find(here, path)
    with database.connect(path) as connection:
        click.echo(f"{'found' if existed else 'made'} {path}", err=True)
        for older in [*([kept] if kept else []), *found]:
            _take_in(path, older, times.zone_name(timezone))
        store.rehearse(connection)
        click.echo("checked it with a sample build, which leaves no trace", err=True)
    documents = [older for older in found if older.name == older_tools.FILE_NAME]
    for document in documents or [here / older_tools.FILE_NAME]:
        count = build_times.export(path, document)
        click.echo(f"wrote {count} builds to {document} for older tools", err=True)
    click.echo("next: `buildrec build -t my-app .`, then `buildrec serve`", err=True)


def _take_in(path: Path, older: Path, zone: str) -> None:
    """Take one file in; one that cannot be read is told of, and keeps the others from nothing."""
    try:
        take_in(path, older, zone)
    except ImportFailedError as error:
        click.echo(f"{error}", err=True)
    if older.name == older_tools.FILE_NAME:
        kept = older.with_name("docker_build_times.older.json")
        if not kept.exists():
            shutil.copy2(older, kept)
