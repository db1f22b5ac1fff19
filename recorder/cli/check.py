"""`buildrec check`."""

from dataclasses import replace
from pathlib import Path

import click

from recorder import database, queries
from recorder.alerts import full_pass, notify, verdict
from recorder.alerts.settings import FAIL_ON, Rules, Settings, find
from recorder.alerts.verdict import Standing
from recorder.cli import output, quantities
from recorder.cli.context import App
from recorder.errors import RecorderError
from recorder.judging.limits import ENOUGH

FAILED = 3
"""What `check` exits with when something stands that fails it."""

_COLORS = {"regression": "red", "budget": "red", "warning": "yellow"}


@click.command()
@click.argument("image_name", required=False)
@click.option("--fail-on", type=click.Choice(FAIL_ON),
              help="The least that fails the check.  [default: regression]")  # fmt: skip
@click.option("--max-duration", callback=quantities.seconds, metavar="TIME",
              help="What a build may take, such as 90, 90s or 5m.")  # fmt: skip
@click.option("--max-size", callback=quantities.megabytes, metavar="SIZE",
              help="What an image may have, such as 250MB, or MB without a unit.")  # fmt: skip
@click.option("--min-cache", callback=quantities.share, metavar="SHARE",
              help="Share of the steps that must be cached, such as 80% or 0.8.")  # fmt: skip
@click.option("--notify", "tell", is_flag=True, help="Tell of regressions that open or end.")
@click.option("--format", "style", type=click.Choice(output.FORMATS), default="table",
              show_default=True, help="How to print: a few lines to read, or rows.")  # fmt: skip
@click.pass_obj
def check(
    app: App,
    image_name: str | None,
    fail_on: str | None,
    max_duration: float | None,
    max_size: float | None,
    min_cache: float | None,
    tell: bool,
    style: str,
) -> int:
    """Judge the history, and exit 3 when it got worse.

    The builds of all images, or of IMAGE_NAME, are judged against comparable ones. An open
    regression that nobody has acknowledged, or a budget that the latest build breaks, fails the
    check. Rules are read from [tool.buildrec] of pyproject.toml, or from buildrec.toml, in this
    folder or above; options come before them.
    """
    settings = _settings(fail_on, max_duration, max_size, min_cache)
    with database.connect_to_change(app.database) as connection:
        full_pass.judge_all(connection, [image_name] if image_name else None)
        found = verdict.standing(connection, settings, image_name)
        notes = verdict.unheld(connection, settings, image_name)
    try:
        _show(app, found, image_name, style)
    except BrokenPipeError:  # the verdict stands, though nobody reads it
        output.to_nobody()
    for note in notes:
        click.echo(f"note: {note}", err=True)
    if tell:
        _tell(app, settings)
    return FAILED if any(one.fails for one in found) else 0


def _show(app: App, found: list[Standing], image_name: str | None, style: str) -> None:
    if style == "table":
        for one in found:
            click.echo(_line(one))
        if not found:
            click.echo(_quiet(app, image_name))
    else:
        output.emit([one.row() for one in found], style, [], "")


def _tell(app: App, settings: Settings) -> None:
    """Send what is new; what goes wrong with that changes no verdict."""
    try:
        notify.notify(app.database, notify.addresses(settings.notify), notify.pages())
    except RecorderError as error:
        click.echo(f"not told: {error}", err=True)


def _settings(
    fail_on: str | None,
    max_duration: float | None,
    max_size: float | None,
    min_cache: float | None,
) -> Settings:
    """The project's settings, where the options that were given come first."""
    found = find(Path.cwd())
    given = {"fail_on": fail_on, "max_duration": max_duration, "max_size": max_size,
             "min_cache": min_cache}  # fmt: skip
    asked = {name: value for name, value in given.items() if value is not None}

    def over(rules: Rules) -> Rules:
        return replace(rules, **asked)  # type: ignore[arg-type]

    images = {name: over(rules) for name, rules in (found.images or {}).items()}
    return replace(found, rules=over(found.rules), images=images)


def _line(one: Standing) -> str:
    kind = click.style(one.kind, fg=_COLORS[one.kind] if one.fails else None, bold=one.fails)
    number = f" {one.alert}" if one.alert is not None else ""
    let_pass = " (which the rules let pass)" if one.kind == "regression" and not one.fails else ""
    return f"{kind}{number}: {output.safe(one.sentence)}{let_pass}"


def _quiet(app: App, image_name: str | None) -> str:
    """One line for a history of which nothing stands."""
    with database.connect_to_read(app.database) as connection:
        rows = queries.image_statistics(connection)
        taken = verdict.acknowledged(connection, image_name)
    rows = [row for row in rows if image_name in (None, row["image_name"])]
    builds = sum(row["successful_builds"] for row in rows)
    few = sum(row["successful_builds"] <= ENOUGH for row in rows)
    what = "all images" if image_name is None else output.safe(image_name)
    what += f": {builds} completed {'build' if builds == 1 else 'builds'}"
    if few == len(rows):
        return f"{what}, not enough history yet"
    more = f" ({few} of {len(rows)} images have not enough history yet)" if few else ""
    known = f" but what is acknowledged ({taken})" if taken else ""
    return f"{what}, nothing got worse{known}{more}"
