"""Runs `buildrec build` in this process and notes when what happens; a script, not a module.

`python timeline.py FILE BEGUN ARGUMENTS...`: BEGUN is the monotonic time at which this process was
started, FILE gets a JSON object of milliseconds after it, and the CPU time that we used.
"""

import sys
import time

_FILE, _BEGUN = sys.argv[1], float(sys.argv[2])
_marks = {"python runs": time.monotonic()}
sys.argv = ["buildrec", *sys.argv[3:]]


def _note(name: str) -> None:
    _marks[name] = time.monotonic()


def _around(owner: object, name: str, before: str = "", after: str = "") -> None:
    """Note the moments before and after the last call of a function."""
    real = getattr(owner, name)

    def noted(*arguments: object, **named: object) -> object:
        if before:
            _note(before)
        try:
            return real(*arguments, **named)
        finally:
            if after:
                _note(after)

    setattr(owner, name, noted)


def _save(code: int) -> None:
    import json
    import os

    _note("exit")
    _marks["CPU of our own"] = _BEGUN + time.process_time()
    with open(_FILE, "w", encoding="utf-8") as file:
        json.dump({name: (at - _BEGUN) * 1000 for name, at in _marks.items()}, file)
    os._exit(code)


def _main() -> None:
    from recorder import cli
    from recorder.capture import child, command, wrap

    _note("our modules are loaded")
    _around(child, "_spawn", after="child started")
    _around(command.Ending, "tell", before="child ended")
    _around(command.Ending, "wait", before="listening starts")
    real = wrap._record

    def record(*arguments: object) -> None:
        _note("recording thread starts")
        import recorder.capture.recording  # noqa: F401

        _note("recording is loaded")
        from recorder.engine import history

        _around(history.History, "events", before="sweep asks", after="sweep answered")
        _around(history.History, "trace", before="trace asked")
        from recorder import spool

        _around(spool, "record_or_keep", before="store starts", after="stored")
        real(*arguments)
        _note("recording thread ends")

    wrap._record = record
    child.leave = _save
    cli.main()


_main()
