"""`buildrec build` and `buildrec run`: the command first, the recording in a thread beside it.

Imports next to nothing: what is heavy is loaded once the command runs.
"""

import signal
import sys
import time
from collections.abc import Sequence

from recorder.capture import child
from recorder.capture.command import Ending, Plan
from recorder.errors import RecorderError

TYPE_CHECKING = False  # importing typing for it would cost 5 ms
if TYPE_CHECKING:
    from recorder.capture.plain_command import PlainBuild
    from recorder.capture.tee import Tee

# Seconds to wait at most for an engine or a disk that hangs, once the command has ended.
_PATIENCE = 60.0
_LATER = "`buildrec sync` may find the build."


def build(words: Sequence[str], plan: Plan) -> int:
    """Run `docker buildx build` with `words` and record it; gives the child's exit code."""
    return _run(["docker", "buildx", "build", *words], plan, words)


def run(command: Sequence[str], plan: Plan) -> int:
    """Run any command and record the builds that it ran; gives its exit code.

    The output of one that builds without a history is read on its way, and tells its steps.
    """
    from recorder.capture import plain_command

    plain = plain_command.find(command)
    if plain is None:
        return _run(command, plan, ())
    from recorder.capture.tee import open_tee

    return _run(command, plan, (), plain, open_tee())


def _run(
    command: Sequence[str],
    plan: Plan,
    words: Sequence[str],
    plain: "PlainBuild | None" = None,
    tee: "Tee | None" = None,
) -> int:
    ending = Ending()

    def record() -> None:
        _record(plan, words, ending, plain, tee)
        ending.say_recorded()

    def started() -> None:
        import threading

        ending.expect()
        try:
            threading.Thread(target=record, daemon=True).start()
        except RuntimeError as error:  # the limit of processes is reached
            ending.troubles.append(f"{error}.")
            ending.say_recorded()

    interrupts = _count_interrupts()
    try:
        code = child.run(command, started, tee)
    finally:
        if tee is not None:
            tee.finish()
    ending.tell(code)
    deadline = time.monotonic() + _PATIENCE
    while not (stored := ending.is_recorded(0.1)) and not interrupts:
        if time.monotonic() > deadline:
            break
    if not stored:
        problem = "interrupted" if interrupts else "the engine or the disk hangs"
        ending.troubles.append(f"{problem}. {_LATER}")
    for trouble in ending.troubles:
        _say(f"buildrec: not recorded: {trouble}")
    return code


def _count_interrupts() -> list[int]:
    """A list that grows with each Ctrl-C from now on, which raises nothing at whatever moment."""
    seen: list[int] = []
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    return seen


def _say(line: str) -> None:
    if sys.stderr is not None:  # closed from the start; print would then write to stdout
        try:  # noqa: SIM105 - importing contextlib would cost 2 ms
            print(line, file=sys.stderr)  # noqa: T201
        except OSError:  # its reader has gone: the exit code is the child's
            pass


def _record(
    plan: Plan,
    words: Sequence[str],
    ending: Ending,
    plain: "PlainBuild | None",
    tee: "Tee | None",
) -> None:
    """Record beside the command; whatever goes wrong becomes a sentence, for no build's harm."""
    import gc
    import logging

    try:
        if plain is not None:
            from recorder.capture import by_output

            by_output.record(plan, plain, tee.lines if tee else [], ending)
            return
        gc.disable()  # what is imported stays: a search for garbage in it is in vain
        from recorder.capture.recording import Recording

        gc.freeze()
        gc.enable()
        Recording(plan, words, ending).run()
    except RecorderError as error:
        ending.troubles.append(str(error))
    except Exception as error:
        logging.getLogger("recorder.capture").debug("recording failed", exc_info=True)
        ending.troubles.append(f"an unexpected {type(error).__name__}: {error}.")
