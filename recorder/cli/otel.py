"""`buildrec otel`."""

import click

from recorder import page_links, times
from recorder.cli import progress
from recorder.cli.context import App
from recorder.exports import otel as exports
from recorder.selection import Selection


@click.command()
@click.option("--since", metavar="TIME",
              help="Builds that finished then or later, sent before or not.")  # fmt: skip
@click.option("--endpoint", metavar="URL", envvar="BUILDREC_OTEL_ENDPOINT",
              help="The collector.  [default: $OTEL_EXPORTER_OTLP_ENDPOINT, or "
              "http://localhost:4318]")  # fmt: skip
@click.option("--url", "pages", metavar="URL", help="Link to the publication there.")
@click.option("--format", "style", type=click.Choice(["json"]),
              help="Print what would be sent, a request a line.")  # fmt: skip
@click.option("--timezone", help="Zone of a TIME that names none.  [default: Asia/Singapore]")
@click.pass_obj
def otel(
    app: App,
    since: str | None,
    endpoint: str | None,
    pages: str | None,
    style: str | None,
    timezone: str | None,
) -> None:
    """Send builds to an OpenTelemetry collector: a trace each, with their steps as spans.

    Those that were not sent yet, in the order in which they came in. A build that is sent twice is
    the same trace. Goes over OTLP/HTTP, and takes the environment variables OTEL_EXPORTER_OTLP_*
    (headers, certificates, time limit) and OTEL_RESOURCE_ATTRIBUTES.
    """
    zone = times.zone_name(timezone)
    selection = Selection(since=times.parse(since, zone) if since else None)
    wish = exports.Wish(selection, endpoint, page_links.checked(pages) if pages else None)
    if style == "json":
        for line in exports.lines(app.database, wish):
            click.echo(line)
        return
    count = exports.send(app.database, wish, progress.counter("sending"))
    click.echo(f"sent {count} {'build' if count == 1 else 'builds'}", err=True)
