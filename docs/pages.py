"""Writes the reference pages that the code already says: `python docs/pages.py`.

schema.md from recorder/schema.py and views.py, commands.md from the command line, errors.md from
recorder/errors.py and what raises them, json-api.md from metadata.yml and real responses.
tests/test_docs.py fails when one of them is stale.
"""

import sys
from pathlib import Path

import click

from recorder import schema, views
from recorder.cli.app import COMMANDS, buildrec

FOLDER = Path(__file__).parent

sys.path.insert(0, str(FOLDER))
# Beside this file, from wherever it is run.
import error_page  # noqa: E402
import json_api  # noqa: E402


def schema_page() -> str:
    """Every table, column, index and view."""
    lines = ["# Schema", "", "The tables of `docker_build_history.db`. Written by `docs/pages.py`."]
    for table in schema.TABLES:
        lines += ["", f"## {table.name}", "", table.about, "", "| column | type | what it holds |",
                  "| --- | --- | --- |"]  # fmt: skip
        for column in table.columns:
            unit = f" ({column.unit})" if column.unit else ""
            about = f"{column.about.removesuffix('.')}{unit}."
            kind = f"{column.sql.split(' ')[0]}{', derived' * bool(column.derived)}"
            lines.append(f"| `{column.name}` | {kind} | {about} |")
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


PAGES = {
    "schema.md": schema_page,
    "commands.md": commands_page,
    "errors.md": error_page.page,
    "json-api.md": json_api.page,
}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (FOLDER / file).write_text(page())
