"""Has alerts told after builds that `watch` stored, by a process of its own."""

import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from recorder.alerts import notify
from recorder.alerts.settings import find
from recorder.capture.watch import Audience, Ended
from recorder.errors import RecorderError
from recorder.live import LiveBuild

_LOG = logging.getLogger("recorder.cli")


class Telling:
    """Passes on what is seen to an audience; starts `buildrec alerts notify` after each build.

    Nothing is started where no address is set. What goes wrong harms no record: the next run
    tells what this one did not.
    """

    def __init__(self, audience: Audience, path: Path) -> None:
        self._audience = audience
        self._words = [
            sys.executable,
            "-P",
            "-m",
            "recorder",
            "--db",
            str(path),
            "alerts",
            "notify",
        ]
        self._is_asked = _is_asked()
        self._running: list[subprocess.Popen[bytes]] = []

    def caught_up(self, builder: str, new: int, known: int) -> None:
        """Pass it on, and tell what they opened."""
        self._audience.caught_up(builder, new, known)
        if new:
            self._start()

    def changed(self, builds: Sequence[LiveBuild]) -> None:
        """Pass it on."""
        self._audience.changed(builds)

    def ended(self, ended: Ended) -> None:
        """Pass it on, and tell what it opened or ended."""
        self._audience.ended(ended)
        self._start()

    def waiting(self, builder: str, problem: str) -> None:
        """Pass it on."""
        self._audience.waiting(builder, problem)

    def _start(self) -> None:
        if not self._is_asked:
            return
        self._running = [process for process in self._running if process.poll() is None]
        try:
            process = subprocess.Popen(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            _LOG.debug("nobody was told: %s", error)
        else:
            self._running.append(process)


def _is_asked() -> bool:
    try:
        return bool(notify.addresses(find(Path.cwd()).notify))
    except RecorderError as error:
        _LOG.debug("nobody is told: %s", error)
        return False
