"""What the Docker CLI calls: `docker-buildrec`. Answers fast and stores in a process of its own."""

import json
import os
import select
import sys
from typing import NoReturn

# Seconds that the user may wait for the hint; storing goes on after that.
_PATIENCE = 0.15


def main() -> NoReturn:
    """Answer the CLI: who we are, or a hint on the build that has just ended."""
    words = sys.argv[1:]
    if words[:1] == ["docker-cli-plugin-metadata"]:
        from recorder.capture.hook import METADATA

        print(json.dumps(METADATA))  # noqa: T201
        sys.exit()
    if "docker-cli-plugin-hooks" in words:
        hint = _record_aside()
        if hint:
            print(json.dumps({"Type": 0, "Template": hint}))  # noqa: T201
        sys.exit()
    from recorder.cli.app import run

    # `docker buildrec history` is `buildrec history`.
    run(words[1:] if words[:1] == ["buildrec"] else words)


def _record_aside() -> str:
    """Fork a process that stores the builds, and give its verdict if it comes soon."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        _record(writing)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], _PATIENCE)
    return os.read(reading, 4096).decode(errors="replace") if ready else ""


def _record(writing: int) -> NoReturn:
    """In the child: leave the CLI's session and terminal, store what is new, tell how it was."""
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        from recorder.capture.after import verdicts

        os.write(writing, "; ".join(verdicts()).encode())
    except BaseException:  # noqa: BLE001 - nobody is there to hear; `buildrec doctor` looks
        os._exit(1)
    os._exit(0)
