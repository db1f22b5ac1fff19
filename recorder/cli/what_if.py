"""`buildrec what-if`: what would make an image's builds shorter, and by how much."""

from typing import Any

import click

from recorder import database, figures
from recorder.cli import explained, output
from recorder.cli.context import App
from recorder.explain import markdown, rows, savings, sentences
from recorder.explain.savings import Imagined, Savings


@click.command("what-if")
@click.argument("image_name", required=False)
@click.option("--build", metavar="BUILD", help="The build to think of.  [default: the latest]")
@click.option("--cached", metavar="STEP", multiple=True, help="Were this step cached.")
@click.option("--parallel", metavar="A B", nargs=2, multiple=True,
              help="Did these two steps not wait for one another.")  # fmt: skip
@explained.format_option
@click.pass_obj
def what_if(app: App, image_name: str | None, build: str | None, cached: tuple[str, ...],
            parallel: tuple[tuple[str, str], ...], style: str | None) -> None:  # fmt: skip
    """List what would save most in IMAGE_NAME's builds, in minutes a week.

    With --cached or --parallel: what one build would have taken so. A STEP is its number in
    `buildrec show`, or a part of its name. Without IMAGE_NAME, the image that was built last.
    """
    with database.connect_to_read(app.database) as connection, database.snapshot(connection):
        found: Savings | Imagined
        if cached or parallel:
            found = savings.imagine(connection, build or image_name, cached, parallel)
        elif build:
            raise click.UsageError("--build needs --cached or --parallel")
        else:
            found = savings.savings(connection, image_name)
    style = style or output.default_style()
    if isinstance(found, Imagined):
        _show_imagined(found, style)
    elif style == "json":
        output.emit_json(rows.of_savings(found))
    elif style == "markdown":
        click.echo(markdown.of_savings(found), nl=False)
    else:
        click.echo("\n".join(_lines(found)))


def _show_imagined(found: Imagined, style: str) -> None:
    if style == "json":
        output.emit_json(rows.of_imagined(found))
    elif style == "markdown":
        click.echo(markdown.of_imagined(found), nl=False)
    else:
        click.echo(explained.answer(found.sentence))
        if found.graph == "inferred":
            click.echo(explained.dim("  in what order its steps need one another is not recorded, "
                                     "and taken from its stages"))  # fmt: skip


def _lines(found: Savings) -> list[str]:
    lines = [explained.answer(found.sentence)]
    if not found.savings:
        return lines
    table: list[list[Any]] = [
        [
            sentences.label(saving.step, 56),
            "cached" if saving.how == "cached" else _beside(saving.beside),
            f"{saving.ran} of {found.builds}",
            figures.duration(saving.took),
            figures.duration(saving.saves),
            figures.duration(saving.minutes_a_week * 60),
        ]
        for saving in found.savings[:12]
    ]
    titles = ["step", "if", "ran", "took", "saves", "a week"]
    rest = len(found.savings) - len(table)
    more = [explained.dim(f"  and {rest} that save less")] if rest else []
    builds = "1 build" if found.builds == 1 else f"{found.builds} builds"
    about = (f"  over {builds} in {found.span}; "
             "a step beside longer ones saves less than it took")  # fmt: skip
    return [*lines, "", output.table(table, titles), *more, "", explained.dim(about)]


def _beside(step: Any) -> str:
    return f"beside {sentences.label(step, 24)}" if step else "parallel"
