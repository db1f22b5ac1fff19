"""`buildrec report`."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import click

from recorder import database, page_links
from recorder.cli import output
from recorder.cli.context import App
from recorder.errors import CannotWriteError
from recorder.explain import comment
from recorder.explain import report as reports
from recorder.explain.report import Report

_SUMMARY = "GITHUB_STEP_SUMMARY"


@click.command(name="report")
@click.argument("builds", nargs=-1, metavar="[BUILD]...")
@click.option("--format", "style", type=click.Choice(["markdown", "json"]), default="markdown",
              show_default=True, help="How to print.")  # fmt: skip
@click.option("--base", metavar="BRANCH",
              envvar=["BUILDREC_BASE", "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"],
              help="Compare with this branch's latest build.  [default: the branch that a pull "
              "or merge request in CI is for; else the usual build]")  # fmt: skip
@click.option("--url", "pages", metavar="URL", envvar="BUILDREC_URL",
              help="Link to the publication there.")  # fmt: skip
@click.option("--update", "old", type=click.File(encoding="utf-8", errors="replace"),
              metavar="FILE",
              help="Print this comment's text with our part made anew; - is stdin.")  # fmt: skip
@click.pass_obj
def report(
    app: App,
    builds: tuple[str, ...],
    style: str,
    base: str | None,
    pages: str | None,
    old: TextIO | None,
) -> None:
    """Report on builds for a reviewer: verdict, time, size, cache, what changed, open alerts.

    BUILD is an id, the beginning of a ref, or an image's name for its latest build. Without it, the
    latest build of all. The report is short enough for a comment on a pull request; hidden marks
    in it let --update find it again. It is also appended to the file $GITHUB_STEP_SUMMARY.
    """
    pages = page_links.checked(pages) if pages else None
    with database.connect_to_read(app.database) as connection, database.snapshot(connection):
        found = [reports.gather(connection, build, base or None) for build in builds or (None,)]
    if style == "json":
        plain = [reports.plain(one) for one in found]
        output.emit_json(plain if builds else plain[0])
        return
    sections = _sections(found, pages)
    click.echo(comment.updated(old.read() if old else "", sections), nl=False)
    if summary := os.environ.get(_SUMMARY):
        _append(Path(summary), comment.updated("", sections))


def _sections(found: Iterable[Report], pages: str | None) -> list[tuple[str, str]]:
    """A part for each image, with all of its builds that were asked for, each once."""
    parts: dict[str, list[str]] = {}
    for one in {one.why.build["id"]: one for one in found}.values():
        parts.setdefault(one.why.build["image_name"], []).append(reports.markdown(one, pages))
    return [(image_name, "\n\n".join(texts)) for image_name, texts in parts.items()]


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
    except OSError as error:
        raise CannotWriteError(
            f"{path} cannot be written ({error.strerror or error})", f"see what {_SUMMARY} names"
        ) from error
