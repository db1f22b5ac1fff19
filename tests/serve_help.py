"""A real `buildrec serve` process on a free port, for the tests that need one."""

import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = [sys.executable, "-c", "from recorder.cli import main; main()"]
DEADLINE = 60


@contextmanager
def serving(path: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve the database at `path`; gives the URL, once it answers, and the process."""
    process = subprocess.Popen(
        [*COMMAND, "--db", str(path), "serve", "--port", "0", *options],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield _url(process), process
    finally:
        process.kill()
        process.communicate()


def _url(process: subprocess.Popen[str]) -> str:
    """The URL that the process tells on stderr."""
    lines: queue.Queue[str] = queue.Queue()
    assert process.stderr is not None
    stream = process.stderr
    threading.Thread(target=lambda: lines.put(stream.readline()), daemon=True).start()
    line = lines.get(timeout=DEADLINE)
    found = re.search(r"http://\S+/", line)
    assert found, line
    return found[0].rstrip("/")
