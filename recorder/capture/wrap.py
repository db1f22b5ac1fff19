"""`buildrec build` and `buildrec run`: the command first, the recording in a thread beside it.

Imports next to nothing: what is heavy is loaded once the command runs.
"""

import sys
from collections.abc import Sequence

from recorder.capture import child
from recorder.capture.command import Ending, Plan

# Seconds to wait at most for an engine or a disk that hangs, once the command has ended.
_PATIENCE = 60.0


def build(words: Sequence[str], plan: Plan) -> int:
    """Run `docker buildx build` with `words` and record it; gives the child's exit code."""
    return _run(["docker", "buildx", "build", *words], plan, words)


def run(command: Sequence[str], plan: Plan) -> int:
    """Run any command and record the builds that it ran; gives its exit code."""
    return _run(command, plan, ())


def _run(command: Sequence[str], plan: Plan, words: Sequence[str]) -> int:
    import threading

    ending = Ending()
    thread = threading.Thread(target=_record, args=(plan, words, ending), daemon=True)
    code = child.run(command, thread.start)
    ending.tell(code)
    thread.join(_PATIENCE)
    if thread.is_alive():
        ending.troubles.append("the engine or the disk hangs; `buildrec sync` may find the build.")
    for trouble in ending.troubles:
        print(f"buildrec: not recorded: {trouble}", file=sys.stderr)  # noqa: T201
    return code


def _record(plan: Plan, words: Sequence[str], ending: Ending) -> None:
    """Record beside the command; whatever goes wrong becomes a sentence, for no build's harm."""
    import logging

    try:
        from recorder.capture.recording import Recording

        Recording(plan, words, ending).run()
    except Exception as error:
        logging.getLogger("recorder.capture").debug("recording failed", exc_info=True)
        ending.troubles.append(f"an unexpected {type(error).__name__}: {error}.")
