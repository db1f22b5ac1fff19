"""`buildrec bench`."""

import contextlib
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from recorder import benchmark_results, benchmarks, database, figures
from recorder.bench import comparison, discovery
from recorder.bench.registry import Suite
from recorder.benchmark_results import Result
from recorder.cli import output, quantities
from recorder.cli.context import App
from recorder.cli.output import Row

_INTERRUPTED = 130
_STRUCTURED = ("json", "nl")
_LAID_OUT = ("table", "markdown")

_format = click.option(
    "--format",
    "style",
    type=click.Choice([*output.FORMATS, "markdown"]),
    help="How to print. [default: table at a terminal, json in a pipe]",
)


@click.group()
def bench() -> None:
    """Run benchmarks, and keep what they measure beside the builds.

    Benchmarks come in suites: our own, those of installed packages (entry points of the group
    buildrec.benchmarks), and those of a Python file named with --file.
    """


_files = click.option("--file", "files", multiple=True, metavar="FILE.py",
                      type=click.Path(exists=True, dir_okay=False, path_type=Path),
                      help="A Python file with further suites.")  # fmt: skip


@bench.command(name="run")
@click.argument("names", nargs=-1, metavar="[SUITE[/NAME]]...")
@click.option("--quick/--full", default=None,
              help="Fewer values, in about a minute.  "
                   "[default: full; quick if BENCHMARK_MODE=1]")  # fmt: skip
@click.option("--concurrent", "copies", type=quantities.Whole(2), metavar="N",
              help="Run N copies at once: contention, never compared with solo.")  # fmt: skip
@_files
@_format
@click.pass_obj
def run_(
    app: App,
    names: tuple[str, ...],
    quick: bool | None,
    copies: int | None,
    files: tuple[Path, ...],
    style: str | None,
) -> int:
    """Run benchmarks, all by default, and store what each measured when it ends.

    Ctrl-C keeps what is done. A suite whose library is missing is skipped; what fails is told, and
    hinders no other, but the exit code is then 1.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _tell(discovery.find(files).problems)
    screen = _Screen()
    ran = benchmarks.run(
        *names,
        db_path=app.database,
        quick=quick,
        copies=copies or 1,
        files=files,
        begun=screen.begun,
        ended=screen.ended,
    )
    screen.clear()
    with database.connect_to_read(app.database) as connection:
        rows = benchmark_results.results(connection, ran.id)
    _emit_results(rows, style)
    kept = len(ran.results) - len(ran.failed)
    said = f"run {ran.id} is {ran.status}: {kept} of its benchmarks are stored"
    click.echo(said if ran.status == "interrupted" else f"run {ran.id} is stored", err=True)
    return _INTERRUPTED if ran.status == "interrupted" else int(bool(ran.failed))


@bench.command(name="list")
@_files
@_format
def list_(files: tuple[Path, ...], style: str | None) -> None:
    """List the benchmarks there are, and what those need that cannot run."""
    found = discovery.find(files)
    _tell(found.problems)
    rows = [row for name, suite in found.suites.items() for row in _listed(suite, found, name)]
    output.emit(
        rows,
        style,
        [
            ("benchmark", lambda row: f"{row['suite']}/{row['benchmark']}"),
            ("about", lambda row: str(row["about"])),
            ("state", lambda row: str(row["needs"] or "ready")),
        ],
        "There is no benchmark.",
    )


@bench.command()
@click.option("-n", "--limit", type=quantities.COUNT, default=20, show_default=True, metavar="N",
              help="How many runs.")  # fmt: skip
@_format
@click.pass_obj
def runs(app: App, limit: int, style: str | None) -> None:
    """List the latest runs, newest first."""
    with database.connect_to_read(app.database) as connection:
        rows = benchmark_results.runs(connection, limit)
    output.emit(
        [_plain(row, style) for row in rows],
        style,
        [
            ("run", lambda row: str(row["id"])),
            ("began (UTC)", lambda row: str(row["started_at"])[:19].replace("T", " ")),
            ("kind", _kind),
            ("status", lambda row: str(row["status"])),
            ("results", lambda row: str(row["results"])),
            ("commit", lambda row: str(row["git_commit"] or "—")[:12]),
            ("python", lambda row: str(row["python"])),
            ("cpu", lambda row: str(row["cpu"])),
        ],
        "No benchmark was run yet.",
    )


@bench.command()
@click.argument("run", default="latest")
@_format
@click.pass_obj
def show(app: App, run: str, style: str | None) -> None:
    """Show what a RUN measured: an id, `latest`, `previous`, or a commit."""
    with database.connect_to_read(app.database) as connection:
        found = benchmark_results.find(connection, run)
        rows = benchmark_results.results(connection, found["id"])
    _emit_results(rows, style)


@bench.command()
@click.argument("before", metavar="A")
@click.argument("now", metavar="B")
@_format
@click.pass_obj
def compare(app: App, before: str, now: str, style: str | None) -> None:
    """Compare run A with run B: ids, `previous`, `latest`, or commits.

    A change counts where Mann and Whitney's test finds it (p below 0.05) and it is 2 % or more.
    Quick runs compare with quick ones, and contention with as many copies.
    """
    with database.connect_to_read(app.database) as connection:
        one, other = (benchmark_results.find(connection, wanted) for wanted in (before, now))
        found = comparison.compare(
            one,
            other,
            benchmark_results.results(connection, one["id"]),
            benchmark_results.results(connection, other["id"]),
        )
    output.emit(
        [_plain(row, style) for row in found.rows],
        style,
        [
            ("benchmark", lambda row: f"{row['suite']}/{row['benchmark']}"),
            (f"run {one['id']}", lambda row: figures.precise(row["before"])),
            (f"run {other['id']}", lambda row: figures.precise(row["now"])),
            ("change", _change),
            ("p", lambda row: "" if row["p"] is None else f"{row['p']:.3f}"),
            ("verdict", lambda row: str(row["verdict"])),
            ("figures", lambda row: _words(row["figures"])),
        ],
        "Neither run measured anything.",
    )
    for doubt in found.doubts:
        click.echo(f"note: {output.safe(doubt)}", err=True)


class _Screen:
    """Says on stderr what runs; at a terminal in one line, else what ended, a line each."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def begun(self, number: int, total: int, name: str) -> None:
        """Say what runs."""
        if self._live:
            click.echo(f"\r\x1b[K[{number}/{total}] {name} ...", err=True, nl=False)

    def ended(self, result: Result) -> None:
        """Say what came of it."""
        self.clear()
        name = f"{result.suite}/{result.benchmark}"
        if result.status != "completed":
            reason = output.safe(result.reason or "")
            click.secho(f"{name} {result.status}: {reason}", err=True, fg="yellow")
        elif not self._live:
            spread = result.spread()
            click.echo(f"{name}: {figures.precise(spread['median'])}", err=True)

    def clear(self) -> None:
        """Take the line away again."""
        if self._live:
            click.echo("\r\x1b[K", err=True, nl=False)


def _emit_results(rows: list[Row], style: str | None) -> None:
    columns: list[tuple[str, Callable[[Row], str]]] = [
        ("benchmark", lambda row: f"{row['suite']}/{row['benchmark']}"),
        ("median", lambda row: figures.precise(row["median"])),
        ("± stdev", lambda row: figures.precise(row["stdev"])),
        ("n", lambda row: str(row["n"])),
        ("cpu", lambda row: figures.precise(row["cpu_seconds"])),
        ("peak", lambda row: figures.megabytes((row["peak_memory_bytes"] or 0) / 1e6)),
        ("figures", lambda row: _words(row["figures"])),
        ("", _remark),
    ]
    output.emit([_plain(row, style) for row in rows], style, columns, "Nothing was measured.")


def _remark(row: Row) -> str:
    if row["status"] != "completed":
        return f"{row['status']}: {row['reason']}"
    return "may be unstable" if row["unstable"] else ""


def _listed(suite: Suite, found: discovery.Found, name: str) -> list[Row]:
    missing = suite.missing()
    needs = f"{missing.module} is missing: {missing.cure}" if missing else None
    return [
        {
            "suite": suite.name,
            "benchmark": each.name,
            "about": each.about,
            "needs": needs,
            "source": found.sources[name],
        }
        for each in suite.benchmarks.values()
    ]


def _kind(row: Row) -> str:
    if row["kind"] == "measured":
        return "measured"
    kind = "quick" if row["quick"] else "full"
    return f"{kind}, {row['copies']} at once" if row["mode"] == "contention" else kind


def _change(row: Row) -> str:
    return "" if row["change"] is None else f"{row['change']:+.1%}"


def _words(found: Any) -> str:
    if not isinstance(found, dict):
        return ""
    return ", ".join(f"{name} {_value(value)}" for name, value in found.items())


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " → ".join(map(_value, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(row: Row, style: str | None) -> Row:
    """The row for a style: its JSON as values where it is laid out, as text in CSV and TSV."""
    style = style or output.default_style()
    if style in _LAID_OUT:
        return row
    if style in _STRUCTURED:
        found = dict(row)
        if row.get("versions"):
            with contextlib.suppress(ValueError, RecursionError):  # another tool may write there
                found["versions"] = json.loads(row["versions"])
        return found
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
        for name, value in row.items()
    }


def _tell(problems: list[str]) -> None:
    for problem in problems:
        click.echo(f"not loaded: {output.safe(problem)}", err=True)
