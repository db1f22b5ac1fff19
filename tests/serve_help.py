"""A real `buildrec serve` process on a free port, for the tests that need one."""

import json
import queue
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-c", "from recorder.cli import main; main()"]
DEADLINE = 60
RECENT = "/docker_build_history/recent_builds.json?_shape=array&limit=1"


@contextmanager
def serving(path: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve the database at `path`; gives the URL, once it answers, and the process."""
    process = subprocess.Popen(
        [*COMMAND, "--db", str(path), "serve", "--port", "0", *options],
        stderr=subprocess.PIPE,
        text=True,
    )
    told: queue.Queue[str] = queue.Queue()
    # Read to its end, as a server that nobody listens to would stand still once the pipe is full.
    listener = threading.Thread(target=lambda: [told.put(line) for line in process.stderr or ()])
    listener.start()
    try:
        yield _url(told), process
    finally:
        process.kill()
        process.wait()
        listener.join()
        if process.stderr:
            process.stderr.close()
        sys.stderr.writelines([*told.queue])


def _url(told: "queue.Queue[str]") -> str:
    """The URL that the process tells on stderr."""
    line = told.get(timeout=DEADLINE)
    found = re.search(r"http://\S+/", line)
    assert found, line
    return found[0].rstrip("/")


def fetch(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=DEADLINE) as answer:
        return json.load(answer)


def status_of(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=DEADLINE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=DEADLINE)
