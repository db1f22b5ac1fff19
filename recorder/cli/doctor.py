"""`buildrec doctor`."""

import asyncio
from pathlib import Path

import click

from recorder.cli.context import App
from recorder.engine import history
from recorder.errors import RecorderError
from recorder.upkeep import doctor as upkeep
from recorder.upkeep import salvage as saving
from recorder.upkeep import versions
from recorder.upkeep.findings import Finding


@click.command()
@click.option("--secrets", is_flag=True, help="Look for secrets in every text, too.")
@click.option("--fix", is_flag=True, help="Mend what can be mended, then look again.")
@click.option("--salvage", metavar="FILE", type=click.Path(path_type=Path),
              help="Save what can be read of a damaged database in a new FILE.")  # fmt: skip
@click.pass_obj
def doctor(app: App, secrets: bool, fix: bool, salvage: Path | None) -> int:
    """Examine the database and what is around it; exit 1 when something is wrong.

    Each finding comes with its cure. --fix stores what waits in the spool, derives wrong statistics
    anew, makes damaged indexes anew, deletes what belongs to nothing and, with --secrets, masks
    what should have been masked.
    """
    path = app.database
    if salvage:
        _salvage(path, salvage)
        return 0
    click.echo(path)
    click.echo(f"  versions: {', '.join(f'{k} {v}' for k, v in versions.found(path).items())}")
    click.echo(f"  engine: {_engine()}")
    if fix:
        upkeep.fix(path, secrets_too=secrets)
    wrong = 0
    for name, findings in upkeep.examine(path, secrets_too=secrets):
        wrong += sum(not finding.warning for finding in findings)
        _tell(name, findings)
    return int(wrong > 0)


def _salvage(path: Path, target: Path) -> None:
    done = saving.salvage(path, target)
    click.echo(f"{done.builds} builds are saved in {target}", err=True)
    if done.partly:
        click.echo(f"and of {done.partly} more their images, times and outcomes", err=True)
    click.echo(f"look at it, then run `buildrec --db {path} restore {target}`", err=True)


def _tell(name: str, findings: list[Finding]) -> None:
    if not findings:
        click.echo(f"  {name}: well")
    for finding in findings:
        title = click.style(name, fg="yellow" if finding.warning else "red")
        click.echo(f"  {title}: {finding.problem}: {finding.cure}.")


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
