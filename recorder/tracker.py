"""The Python API that older scripts call, with their names and arguments."""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from recorder import database, queries, spool, store, times
from recorder.engine import images
from recorder.errors import CannotWriteError, EngineError
from recorder.exports import build_times, snapshot
from recorder.model import Build, seconds

_LOG = logging.getLogger("recorder.tracker")
_OLDER_FILE = "docker_build_times.json"
T = TypeVar("T")


class DockerBuildTracker:
    """Records builds in one SQLite file and reads them back.

    `db_path` is the file; without it `BUILDREC_DB`, or the nearest `docker_build_history.db` in
    this folder or a parent. The file is made when it is not there. Every method raises a
    `recorder.RecorderError` that says what is wrong and what cures it.
    """

    def __init__(self, db_path: str | os.PathLike[str] | None = None) -> None:
        self.db_path = database.find(db_path)
        with database.connect(self.db_path):
            _LOG.debug("tracking builds in %s", self.db_path)

    def record_build(
        self,
        image_name: str,
        build_duration: float,
        dockerfile_path: str | None = None,
        build_args: Mapping[str, Any] | None = None,
        success: bool = True,
        error_message: str | None = None,
        timezone_name: str = times.DEFAULT_ZONE,
    ) -> int:
        """Record a build that took `build_duration` seconds and has just finished; gives its id.

        The image's size is asked of the engine, and is none where the engine has no such image.
        """
        now = times.now()
        arguments = {str(name): str(value) for name, value in (build_args or {}).items()}
        build = Build(
            image_name=image_name,
            build_duration=seconds(build_duration),
            completed_at=now,
            status="completed" if success else "failed",
            zone=times.zone_name(timezone_name),
            source="record",
            dockerfile_path=dockerfile_path,
            build_args=arguments,
            error_message=error_message,
        )
        if image := self._image(image_name) if success else None:
            build = images.onto(build, image)
        with database.connect(self.db_path) as connection:
            number = store.record(connection, build).id
            spool.drain(connection, self.db_path)
        return number

    def get_build_history(
        self, image_name: str | None = None, limit: int = 50
    ) -> list[dict[str, Any]]:
        """The latest builds, newest first, as dicts with the columns of `docker_builds`."""
        return self._read(lambda connection: queries.recent_builds(connection, image_name, limit))

    def get_build_statistics(self) -> dict[str, dict[str, Any]]:
        """The statistics by image, as dicts with the columns of `build_statistics`."""
        rows = self._read(queries.image_statistics)
        return {row["image_name"]: row for row in rows}

    def export_to_json(self, output_path: str | os.PathLike[str] | None = None) -> str:
        """Write the JSON that older tools read, beside the database by default; gives its path."""
        target = Path(output_path) if output_path else self.db_path.parent / _OLDER_FILE
        build_times.export(self.db_path, target)
        return str(target)

    def copy_to_docker_context(self, folder: str | os.PathLike[str]) -> str:
        """Put a consistent copy of the database into a build context; gives its path.

        The copy is one file without a WAL, whoever writes meanwhile.
        """
        if not Path(folder).is_dir():
            raise CannotWriteError(f"there is no folder {folder}", "name one that is there")
        return str(snapshot.snapshot(self.db_path, Path(folder)))

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        with database.connect_to_read(self.db_path) as connection:
            return query(connection)

    @staticmethod
    def _image(name: str) -> images.Image | None:
        try:
            return images.inspect(name)
        except EngineError as error:
            _LOG.info("recording %s without a size: %s", name, error)
            return None


def track_docker_build(
    image_name: str,
    build_function: Callable[[], T],
    dockerfile_path: str | None = None,
    build_args: Mapping[str, Any] | None = None,
    db_path: str | os.PathLike[str] | None = None,
    timezone_name: str = times.DEFAULT_ZONE,
) -> T:
    """Call `build_function`, record how long it took and whether it raised, and give its result.

    What it raises is raised again after it was recorded.
    """
    tracker = DockerBuildTracker(db_path)
    begun = time.monotonic()
    try:
        result = build_function()
    except BaseException as error:
        tracker.record_build(
            image_name, time.monotonic() - begun, dockerfile_path, build_args, success=False,
            error_message=f"{type(error).__name__}: {error}", timezone_name=timezone_name,
        )  # fmt: skip
        raise
    tracker.record_build(
        image_name, time.monotonic() - begun, dockerfile_path, build_args,
        timezone_name=timezone_name,
    )  # fmt: skip
    return result
