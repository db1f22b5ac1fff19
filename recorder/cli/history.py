"""`buildrec history` and `buildrec stats`."""

from typing import Any

import click

from recorder import database, figures, queries, times
from recorder.cli import output, quantities
from recorder.cli.context import App
from recorder.cli.output import Row

_STATUS = {"completed": "ok", "failed": "FAILED", "canceled": "canceled"}


@click.command()
@click.argument("image_name", required=False)
@click.option("-n", "--limit", type=quantities.COUNT, default=20, show_default=True, metavar="N",
              help="How many builds.")  # fmt: skip
@click.option("--timezone", help="Show times in this zone.  [default: each build's own]")
@output.format_option
@click.pass_obj
def history(
    app: App, image_name: str | None, limit: int, timezone: str | None, style: str | None
) -> None:
    """List the latest builds, newest first, of all images or of IMAGE_NAME."""
    with database.connect_to_read(app.database) as connection:
        rows = queries.recent_builds(connection, image_name, limit)
    output.emit(
        [in_zone(row, timezone) for row in rows],
        style,
        [
            ("id", lambda row: str(row["id"])),
            ("finished", lambda row: figures.clock_time(row["build_timestamp"])),
            ("image", lambda row: str(row["image_name"])),
            ("duration", lambda row: figures.duration(row["build_duration"])),
            ("size", lambda row: figures.megabytes(row["image_size_mb"])),
            ("cached", lambda row: figures.percent(row["cache_ratio"])),
            ("status", lambda row: str(_STATUS.get(row["status"], row["status"]))),
        ],
        f"No build of {image_name} yet." if image_name else "No build yet.",
    )


@click.command()
@click.option("--timezone", help="Show times in this zone.  [default: each image's latest]")
@output.format_option
@click.pass_obj
def stats(app: App, timezone: str | None, style: str | None) -> None:
    """Show averages and totals by image, the most built first."""
    with database.connect_to_read(app.database) as connection:
        rows = queries.image_statistics(connection)
    emit_statistics([in_zone(row, timezone, "last_build_timestamp") for row in rows], style)


def emit_statistics(rows: list[Row], style: str | None) -> None:
    """Print the statistics by image."""
    output.emit(
        rows,
        style,
        [
            ("image", lambda row: str(row["image_name"])),
            ("builds", lambda row: str(row["total_builds"])),
            ("failed", lambda row: str(row["failed_builds"])),
            ("average", lambda row: figures.duration(row["avg_duration"])),
            ("median", lambda row: figures.duration(row["median_duration"])),
            ("p95", lambda row: figures.duration(row["p95_duration"])),
            ("last", lambda row: figures.duration(row["last_duration"])),
            ("size", lambda row: figures.megabytes(row["last_size_mb"])),
            ("cached", lambda row: figures.percent(row["avg_cache_ratio"])),
            ("last build", lambda row: figures.clock_time(row["last_build_timestamp"])),
        ],
        "No build yet.",
    )


def in_zone(row: Row, zone: str | None, column: str = "build_timestamp") -> dict[str, Any]:
    """The row with its time converted to `zone`, and the zone's name beside it."""
    if not zone or not row[column]:
        return row
    name = times.zone_name(zone)
    moment = times.parse(row[column], row["timezone"])
    return {**row, column: times.local_text(moment, name), "timezone": name}
