"""`buildrec hook`."""

import click

from recorder.capture import hook as capture
from recorder.cli.context import App


@click.group()
def hook() -> None:
    """Let the Docker CLI call buildrec after every build typed at a terminal."""


@hook.command()
@click.pass_obj
def install(app: App) -> None:
    """Install the hook; the CLI then shows a line on each build under "What's next".

    Builds go into the database that is used here and now, whatever folder they are typed in:
    name it with --db. BUILDREC_DB still wins over it.
    """
    click.echo(f"installed {capture.install(app.database)}", err=True)
    click.echo(f"builds go into {app.database}", err=True)


@hook.command()
def uninstall() -> None:
    """Take the hook away again, and leave the CLI's config as it was."""
    click.echo("uninstalled" if capture.uninstall() else "it was not installed", err=True)


@hook.command()
def status() -> int:
    """Say whether the hook is installed; exit 1 when it is not."""
    there = capture.is_installed()
    click.echo("installed" if there else "not installed: `buildrec hook install` does it")
    return int(not there)
