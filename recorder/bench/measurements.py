"""What `@measured` functions took: kept in memory, and written now and then by a thread."""

import atexit
import contextlib
import logging
import os
import resource
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LOG = logging.getLogger("recorder.measured")
_EVERY = 5.0  # seconds between two writes
_KEPT = 1000  # latest values of a function, of which the median and the deviation are
_PATIENCE = 5.0  # seconds to wait for another writer; what is not written is tried again
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2)

Name = tuple[str, str]


@dataclass
class _Tally:
    """The calls of one function."""

    calls: int = 0
    errors: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    least: float = float("inf")
    most: float = 0.0
    peak: int = 0
    latest: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    changed: bool = False


class Measurements:
    """Takes what calls took and keeps it in a run of kind `measured`, one for each process.

    `facts` gives values of `benchmark_runs` about the machine and the checkout, when the first
    write comes. Nothing raised by the store reaches the program: it is logged, the first time as a
    warning.
    """

    def __init__(self, facts: Callable[[], Mapping[str, Any]]) -> None:
        self._facts = facts
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._path: Path | None = None
        self._tallies: dict[Name, _Tally] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._run: int | None = None
        self._warned = False
        os.register_at_fork(after_in_child=self._forked)
        atexit.register(self._finish)

    def begin(self, path: Path | None) -> None:
        """Write from now on to the database at `path`, by default the one found from here."""
        if path != self._path:
            self._write("completed")
            self._reset()
            self._path = path

    def note(self, name: Name, seconds: float, cpu: float, *, failed: bool) -> None:
        """Take what one call took."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
        with self._lock:
            tally = self._tallies.setdefault(name, _Tally())
            tally.calls += 1
            tally.errors += failed
            tally.seconds += seconds
            tally.cpu += cpu
            tally.least = min(tally.least, seconds)
            tally.most = max(tally.most, seconds)
            tally.peak = max(tally.peak, peak)
            tally.latest.append(seconds)
            tally.changed = True
            if self._thread is not None:
                return
            thread = self._thread = threading.Thread(
                target=self._write_now_and_then, name="buildrec-measured", daemon=True
            )
        # A program that is ending, or has too many threads, gets none: the end writes.
        with contextlib.suppress(RuntimeError):
            thread.start()

    def flush(self) -> None:
        """Write what is not yet written; what goes wrong is logged."""
        self._write(None)

    def _reset(self) -> None:
        self._stop.set()
        self._tallies, self._thread, self._stop = {}, None, threading.Event()
        self._run, self._warned = None, False

    def _forked(self) -> None:
        # The parent writes what it measured; its locks may be held by threads that are not here.
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._reset()

    def _write_now_and_then(self) -> None:
        stop = self._stop
        while not stop.wait(_EVERY):
            self.flush()

    def _finish(self) -> None:
        self._stop.set()
        self._write("completed")

    def _write(self, status: str | None) -> None:
        try:
            with self._writing:
                self._store(status)
        except Exception as error:  # noqa: BLE001 - measuring never harms what is measured
            level = logging.DEBUG if self._warned else logging.WARNING
            self._warned = True
            cure = ": run `pip install 'buildrec[bench]'`" if isinstance(error, ImportError) else ""
            _LOG.log(level, "what was measured is not stored: %s%s", error, cure)

    def _store(self, status: str | None) -> None:
        with self._lock:
            changed = {name: tally for name, tally in self._tallies.items() if tally.changed}
            if not changed and self._run is None:
                return
            for tally in changed.values():
                tally.changed = False
            results = [_result(name, tally) for name, tally in changed.items()]
        from recorder import benchmark_results, database

        try:
            with database.connect(self._path or database.find(), _PATIENCE) as connection:
                if self._run is None:
                    facts = {**self._facts(), "kind": "measured"}
                    self._run = benchmark_results.begin(connection, facts)
                benchmark_results.add(connection, self._run, *results)
                if status:
                    benchmark_results.end(connection, self._run, status)
        except BaseException:
            for tally in changed.values():
                tally.changed = True
            raise


def _result(name: Name, tally: _Tally) -> Any:
    from recorder.benchmark_results import Result

    return Result(
        *name,
        raw=(tuple(tally.latest),),
        loops=1,
        processes=1,
        peak_memory_bytes=tally.peak,
        cpu_seconds=tally.cpu / tally.calls,
        figures={"errors": tally.errors} if tally.errors else {},
        summary={
            "n": tally.calls,
            "mean": tally.seconds / tally.calls,
            "min": tally.least,
            "max": tally.most,
        },
    )
