"""Where metadata.yml and the templates are, in a clone as in an installed package."""

from pathlib import Path

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
