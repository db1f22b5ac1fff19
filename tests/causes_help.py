"""What the exams of causes share: a context whose builds the real engine runs and we record."""

from pathlib import Path

from engine_help import make_context
from recording_help import buildrec

from recorder import database, stored_builds
from recorder.explain.causes import Cause, first_miss
from recorder.model import Build

SHELL = "FROM scratch\nCOPY busybox /bin/sh\n"


class Recorded:
    """A context whose builds `buildrec build` records."""

    def __init__(self, folder: Path, image_name: str) -> None:
        self.context = folder / "context"
        self.image_name = image_name
        self.db = folder / "history.db"

    def write(self, *lines: str, shell: str = SHELL, **files: str) -> None:
        """Write the Dockerfile: a shell, then these lines; and files beside it."""
        make_context(self.context, shell + "".join(f"{line}\n" for line in lines))
        for name, text in files.items():
            (self.context / name).write_text(text)

    def build(self, *words: str) -> Build:
        """Build, and read back what was recorded."""
        words = ("build", "-q", "-t", self.image_name, *words)
        done = buildrec(*words, self.context, db=self.db)
        assert done.returncode == 0, done.stderr
        return self.builds()[-1]

    def builds(self) -> list[Build]:
        """Its builds; `sync` brings in those of others that use the engine, too."""
        with database.connect_to_read(self.db) as connection:
            found = stored_builds.read(connection)
            return [build for build in found if build.image_name == self.image_name]

    def cause(self) -> Cause:
        """Why the latest build was not wholly cached, beside the one before it."""
        before, latest = self.builds()[-2:]
        cause = first_miss(latest, before)
        assert cause is not None
        return cause
