"""The `buildrec` group: global options, commands loaded on use, errors as one sentence."""

import errno
import importlib
import keyword
import logging
import sys
import threading
from typing import Any, NoReturn

import click

from recorder import __version__
from recorder.cli.context import App, be_verbose
from recorder.errors import RecorderError

# One module a family; the short help is here, so that `buildrec --help` imports none of them.
COMMANDS = {
    "init": ("recorder.cli.init", "Make the database and check it."),
    "build": ("recorder.cli.build", "Run `docker buildx build` and record it."),
    "run": ("recorder.cli.build", "Run any command that builds and record its builds."),
    "record": ("recorder.cli.record", "Record a build that was measured elsewhere."),
    "sync": ("recorder.cli.sync", "Store every build that the builders still hold."),
    "watch": ("recorder.cli.watch", "Show builds live, and store each as it ends."),
    "hook": ("recorder.cli.hook", "Let the Docker CLI call us after every build."),
    "history": ("recorder.cli.history", "List the latest builds."),
    "stats": ("recorder.cli.history", "Show averages and totals by image."),
    "show": ("recorder.cli.show", "Show one build, step by step."),
    "why": ("recorder.cli.why", "Say why a build took what it took."),
    "diff": ("recorder.cli.diff", "Compare two builds, step by step."),
    "what-if": ("recorder.cli.what_if", "List what would save most, in minutes a week."),
    "check": ("recorder.cli.check", "Judge the history; exit 3 when it got worse."),
    "alerts": ("recorder.cli.alerts", "List alerts, acknowledge and resolve them."),
    "backup": ("recorder.cli.backup", "Copy the database while others write it."),
    "restore": ("recorder.cli.backup", "Put a backup in the place of the database."),
    "prune": ("recorder.cli.prune", "Remove old builds, and keep their trends."),
    "doctor": ("recorder.cli.doctor", "Examine the database, and mend it."),
    "import": ("recorder.cli.files", "Take in histories, exports and files of older tools."),
    "export": ("recorder.cli.files", "Write JSON, CSV, Excel, Parquet, NDJSON or SQLite."),
    "snapshot": ("recorder.cli.snapshot", "Copy the database into one file."),
    "report": ("recorder.cli.report", "Report on builds for a reviewer, in Markdown."),
    "otel": ("recorder.cli.otel", "Send builds to an OpenTelemetry collector."),
    "serve": ("recorder.cli.serve", "Browse the history with Datasette."),
    "bench": ("recorder.cli.bench", "Run benchmarks, and keep what they measure."),
    "demo": ("recorder.cli.demo", "Try it: record real builds, or see a recorded history."),
}


class LazyGroup(click.Group):
    """A group that imports the module of a command only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name.replace("-", "_")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--db",
    metavar="PATH",
    help="The database file. [default: $BUILDREC_DB, or the nearest docker_build_history.db]",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell on stderr what happens.")
@click.version_option(__version__, prog_name="buildrec")
@click.pass_context
def buildrec(context: click.Context, db: str | None, verbose: bool) -> None:
    """A flight recorder for Docker builds: every build, step by step, in one SQLite file."""
    if verbose:
        be_verbose()
    context.obj = App(db, verbose)


def run(arguments: list[str]) -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage, or as the command says."""
    code = _exit_code(arguments)
    if threading.active_count() > 1:
        # Of a library, which waits for a service; its pool would have us wait, too.
        from recorder.capture import child

        child.leave(code)
    sys.exit(code)


def _exit_code(arguments: list[str]) -> int:  # noqa: PLR0911 - one for each way to end
    try:
        result: Any = buildrec.main(arguments, prog_name="buildrec", standalone_mode=False)
    except RecorderError as error:
        if logging.getLogger("recorder").isEnabledFor(logging.DEBUG):
            logging.getLogger("recorder.cli").exception("the command failed")
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except BrokenPipeError:
        from recorder.cli import output

        output.to_nobody()
        return 0
    except Exception as error:
        logging.getLogger("recorder.cli").debug("a bug", exc_info=True)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            from recorder.cli import output

            output.let_go_of_the_rest()
            click.echo(f"error: no room is left to write ({error.strerror}): make some.", err=True)
            return 1
        problem = f"an unexpected {type(error).__name__}: {error}"
        click.echo(f"error: {problem}: run again with -v and report what it shows.", err=True)
        return 1
    return result if isinstance(result, int) else 0
