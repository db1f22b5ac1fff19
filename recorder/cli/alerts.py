"""`buildrec alerts list`, `ack`, `resolve` and `notify`."""

from pathlib import Path

import click

from recorder import database, times
from recorder.alert_tables import STATES
from recorder.alerts import listing, people
from recorder.alerts import notify as notifying
from recorder.alerts.settings import find
from recorder.cli import output, quantities
from recorder.cli.context import App
from recorder.errors import BadSettingsError, BadValueError


def _day(stamp: str, zone: str | None) -> str:
    """The day that an instant is on in this zone, or else in the zone that is recorded in."""
    try:
        return times.local_text(times.parse(stamp), zone or times.zone_name())[:10]
    except BadValueError:  # another program wrote the row
        return str(stamp)


_COLUMNS: list[output.Column] = [
    ("id", lambda row: str(row["id"])),
    ("since", lambda row: _day(row["first_at"], row["timezone"])),
    ("state", lambda row: str(row["state"])),
    ("what", lambda row: f"{row['metric']}, {row['direction']}"),
    ("alert", lambda row: str(row["sentence"])),
]
_ids = click.argument("ids", type=quantities.COUNT, nargs=-1, required=True, metavar="ID...")
_note = click.option("--note", metavar="TEXT", help="Why; kept with the alert.")


@click.group()
def alerts() -> None:
    """List alerts, and say what became of them."""


@alerts.command("list")
@click.argument("image_name", required=False)
@click.option("--state", "states", type=click.Choice(STATES), multiple=True,
              help="Only those in this state; may be repeated.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Also those resolved and withdrawn.")
@click.option("-n", "--limit", type=quantities.COUNT, default=100, show_default=True, metavar="N",
              help="How many alerts.")  # fmt: skip
@output.format_option
@click.pass_obj
def list_(
    app: App,
    image_name: str | None,
    states: tuple[str, ...],
    everything: bool,
    limit: int,
    style: str | None,
) -> None:
    """List the alerts that stand and those acknowledged, the latest change first."""
    wanted = states or (STATES if everything else STATES[:4])
    with database.connect_to_read(app.database) as connection:
        rows = listing.alerts(connection, image_name, wanted, limit)
    output.emit(rows, style, _COLUMNS, "no alert stands", wrap=True)


@alerts.command()
@_ids
@_note
@click.pass_obj
def ack(app: App, ids: tuple[int, ...], note: str | None) -> None:
    """Acknowledge alerts: their level is usual from then on, and fails no check."""
    with database.connect_to_change(app.database) as connection:
        done = people.acknowledge(connection, ids, note)
        others = people.others(connection, ids)
    click.echo(f"{done} acknowledged{_still(others)}", err=True)


@alerts.command()
@_ids
@_note
@click.pass_obj
def resolve(app: App, ids: tuple[int, ...], note: str | None) -> None:
    """Call alerts mended: builds are judged by what was usual before them."""
    with database.connect_to_change(app.database) as connection:
        done = people.resolve(connection, ids, note)
        others = people.others(connection, ids)
    click.echo(f"{done} resolved{_still(others)}", err=True)


def _still(others: list[int]) -> str:
    """That the same change has other alerts, as a slower step makes a slower build."""
    if not others:
        return ""
    listed = " ".join(map(str, others))
    what = "alert" if len(others) == 1 else "alerts"
    return f"; of the same change {what} {listed} still {'stands' if len(others) == 1 else 'stand'}"


@alerts.command()
@click.option("--to", "more", multiple=True, metavar="URL",
              help="To this address, too; may be repeated.")  # fmt: skip
@click.option("--url", "pages", metavar="URL", help="Link to the publication there.")
@click.pass_obj
def notify(app: App, more: tuple[str, ...], pages: str | None) -> None:
    """Send a message on each regression that has opened or ended since the last run.

    Alerts of one commit are one message, and none goes twice to the same address. Addresses are
    those of apprise, such as slack://, mailto:// or json://: `notify` in [tool.buildrec] of
    pyproject.toml or in buildrec.toml, and $BUILDREC_NOTIFY, separated by spaces.
    """
    addresses = notifying.addresses((*find(Path.cwd()).notify, *more))
    if not addresses:
        raise BadSettingsError(
            "no address is set to notify", "name one with --to, `notify` or BUILDREC_NOTIFY"
        )
    count = notifying.notify(app.database, addresses, notifying.pages(pages))
    click.echo(f"sent {count} {'message' if count == 1 else 'messages'}", err=True)
