"""Runs the wrapped command: its terminal, its signals and its exit code stay its own.

Imports next to nothing, as the child is started before anything heavy is loaded.
"""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

from recorder.errors import CommandMissingError

TYPE_CHECKING = False  # importing typing for it would cost 5 ms
if TYPE_CHECKING:
    from recorder.capture.tee import Tee

_FORWARDED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
_SI_KERNEL = 0x80  # sigaction(2): sent by the kernel, as the terminal's Ctrl-C is
# timeout(1) and others signal a process and then its group, so that the child has the second one
# already; docker takes the third signal as an order to drop everything.
_APART = 1.0
CAN_WAIT = hasattr(signal, "sigwaitinfo")


def run(arguments: Sequence[str], started: Callable[[], None], tee: "Tee | None" = None) -> int:
    """Run a command to its end and give its exit code, 128 + n when signal n killed it.

    `started` is called once the child runs; its output goes through `tee`, if there is one. Ctrl-C
    reaches the child from the terminal, so it is not sent on; a signal sent to this process alone
    is. Raises CommandMissingError.
    """
    watched = {*_FORWARDED, signal.SIGCHLD}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would take the exit code with it
    if CAN_WAIT:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    else:
        before = set()
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
    try:
        child = _spawn(arguments, before, tee.actions if tee else [])
        if tee:
            tee.begin(child)
        started()
        return _wait(child, watched) if CAN_WAIT else _code(os.waitpid(child, 0)[1])
    finally:
        if CAN_WAIT:
            _let_go(watched, before)


def _spawn(
    arguments: Sequence[str],
    mask: "set[signal.Signals] | set[int]",
    actions: "list[tuple[int, int, int]]",
) -> int:
    # Python ignores SIGPIPE and SIGXFSZ for itself; the child gets what it would have had.
    defaults = {*_FORWARDED, signal.SIGPIPE, signal.SIGXFSZ}
    ignored = {number for number in defaults if signal.getsignal(number) is signal.SIG_IGN}
    inherited = ignored & _FORWARDED  # under nohup SIGHUP stays ignored
    reset = defaults - inherited if CAN_WAIT else defaults
    words = list(arguments)

    def spawn() -> int:
        return os.posix_spawnp(
            words[0], words, os.environ,
            file_actions=actions, setsigmask=mask, setsigdef=reset,
        )  # fmt: skip

    try:
        try:
            return spawn()
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            # A script without a first line that says by what: a shell's, as execvp(3) has it.
            words = ["/bin/sh", *words]
            return spawn()
    except FileNotFoundError:
        raise CommandMissingError(
            f"there is no command {arguments[0]!r}", "install it, or see that PATH has its folder"
        ) from None
    except PermissionError:
        raise CommandMissingError(
            f"{arguments[0]!r} cannot be run", "make it executable (chmod +x)"
        ) from None
    except OSError as error:
        raise CommandMissingError(
            f"{arguments[0]!r} cannot be run ({error.strerror})", "see that it runs by itself"
        ) from None


def _wait(child: int, watched: "set[signal.Signals]") -> int:
    sent: dict[int, float] = {}
    while True:
        news = signal.sigwaitinfo(watched)
        if news.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return _code(status)
        elif news.si_code != _SI_KERNEL:
            now = time.monotonic()
            if now - sent.get(news.si_signo, -_APART) >= _APART:
                _send(child, news.si_signo)
                sent[news.si_signo] = now


def _send(child: int, number: int) -> None:
    try:  # noqa: SIM105 - importing contextlib would cost 2 ms
        os.kill(child, number)
    except PermissionError:  # sudo's child is not ours to signal
        pass


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
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - as above
            stream.flush()
        except (OSError, AttributeError):  # closed meanwhile, or always
            pass
    os._exit(code)
