"""`buildrec build` and `buildrec run` as click sees them: their help, and what usage is wrong.

Right usage seldom comes this way: `recorder.cli.main` starts the child before click is loaded.
"""

import click

from recorder.capture import wrap
from recorder.capture.command import Plan
from recorder.cli.context import App

_PASSED_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command(context_settings=_PASSED_ON, options_metavar="[OUR OPTIONS]", no_args_is_help=True)
@click.argument("arguments", nargs=-1, required=True, metavar="ARGUMENTS...")
@click.option("--image-name", help="Record under this name.  [default: by the first tag]")
@click.option("--timezone", help="Zone to record in.  [default: Asia/Singapore]")
@click.option("--db", metavar="PATH", help="The database file.")
@click.pass_obj
def build(
    app: App,
    arguments: tuple[str, ...],
    image_name: str | None,
    timezone: str | None,
    db: str | None,
) -> int:
    """Run `docker buildx build ARGUMENTS...` and record it.

    The build keeps its terminal, its input, its output, its signals and its exit code, so that
    `alias docker-build='buildrec build'` changes nothing but the record. All that
    `docker buildx build --help` lists is passed on as it is.
    """
    return wrap.build(arguments, Plan("build", db or app.asked_database, timezone, image_name))


@click.command(
    context_settings={"allow_interspersed_args": False},
    options_metavar="[OUR OPTIONS]",
    no_args_is_help=True,
)
@click.argument("command", nargs=-1, required=True, metavar="[--] COMMAND...")
@click.option("--timezone", help="Zone to record in.  [default: Asia/Singapore]")
@click.option("--db", metavar="PATH", help="The database file.")
@click.pass_obj
def run(app: App, command: tuple[str, ...], timezone: str | None, db: str | None) -> int:
    """Run COMMAND and record every build that it runs: bake, compose, make, a script.

    For instance `buildrec run -- docker buildx bake` or `buildrec run -- make images`. The command
    keeps its terminal, its input, its output, its signals and its exit code.
    """
    return wrap.run(command, Plan("run", db or app.asked_database, timezone))
