"""Records the payloads beside this file anew, from builds on the engine at hand.

Needs Docker Engine 23.0 or newer with buildx, and a static busybox; takes about ten seconds.

usage: python tests/data/record.py [BUSYBOX]
"""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from recorder.engine import history, local_state

HERE = Path(__file__).parent
SHELL = "FROM scratch\nCOPY busybox /bin/sh\n"
DOCKERFILES = {
    "cold": SHELL + "RUN echo {word} && busybox sleep 0.3\nWORKDIR /srv\nCOPY notes .\n",
    "failed": SHELL + "RUN echo {word} && exit 3\nRUN echo never\n",
    "canceled": SHELL + "RUN echo {word} && echo go''ing && busybox sleep 300\n",
    "shared": SHELL + "RUN echo {word} && echo go''ing && busybox sleep 1.5\n",
    "linked": SHELL + "COPY --link notes /notes\n",
    "heredoc": SHELL + "RUN <<END\necho {word}\nbusybox sleep 0.1\nEND\n",
    "stages": "FROM scratch AS base\nCOPY busybox /bin/sh\nARG RELEASE=none\n"
    "RUN echo {word} $RELEASE && busybox sleep 0.2\n"
    "FROM base AS left\nRUN echo left && busybox sleep 0.4\n"
    "FROM base\nRUN echo right && busybox sleep 0.1\nCOPY --from=left /bin/sh /left\n",
    "bake": "FROM scratch AS base\nCOPY busybox /bin/sh\nRUN echo {word} && busybox sleep 0.2\n"
    "FROM base AS one\nRUN echo one\nFROM base AS two\nRUN echo two && busybox sleep 0.2\n",
}
BAKE = {
    "group": {"default": {"targets": ["one", "two"]}},
    "target": {n: {"target": n, "tags": [f"payload-bake-{n}:1"]} for n in ("one", "two")},
}


def main() -> None:
    busybox = sys.argv[1] if len(sys.argv) > 1 else "/bin/busybox"
    with tempfile.TemporaryDirectory(prefix="payload-") as place:
        folders = {}
        for name, dockerfile in DOCKERFILES.items():
            folders[name] = Path(place) / name
            folders[name].mkdir()
            shutil.copy(busybox, folders[name])
            (folders[name] / "notes").write_text(f"{uuid.uuid4()}\n" * 100)
            (folders[name] / "Dockerfile").write_text(
                dockerfile.replace("{word}", uuid.uuid4().hex[:8])
            )
        for name in ("cold", "failed", "linked", "heredoc"):
            build(folders[name], name).wait()
            keep(name, *newest(1))
        build(folders["cold"], "cold").wait()
        keep("warm", *newest(1))
        build(folders["stages"], "stages", "--build-arg", "RELEASE=1.25").wait()
        keep("stages", *newest(1))
        running = build(folders["canceled"], "canceled")
        until_it_says(running, "going")
        running.send_signal(signal.SIGINT)
        running.wait()
        time.sleep(1)
        keep("canceled", *newest(1))
        first = build(folders["shared"], "shared")
        until_it_says(first, "going")
        second = build(folders["shared"], "shared")
        first.wait(), second.wait()
        keep("shared", *newest(2)[:1])
        (folders["bake"] / "docker-bake.json").write_text(json.dumps(BAKE))
        subprocess.run(["docker", "buildx", "bake"], cwd=folders["bake"], check=True)
        for record in newest(2):
            keep(f"bake-{record[0].FrontendAttrs['target']}", record)


def build(folder: Path, name: str, *more: str) -> "subprocess.Popen[str]":
    words = ["docker", "buildx", "build", "--progress=plain", "-t", f"payload-{name}:1", *more]
    return subprocess.Popen([*words, str(folder)], stderr=subprocess.PIPE, text=True)


def until_it_says(running: "subprocess.Popen[str]", word: str) -> None:
    assert running.stderr
    while not running.stderr.readline().rstrip().endswith(word):
        pass


def newest(count: int) -> list[tuple[object, bytes]]:
    """The latest builds of ours, the very latest first: their records, and their traces."""

    async def read() -> list[tuple[object, bytes]]:
        async with history.open_history() as engine:
            ours = [r for r in await engine.records() if local_state.read(r.Ref)]
            return [(record, await trace(engine, record.Ref)) for record in ours[:count]]

    async def trace(engine: history.History, ref: str) -> bytes:
        # Messages of one type one after the other are one message: their lists are joined.
        return b"".join(part.SerializeToString() for part in await engine.trace(ref))

    return asyncio.run(read())


def keep(name: str, payload: tuple[object, bytes]) -> None:
    record, trace = payload
    inspected = subprocess.run(
        ["docker", "buildx", "history", "inspect", record.Ref, "--format", "json"],
        capture_output=True,
        check=True,
    )
    wanted = ("Ref", "StartedAt", "Duration", "Status", "NumTotalSteps", "NumCompletedSteps",
              "NumCachedSteps")  # fmt: skip
    word = {key: value for key, value in json.loads(inspected.stdout).items() if key in wanted}
    (HERE / f"{name}.record").write_bytes(record.SerializeToString())
    (HERE / f"{name}.trace").write_bytes(trace)
    (HERE / f"{name}.json").write_text(json.dumps(word, indent=1) + "\n")
    print(name, record.Ref, len(trace))


if __name__ == "__main__":
    main()
