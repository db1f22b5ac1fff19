"""What the Docker CLI calls: `docker-buildrec`. Answers fast and stores in a process of its own."""

import json
import os
import select
import sys
import time
from typing import NoReturn

# Seconds that the user may wait for the hint; storing goes on after that. BUILDREC_HOOK_WAIT says
# otherwise, as on a slow machine the hint would always come too late.
_WAIT, _LONGEST_WAIT = 0.165, 60.0


def main() -> NoReturn:
    """Answer the CLI with a hint on the build that has just ended, or be a command of its own."""
    words = sys.argv[1:]
    if "docker-cli-plugin-hooks" in words:
        hint = _harmless(_record_aside())
        if hint:
            print(json.dumps({"Type": 0, "Template": hint}), flush=True)  # noqa: T201
        os._exit(0)
    from recorder.cli.app import run

    # `docker buildrec history` is `buildrec history`.
    run(words[1:] if words[:1] == ["buildrec"] else words)


def _record_aside() -> str:
    """Fork a process that stores the builds, and give its verdict if it comes soon."""
    began = _begun(os.getppid())
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        _record(began, writing)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], _wait())
    return os.read(reading, 4096).decode(errors="replace") if ready else ""


def _wait() -> float:
    """How many seconds the user wants to wait for the hint; the usual where that is nonsense."""
    try:
        asked = float(os.environ.get("BUILDREC_HOOK_WAIT", _WAIT))
    except ValueError:
        return _WAIT
    return asked if 0 <= asked <= _LONGEST_WAIT else _WAIT


def _record(began: float | None, writing: int) -> NoReturn:
    """In the child: leave the CLI's session and terminal, tell how it was, store what is new."""

    def tell(verdict: str) -> None:
        try:
            os.write(writing, verdict.encode(errors="replace"))
        except BrokenPipeError:
            pass  # the user did not wait
        finally:
            os.close(writing)

    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        from recorder.capture.after import tell_and_store

        tell_and_store(began, tell)
    except BaseException:  # noqa: BLE001 - nobody is there to hear; the next call stores it
        os._exit(1)
    os._exit(0)


def _begun(process: int) -> float | None:
    """When a process began, in seconds since 1970; None where the system does not say (proc(5))."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    return time.time() - age


def _harmless(hint: str) -> str:
    """The hint without what a terminal would obey, or what the CLI would take for a template."""
    shown = "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in hint)
    return shown.replace("{{", "{ {")
