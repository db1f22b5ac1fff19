"""`buildrec import` and `buildrec export`."""

from pathlib import Path

import click

from recorder import older_tools, times
from recorder.cli.context import App
from recorder.exports import build_times
from recorder.imports import files

_SHOWN_REJECTIONS = 10


@click.command(name="import")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...",
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--timezone", help="Zone of times that name none.  [default: Asia/Singapore]")
@click.pass_obj
def import_(app: App, paths: tuple[Path, ...], timezone: str | None) -> None:
    """Take in FILEs of other tools: `.dockerbuild` bundles, and what older tools wrote.

    A bundle (Docker Desktop, CI summaries, `docker buildx history export`) holds one or many builds
    with their steps. Of older tools, JSON in any form and SQLite databases come in. The files are
    not touched, and taking one in again adds nothing.
    """
    zone = times.zone_name(timezone)
    for path in paths:
        tell(files.take_in(app.database, path, zone))


@click.command()
@click.argument("path", metavar="FILE", default=older_tools.FILE_NAME,
                type=click.Path(dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--layout", type=click.Choice(older_tools.LAYOUTS), default="averages",
              show_default=True, help="Which of the older shapes.")  # fmt: skip
@click.pass_obj
def export(app: App, path: Path, layout: str) -> None:
    """Write the history to FILE as the JSON that older tools read."""
    count = build_times.export(app.database, path, layout)
    click.echo(f"wrote {count} builds to {path}", err=True)


def tell(report: files.Report) -> None:
    """Say on stderr what became of a file that was taken in."""
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
