"""What the global options say, for every command."""

import logging
import sys
from collections.abc import Iterable
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


def be_verbose(secrets: Iterable[str] = ()) -> None:
    """Let the loggers `recorder.*` tell on stderr what happens, with `secrets` masked."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Masked(secrets))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("recorder").setLevel(logging.DEBUG)


class _Masked(logging.Formatter):
    """Masks lines and tracebacks, which people paste into reports."""

    def __init__(self, secrets: Iterable[str]) -> None:
        from recorder import redact

        super().__init__("%(name)s: %(message)s")
        self._redactor = redact.Redactor(redact.load_key(), secrets)

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text_once(super().format(record))
