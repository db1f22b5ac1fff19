"""Writes the reference pages that the code already says: `python docs/pages.py`.

schema.md from recorder/schema.py and views.py, commands.md from the command line, errors.md from
recorder/errors.py, json-api.md from metadata.yml and real responses. tests/test_docs.py fails when
one of them is stale.
"""

import inspect
import sys
from pathlib import Path

import click

from recorder import errors, schema, views
from recorder.cli.app import COMMANDS, buildrec

FOLDER = Path(__file__).parent

sys.path.insert(0, str(FOLDER))
import json_api  # noqa: E402 - beside this file, from wherever it is run


def schema_page() -> str:
    """Every table, column, index and view."""
    lines = ["# Schema", "", "The tables of `docker_build_history.db`. Written by `docs/pages.py`."]
    for table in schema.TABLES:
        lines += ["", f"## {table.name}", "", table.about, "", "| column | type | what it holds |",
                  "| --- | --- | --- |"]  # fmt: skip
        for column in table.columns:
            unit = f" ({column.unit})" if column.unit else ""
            about = f"{column.about.removesuffix('.')}{unit}."
            lines.append(f"| `{column.name}` | {column.sql.split(' ')[0]} | {about} |")
    lines += ["", "## Indexes", "", "| index | for |", "| --- | --- |"]
    lines += [f"| `{index.name}` | {index.about} |" for index in schema.INDEXES]
    for name, about in views.VIEW_ABOUT.items():
        lines += ["", f"## {name} (view)", "", about]
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """The help of every command."""
    lines = ["# Commands", "", "What `--help` says. Written by `docs/pages.py`."]
    context = click.Context(buildrec, info_name="buildrec", max_content_width=90)
    lines += ["", "## buildrec", "", "```", buildrec.get_help(context), "```"]
    for name in COMMANDS:
        command = buildrec.get_command(context, name)
        assert command is not None
        own = click.Context(command, info_name=name, parent=context, max_content_width=90)
        lines += ["", f"## buildrec {name}", "", "```", command.get_help(own), "```"]
        for part, below in sorted(getattr(command, "commands", {}).items()):
            inner = click.Context(below, info_name=part, parent=own, max_content_width=90)
            lines += ["", f"### buildrec {name} {part}", "", "```", below.get_help(inner), "```"]
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """Every error class with its slug and exit code."""
    lines = [
        "# Errors",
        "",
        "Each error is one sentence with its cure; `buildrec -v` also shows where it came from.",
        "In Python they are classes of `recorder.errors`, each of them a `recorder.RecorderError`.",
        "Written by `docs/pages.py`.",
        "",
        "| error | class | exit | what it means |",
        "| --- | --- | --- | --- |",
    ]
    found = [item for _, item in inspect.getmembers(errors, inspect.isclass)]
    for error in sorted(found, key=lambda item: item.slug):
        about = " ".join((inspect.getdoc(error) or "").split("\n\n", 1)[0].split())
        lines.append(f"| {error.slug} | `{error.__name__}` | {error.exit_code} | {about} |")
    return "\n".join(lines) + "\n"


PAGES = {
    "schema.md": schema_page,
    "commands.md": commands_page,
    "errors.md": errors_page,
    "json-api.md": json_api.page,
}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (FOLDER / file).write_text(page())
