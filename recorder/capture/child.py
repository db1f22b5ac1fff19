"""Runs the wrapped command: its terminal, its signals and its exit code stay its own.

Imports next to nothing, as the child is started before anything heavy is loaded.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence

from recorder.errors import CommandMissingError

_FORWARDED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
_SI_KERNEL = 0x80  # sigaction(2): sent by the kernel, as the terminal's Ctrl-C is
CAN_WAIT = hasattr(signal, "sigwaitinfo")


def run(arguments: Sequence[str], started: Callable[[], None]) -> int:
    """Run a command to its end and give its exit code, 128 + n when signal n killed it.

    `started` is called once the child runs. Ctrl-C reaches the child from the terminal, so it is
    not sent on; a signal sent to this process alone is. Raises CommandMissingError.
    """
    watched = {*_FORWARDED, signal.SIGCHLD}
    if CAN_WAIT:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    else:
        before = set()
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
    try:
        child = _spawn(arguments, before)
        started()
        return _wait(child, watched) if CAN_WAIT else _code(os.waitpid(child, 0)[1])
    finally:
        if CAN_WAIT:
            _let_go(watched, before)


def _spawn(arguments: Sequence[str], mask: "set[signal.Signals] | set[int]") -> int:
    # Python ignores SIGPIPE and SIGXFSZ for itself; the child gets what it would have had.
    defaults = {*_FORWARDED, signal.SIGPIPE, signal.SIGXFSZ}
    ignored = {number for number in defaults if signal.getsignal(number) is signal.SIG_IGN}
    inherited = ignored & _FORWARDED  # under nohup SIGHUP stays ignored
    try:
        return os.posix_spawnp(
            arguments[0],
            list(arguments),
            os.environ,
            setsigmask=mask,
            setsigdef=defaults - inherited if CAN_WAIT else defaults,
        )
    except FileNotFoundError:
        raise CommandMissingError(
            f"there is no command {arguments[0]!r}", "install it, or see that PATH has its folder"
        ) from None
    except PermissionError:
        raise CommandMissingError(
            f"{arguments[0]!r} cannot be run", "make it executable (chmod +x)"
        ) from None


def _wait(child: int, watched: "set[signal.Signals]") -> int:
    while True:
        news = signal.sigwaitinfo(watched)
        if news.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return _code(status)
        elif news.si_code != _SI_KERNEL:
            os.kill(child, news.si_signo)


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _let_go(watched: "set[signal.Signals]", before: "set[signal.Signals] | set[int]") -> None:
    """Unblock the signals; those that came while the child ended were meant for it."""
    while signal.sigtimedwait(watched, 0):
        pass
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave(code: int) -> None:
    """End this process at once with `code`, without the 10 ms in which Python takes itself down."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
