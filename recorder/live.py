"""Keeps `live_builds`: what runs now, for the pages and for other terminals."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from recorder import redact, times
from recorder.database import transaction

STALE_AFTER = 30.0
"""Seconds without a word from its recorder after which a row no longer counts."""


@dataclass(frozen=True, slots=True)
class LiveBuild:
    """A build that runs: how far it is, and what is usual for its series (seconds)."""

    ref: str
    image_name: str
    builder: str
    started_at: str
    steps: int = 0
    completed_steps: int = 0
    cached_steps: int = 0
    current_step: str | None = None
    usual_duration: float | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since it began; the builder's clock may be ahead of ours."""
        return max(0.0, (times.now() - times.parse(self.started_at)).total_seconds())


def publish(connection: sqlite3.Connection, builds: Iterable[LiveBuild], recorder: str) -> None:
    """Write what the recorder named `recorder` sees running now, in place of what it saw before.

    Rows of recorders that have been silent for STALE_AFTER are swept out by the way.
    """
    redactor = redact.Redactor(redact.load_key())
    now = times.now()
    stale = times.utc_text(now - timedelta(seconds=STALE_AFTER))
    with transaction(connection):
        connection.execute(
            "DELETE FROM live_builds WHERE recorder = ? OR updated_at < ?", (recorder, stale)
        )
        connection.executemany(
            "INSERT OR REPLACE INTO live_builds (ref, image_name, builder, started_at, steps, "
            "completed_steps, cached_steps, current_step, usual_duration, recorder, updated_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    build.ref,
                    redactor.text(build.image_name),
                    build.builder,
                    build.started_at,
                    build.steps,
                    build.completed_steps,
                    build.cached_steps,
                    redactor.text(build.current_step) if build.current_step else None,
                    build.usual_duration,
                    recorder,
                    times.utc_text(now),
                )
                for build in builds
            ],
        )
