"""`buildrec why`: why a build took what it took, in one sentence and the parts behind it."""

import click

from recorder import database, figures, harmless, queries
from recorder.cli import explained, output
from recorder.cli.context import App
from recorder.explain import explanation, markdown, reference_words, rows
from recorder.explain.explanation import Why


@click.command()
@click.argument("build", required=False)
@click.option("--image", "image_name", metavar="NAME", help="The latest build of this image.")
@explained.format_option
@click.pass_obj
def why(app: App, build: str | None, image_name: str | None, style: str | None) -> None:
    """Say why a build took what it took, against what is usual for its image.

    BUILD is an id, the beginning of a ref, or an image's name for its latest build. Without it, the
    latest build of all. The difference to the usual build is given to steps until nothing is left.
    """
    if build and image_name:
        raise click.UsageError("give a BUILD or an --image, not both")
    with database.connect_to_read(app.database) as connection, database.snapshot(connection):
        found = explanation.why(
            connection, queries.find_build(connection, build or image_name)["id"]
        )
    style = style or output.default_style()
    if style == "json":
        output.emit_json(rows.of_why(found))
    elif style == "markdown":
        click.echo(markdown.of_why(found), nl=False)
    else:
        click.echo("\n".join(_lines(found)))


def _lines(found: Why) -> list[str]:
    cause = output.safe(explanation.cause_sentence(found))
    blocks = [[explained.answer(found.sentence)], [cause] if cause else [], _failure(found)]
    if found.comparison and found.reference:
        sides = (figures.duration(found.reference["build_duration"]),
                 figures.duration(found.build["build_duration"]))  # fmt: skip
        is_usual = found.usual is not None and found.usual.builds > 1
        titles = ("usual" if is_usual else "before", "now")
        blocks.append(explained.parts(found.parts, found.comparison.difference, sides, titles))
    if found.size_sentence:
        blocks += [[output.safe(found.size_sentence)], explained.layers(found.size)]
    changes = explained.changes(found.changes)
    if changes and found.reference:
        about = f"  since build {found.reference['id']}"
        blocks.append([explained.dim(about.upper()), *changes])
    blocks.append([explained.dim(f"  {line}") for line in reference_words.lines(found)])
    return [line for block in blocks if block for line in ["", *block]][1:]


def _failure(found: Why) -> list[str]:
    if found.failure is None:
        return []
    excerpt = harmless.lines(found.build["error_excerpt"] or "").expandtabs(4).splitlines()
    since = found.failure.first_failed
    again = [f"  first failed in build {since}"] if since and since != found.build["id"] else []
    return [*(f"  {line}" for line in excerpt), *again]
