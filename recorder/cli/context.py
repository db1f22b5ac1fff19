"""What the global options say, for every command."""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class App:
    """What the global options say; every command gets it."""

    asked_database: str | None = None
    verbose: bool = False

    @property
    def database(self) -> Path:
        """The database file to use, by option, environment or search."""
        from recorder import database

        return database.find(self.asked_database)


def be_verbose() -> None:
    """Let the loggers `recorder.*` tell on stderr what happens."""
    logging.basicConfig(format="%(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("recorder").setLevel(logging.DEBUG)
