"""`buildrec serve`: browse the history with Datasette."""

import click

from recorder.cli.context import App


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    default=8001,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--root-path",
    default="/",
    metavar="PATH",
    help="Path under which a proxy shows it, such as /builds.",
)
@click.option("--immutable", is_flag=True, help="The file is a snapshot: nothing writes to it.")
@click.option("-o", "--open", "open_browser", is_flag=True, help="Open it in the web browser.")
@click.option("--cors", is_flag=True, help="Let pages of other sites read the JSON.")
@click.option("--debug", is_flag=True, help="Open Datasette's pages about the server itself.")
@click.pass_obj
def serve(
    app: App,
    *,
    host: str,
    port: int,
    root_path: str,
    immutable: bool,
    open_browser: bool,
    cors: bool,
    debug: bool,
) -> None:
    """Browse the history with Datasette.

    Serves the database read-only, with charts, JSON and CSV of every page, until Ctrl-C. New
    builds show at once. Only this machine is served unless --host says otherwise; anyone who can
    reach the address can read everything that is recorded.
    """
    from recorder.publish.serve import serve as publish

    publish(
        app.database,
        host=host,
        port=port,
        root_path=root_path,
        immutable=immutable,
        debug=debug,
        cors=cors,
        listening=_open if open_browser else None,
    )


def _open(url: str) -> None:
    click.launch(url)
