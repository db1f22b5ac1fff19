"""`buildrec diff`: two builds side by side."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import click

from recorder import database, figures, schema
from recorder.cli import explained, output
from recorder.cli.context import App
from recorder.errors import DatabaseMissingError, NotADatabaseError
from recorder.explain import difference, markdown, rows
from recorder.explain.difference import Difference
from recorder.imports import scratch, untouched


@click.command()
@click.argument("a", required=False)
@click.argument("b", required=False)
@click.option("--db2", metavar="PATH", type=click.Path(path_type=Path),
              help="The database that B is in; it is only read.")  # fmt: skip
@explained.format_option
@click.pass_obj
def diff(app: App, a: str | None, b: str | None, db2: Path | None, style: str | None) -> None:
    """Compare build B with build A: steps, layers, instructions, arguments, bases, warnings.

    Each is an id, the beginning of a ref, or an image's name for its latest build. Without B it is
    the latest build of all; without A, the latest before B of its image that completed.
    """
    with ExitStack() as stack:
        connection = stack.enter_context(database.connect_to_read(app.database))
        other = stack.enter_context(_other(db2)) if db2 else None
        found = difference.difference(connection, a, b, other)
    style = style or output.default_style()
    if style == "json":
        output.emit_json(rows.of_difference(found))
    elif style == "markdown":
        click.echo(markdown.of_difference(found), nl=False)
    else:
        click.echo("\n".join(_lines(found)))


@contextmanager
def _other(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to another history, which is not touched: an older one is read in a copy."""
    if not path.is_file():
        raise DatabaseMissingError(f"there is no database at {path}", "name another with --db2")
    with database.translated(path), untouched.connect(path) as connection:
        version = database.version_of(connection, path)
        if not version:
            raise NotADatabaseError(f"{path} is not a build history", "name another with --db2")
        if version == schema.VERSION:
            yield connection
            return
        with scratch.folder() as folder:
            copy = folder / database.FILE_NAME
            with closing(sqlite3.connect(copy)) as target:
                connection.backup(target)
            with database.connect_to_read(copy) as upgraded:
                yield upgraded


def _lines(found: Difference) -> list[str]:
    sides = (figures.duration(found.row_a["build_duration"]),
             figures.duration(found.row_b["build_duration"]))  # fmt: skip
    blocks = [
        [explained.answer(found.sentence)],
        explained.parts(found.comparison.parts, found.comparison.difference, sides, ("a", "b")),
        [output.safe(found.size_sentence)] if found.size_sentence else [],
        explained.layers(found.size),
    ]
    changes = explained.changes(found.changes)
    if changes:
        blocks.append([explained.dim("  ALSO CHANGED"), *changes])
    return [line for block in blocks if block for line in ["", *block]][1:]
