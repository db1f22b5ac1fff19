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


def title(datasette: Any) -> str:
    """The title of the publication."""
    return str(_root(datasette).get("title") or "Docker build history")


def about(datasette: Any) -> dict[str, Any]:
    """What metadata.yml says of the database: `description`, `tables`, `queries`."""
    return dict((_root(datasette).get("databases") or {}).get(DATABASE) or {})


def queries(datasette: Any) -> dict[str, Any]:
    """What metadata.yml says of each canned query."""
    return dict(about(datasette).get("queries") or {})


def _root(datasette: Any) -> dict[str, Any]:
    """Datasette 1.0 takes as configuration what 0.65 takes as metadata."""
    if hasattr(datasette, "metadata"):
        return dict(datasette.metadata() or {})
    return dict(datasette.config or {})
