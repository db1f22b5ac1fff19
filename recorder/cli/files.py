"""`buildrec import` and `buildrec export`."""

from pathlib import Path

import click

from recorder import database, json_file, older_tools, times
from recorder.cli import progress
from recorder.cli.context import App
from recorder.exports import files as exports
from recorder.imports import files as imports
from recorder.imports.reading import silent
from recorder.selection import Selection

_SHOWN_REJECTIONS = 10


@click.command(name="import")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...",
                type=click.Path(exists=True, path_type=Path))  # fmt: skip
@click.option("--timezone", help="Zone of times that name none.  [default: Asia/Singapore]")
@click.option("--dry-run", is_flag=True, help="Say what would come in, and change nothing.")
@click.pass_obj
def import_(app: App, paths: tuple[Path, ...], timezone: str | None, dry_run: bool) -> None:
    """Take in FILEs of any form, which is told by their content.

    Another docker_build_history.db (a CI runner's, a colleague's, a container's); NDJSON, and CSV
    as a folder or a builds.csv, as `buildrec export` writes them; `.dockerbuild` bundles (Docker
    Desktop, CI summaries, `docker buildx history export`); JSON and SQLite files of older tools.

    A file comes in whole or not at all, and is not touched itself. Taking it in again adds nothing;
    what a known build lacks is filled in. Each row that is not understood is told.
    """
    zone = times.zone_name(timezone)
    if not dry_run:
        for path in paths:
            take_in(app.database, path, zone)
        with database.connect(app.database) as connection:
            json_file.ask(connection)
        return
    with imports.rehearsal(app.database) as copy:
        for path in paths:
            take_in(copy, path, zone)
    click.echo("nothing was changed: this was a rehearsal", err=True)


@click.command()
@click.argument("target", metavar="FILE", default=older_tools.FILE_NAME)
@click.option("--format", "style", type=click.Choice(exports.FORMATS),
              help="What to write.  [default: as FILE's name tells]")  # fmt: skip
@click.option("--layout", type=click.Choice(older_tools.LAYOUTS), default="averages",
              show_default=True, help="Which of the older shapes, of JSON.")  # fmt: skip
@click.option("--image", metavar="IMAGE_NAME", help="Builds of this image alone.")
@click.option("--since", metavar="TIME", help="Builds that finished then or later, ISO 8601.")
@click.option("--until", metavar="TIME", help="Builds that finished before.")
@click.option("--timezone", help="Zone of TIMEs that name none.  [default: Asia/Singapore]")
@click.option("--partition", type=click.Choice(["month"]), help="Part Parquet into folders.")
@click.option("--when-quiet", is_flag=True, hidden=True)
@click.pass_obj
def export(
    app: App,
    target: str,
    style: str | None,
    layout: str,
    image: str | None,
    since: str | None,
    until: str | None,
    timezone: str | None,
    partition: str | None,
    when_quiet: bool,
) -> None:
    """Write the history to FILE: the JSON that older tools read, or as its name says.

    \b
    .json      docker_build_times.json in one of three layouts
    .csv       the builds; FOLDER/ all tables, a file each
    .xlsx      a workbook: builds, statistics, steps of the latest builds
    .parquet   the builds; FOLDER/ with --format parquet all tables
    .ndjson    a build a line, with its steps, warnings and layers
    .db        a SQLite file, as `buildrec snapshot` makes it

    FILE takes its place when it is whole. JSON, CSV and NDJSON also go to `-`, which is stdout.
    """  # noqa: D301 - click's mark of lines to keep
    zone = times.zone_name(timezone)
    selection = Selection(
        image,
        times.parse(since, zone) if since else None,
        times.parse(until, zone) if until else None,
    )
    wish = exports.Wish(style, layout, selection, partition == "month")
    if when_quiet:
        from recorder.exports import automatic

        automatic.export_when_quiet(app.database, Path(target), wish)
        return
    count = exports.export(app.database, Path(target), wish, progress.counter("writing"))
    click.echo(f"wrote {count} builds to {'stdout' if target == '-' else target}", err=True)


def take_in(target: Path, path: Path, zone: str) -> None:
    """Take a file in, and say on stderr what became of it."""
    show = progress.counter(f"reading {path.name}") or silent
    report = imports.take_in(target, path, zone, show)
    show(1, 1)
    parts = [f"{report.new} builds in", f"{report.known} known already"]
    if report.rejected:
        parts.append(f"{len(report.rejected)} rows not understood")
    click.echo(f"{report.name} ({report.form}): {', '.join(parts)}", err=True)
    for number, reason in report.rejected[:_SHOWN_REJECTIONS]:
        click.echo(f"  row {number}: {reason}", err=True)
    if len(report.rejected) > _SHOWN_REJECTIONS:
        click.echo(f"  and {len(report.rejected) - _SHOWN_REJECTIONS} more", err=True)
    for remark in report.remarks:
        click.echo(f"  {remark}", err=True)
