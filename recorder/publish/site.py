"""Where metadata.yml and the templates are, in a clone as in an installed package."""

from pathlib import Path
from typing import Any

from recorder.errors import CannotServeError

DATABASE = "docker_build_history"
"""What the database is called in URLs, whatever the name of its file."""


def folder() -> Path:
    """The folder that holds metadata.yml and templates/; raises CannotServeError without one."""
    installed = Path(__file__).with_suffix("")
    clone = Path(__file__).parents[2]
    for place in (installed, clone):
        if (place / "metadata.yml").is_file() and (place / "templates").is_dir():
            return place
    raise CannotServeError(
        "metadata.yml and the templates are missing from this installation",
        "reinstall with `pip install --force-reinstall buildrec`",
    )


def queries(datasette: Any) -> dict[str, Any]:
    """What metadata.yml says of each canned query; Datasette 1.0 keeps it apart from metadata."""
    if hasattr(datasette, "metadata"):
        found = datasette.metadata("queries", database=DATABASE, fallback=False)
    else:
        databases = (datasette.config or {}).get("databases", {})
        found = databases.get(DATABASE, {}).get("queries")
    return dict(found or {})
