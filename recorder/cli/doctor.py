"""`buildrec doctor`."""

import asyncio
import sqlite3

import click

from recorder import __version__
from recorder.cli.context import App
from recorder.engine import history
from recorder.errors import RecorderError
from recorder.upkeep import doctor as upkeep
from recorder.upkeep.findings import Finding


@click.command()
@click.option("--secrets", is_flag=True, help="Look for secrets in every text, too.")
@click.option("--fix", is_flag=True, help="Mend what can be mended, then look again.")
@click.pass_obj
def doctor(app: App, secrets: bool, fix: bool) -> int:
    """Examine the database and what is around it; exit 1 when something is wrong.

    Each finding comes with its cure. --fix stores what waits in the spool, derives wrong statistics
    anew, deletes what belongs to nothing and, with --secrets, masks what should have been masked.
    """
    path = app.database
    click.echo(f"buildrec {__version__}, SQLite {sqlite3.sqlite_version}, {path}")
    click.echo(f"  engine: {_engine()}")
    if fix:
        upkeep.fix(path, secrets_too=secrets)
    wrong = 0
    for name, findings in upkeep.examine(path, secrets_too=secrets):
        wrong += len(findings)
        _tell(name, findings)
    return int(wrong > 0)


def _tell(name: str, findings: list[Finding]) -> None:
    if not findings:
        click.echo(f"  {name}: well")
    for finding in findings:
        click.echo(f"  {click.style(name, fg='red')}: {finding.problem}: {finding.cure}.")


def _engine() -> str:
    """A word on the engine; that there is none is no fault of the file."""
    try:
        return asyncio.run(_ask_engine())
    except RecorderError as error:
        return str(error)


async def _ask_engine() -> str:
    async with history.open_history() as engine:
        count = len(await engine.records())
    return f"the builder {engine.builder!r} answers, and holds {count} records"
