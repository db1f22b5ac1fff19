"""`buildrec prune`."""

from datetime import timedelta

import click

from recorder import figures
from recorder.cli import output, progress, quantities
from recorder.cli.context import App
from recorder.upkeep import prune as upkeep

_COLUMNS: list[output.Column] = [
    ("image", lambda row: str(row["image_name"])),
    ("builds", lambda row: f"{row['builds']:,}"),
    ("from", lambda row: str(row["first"])[:10]),
    ("to", lambda row: str(row["last"])[:10]),
]


@click.command()
@click.option("--older-than", callback=quantities.age, metavar="AGE",
              help="Builds older than 90d, 12w or 2y.")  # fmt: skip
@click.option(
    "--keep", type=quantities.COUNT, metavar="N", help="All but the latest N builds of each image."
)
@click.option("--max-size", callback=quantities.size, metavar="SIZE",
              help="The oldest builds, until the file takes no more than 500MB.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@output.format_option
@click.pass_obj
def prune(
    app: App,
    older_than: timedelta | None,
    keep: int | None,
    max_size: int | None,
    dry_run: bool,
    style: str | None,
) -> None:
    """Remove old builds, and give the room back to the disk.

    What each image took on each day stays, so that the trends go on. The latest build of an image
    stays, too. Recorders go on meanwhile. Prints what went, by image.
    """
    rules = upkeep.Rules(older_than, keep, max_size)
    if dry_run:
        done = upkeep.plan(app.database, rules)
    else:
        done = upkeep.prune(app.database, rules, progress.counter("pruning"))
    names = ("image_name", "builds", "first", "last")
    rows = [{name: getattr(share, name) for name in names} for share in done.shares]
    output.emit(rows, style, _COLUMNS, "no build is to go")
    verb, about = ("would go", "about ") if dry_run else ("are gone", "")
    size = figures.megabytes(done.after / 1e6)
    if done.builds:
        was = figures.megabytes(done.before / 1e6)
        click.echo(f"{done.builds} builds {verb}; {was} becomes {about}{size}", err=True)
    if max_size is not None and done.after > max_size:
        click.echo(f"the latest build of each image stays, and takes {about}{size}", err=True)
