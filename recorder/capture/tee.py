"""Reads a command's output on its way, without changing a byte of it.

Only for commands whose output alone tells their steps (see `plain_command`). Where the output is a
terminal the command gets another one of the same size, else a pipe; its input stays its own.
"""

import contextlib
import os
import re
import select
import signal
import threading
import time
from typing import Any

_PIECE = 1 << 16
_LONGEST_LINE = 1 << 13
_MOST_LINES = 50_000
# Seconds to wait for output of what the command left running behind it.
_AFTERMATH = 1.0
_TELLING = re.compile(
    rb"\s*(?:\x1b\[[0-9;]*m)*\s*(?:Step \d+/\d+ : |(?:\[\d+/\d+\] )?(?:STEP \d+/\d+: |COMMIT)"
    rb"|---?> |Successfully |Error|The command |(?:sha256:)?[0-9a-f]{64}\s*$)"
)


class Tee:
    """The command's output, passed on and noted: `lines` are (seconds since the start, line).

    Of lines that cannot tell of a step, one after another is noted only once, as RUN may print
    anything.
    """

    def __init__(self) -> None:
        self.lines: list[tuple[float, str]] = []
        self._clock = time.monotonic()
        self._rest = b""
        self._terminal = os.isatty(1)
        # Both streams or none: two that end in one place must keep their order.
        targets = (1, 2) if _is_one_place() else (1,)
        self._source, self._sink = _open_terminal() if self._terminal else os.pipe()
        self.actions = [(os.POSIX_SPAWN_DUP2, self._sink, target) for target in targets]
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        # Signals are the main thread's. A thread that could take one before it blocks them would
        # have the end of a quick command ignored, which is then waited for in vain.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._thread.start()
        except RuntimeError:  # the limit of processes is reached: nobody would read
            self._close_sink()
            os.close(self._source)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def begin(self, child: int) -> None:
        """The process `child` has the other end from now on."""
        self._clock = time.monotonic()
        self._close_sink()
        if self._terminal:
            signal.signal(signal.SIGWINCH, lambda *_: self._resize(child))
            self._resize(child)  # it may have changed meanwhile

    def finish(self) -> None:
        """Wait until all that the command has printed is passed on."""
        self._close_sink()
        self._thread.join(_AFTERMATH)

    def _close_sink(self) -> None:
        if self._sink >= 0:
            os.close(self._sink)
            self._sink = -1

    def _resize(self, child: int) -> None:
        with contextlib.suppress(OSError):
            _copy_size(self._source)
            os.kill(child, signal.SIGWINCH)

    def _pass_on(self) -> None:
        while True:
            try:
                data = os.read(self._source, _PIECE)
            except OSError:  # EIO: nobody has the terminal open any more
                break
            if not data:
                break
            now = time.monotonic() - self._clock
            if not _write(data):
                break
            self._note(now, data)
        # Whoever still writes learns that nobody reads, as without us.
        os.close(self._source)
        if self._rest:
            self._note(time.monotonic() - self._clock, b"\n")

    def _note(self, now: float, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[:_LONGEST_LINE]
        for line in whole:
            if len(self.lines) >= _MOST_LINES:
                return
            if _TELLING.match(line):
                text = line[:_LONGEST_LINE].rstrip(b"\r").decode(errors="replace")
                self.lines.append((now, text))
            elif not self.lines or self.lines[-1][1]:
                self.lines.append((now, ""))


def open_tee() -> Tee | None:
    """A tee for the command about to start; None where its output goes nowhere, or none can be."""
    try:
        os.fstat(1)
        return Tee()
    except (OSError, RuntimeError):
        return None


def _is_one_place() -> bool:
    """Whether standard output and error end in one place."""
    try:
        one, other = os.fstat(1), os.fstat(2)
    except OSError:
        return False
    return (one.st_dev, one.st_ino, one.st_rdev) == (other.st_dev, other.st_ino, other.st_rdev)


def _open_terminal() -> tuple[int, int]:
    """Our end and the command's end of a terminal like ours, that leaves every byte as it is."""
    import termios

    source, sink = os.openpty()
    try:
        settings: list[Any] = termios.tcgetattr(1)
        settings[1] &= ~termios.OPOST  # the real terminal does that
        termios.tcsetattr(sink, termios.TCSANOW, settings)
        _copy_size(sink)
    except termios.error as error:
        os.close(source)
        os.close(sink)
        raise OSError(*error.args) from error
    return source, sink


def _copy_size(terminal: int) -> None:
    import fcntl
    import termios

    size = fcntl.ioctl(1, termios.TIOCGWINSZ, b"\0" * 8)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)


def _write(data: bytes) -> bool:
    """Write all of `data` to standard output; whether somebody still reads there."""
    while data:
        try:
            data = data[os.write(1, data) :]
        except BlockingIOError:
            select.select([], [1], [])
        except OSError:
            return False
    return True
