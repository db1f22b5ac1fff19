"""Records the history that `buildrec demo` shows where there is no engine.

Really builds three small images again and again on the engine at hand: cold, warm, with a changed
source, a changed argument, a failing and a cancelled step; then writes what buildrec recorded to
recorder/demo_history.json. Needs a Docker Engine and a static busybox; takes about two minutes.

usage: python docs/record_demo.py [BUSYBOX]
"""

import asyncio
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from recorder import plain
from recorder.engine import history, images, local_state, records
from recorder.errors import EngineError
from recorder.model import Build

TARGET = Path(__file__).parent.parent / "recorder" / "demo_history.json"
BASE = """\
FROM scratch AS base
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
"""
DOCKERFILES = {
    "storefront": BASE
    + """\
FROM base AS packages
WORKDIR /srv
COPY packages.txt .
RUN sleep {slow} && dd if=/dev/urandom of=modules bs=100k count=40 2>/dev/null
FROM packages AS build
ARG RELEASE=dev
COPY source .
RUN sleep 0.6 && echo "$RELEASE" > release && cat * > bundle
FROM base
COPY --from=build /srv/bundle /srv/
""",
    "api:dev": BASE
    + """\
WORKDIR /srv
COPY packages.txt .
RUN sleep {slow} && cp packages.txt installed
COPY source .
RUN sleep 0.3 && test ! -f broken
""",
    "report-worker": BASE
    + """\
FROM base AS fonts
RUN sleep 0.5 && dd if=/dev/urandom of=/fonts bs=100k count=20 2>/dev/null
FROM base AS code
COPY source /srv
RUN sleep {slow} && cat /srv/* > /code
FROM base
COPY --from=fonts /fonts /
COPY --from=code /code /
""",
}


def main() -> None:
    busybox = sys.argv[1] if len(sys.argv) > 1 else shutil.which("busybox") or "/bin/busybox"
    chance = random.Random()  # content that no cache has seen
    begun = time.time()
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(8):
            for name, dockerfile in DOCKERFILES.items():
                context = Path(folder, name.split(":")[0])
                prepare(context, dockerfile, busybox, round_, chance)
                build(context, name, round_, broken=(name == "api:dev" and round_ == 4))
                if round_ in (2, 5):
                    build(context, name, round_)
        cancel(Path(folder, "storefront"), "storefront")
        asyncio.run(write(begun))
    for name in DOCKERFILES:
        subprocess.run(["docker", "image", "rm", "-f", name], capture_output=True, check=False)


def prepare(
    context: Path, dockerfile: str, busybox: str, round_: int, chance: random.Random
) -> None:
    """The context of one round: new sources each time, new packages every third round."""
    (context / "source").mkdir(parents=True, exist_ok=True)
    shutil.copy(busybox, context / "busybox")
    (context / "Dockerfile").write_text(dockerfile.format(slow=1.4 if round_ < 5 else 2.2))
    (context / "packages.txt").write_text(f"packages of round {round_ // 3} in {context}\n")
    (context / "source" / "main.txt").write_text(f"{round_} {chance.random()}\n" * 200)


def build(context: Path, name: str, round_: int, *, broken: bool = False) -> None:
    (context / "source" / "broken").unlink(missing_ok=True)
    if broken:
        (context / "source" / "broken").touch()
    command = ["docker", "buildx", "build", "-q", "-t", name]
    command += ["--build-arg", f"RELEASE=1.{round_}"] if name == "storefront" else []
    subprocess.run([*command, str(context)], capture_output=True, check=False)


def cancel(context: Path, name: str) -> None:
    (context / "packages.txt").write_text("unseen\n" + str(time.time()))
    running = subprocess.Popen(
        ["docker", "buildx", "build", "-t", name, str(context)], stderr=subprocess.DEVNULL
    )
    time.sleep(1.2)
    running.send_signal(signal.SIGINT)
    running.wait()


async def write(begun: float) -> None:
    """Turn the engine's records of these builds into the file, oldest first."""
    builds = []
    async with history.open_history() as engine:
        for record in reversed(await engine.records()):
            state = local_state.read(record.Ref)
            if state is None or record.CreatedAt.seconds < begun - 1:
                continue
            origin = records.Origin("build", engine.builder)
            found = records.to_build(record, await engine.trace(record.Ref), state, origin)
            builds.append(plain.to_plain(with_size(found)))
    TARGET.write_text(json.dumps(builds, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{len(builds)} builds, {TARGET.stat().st_size // 1024} KiB")


def with_size(build: Build) -> Build:
    try:
        return images.onto(build, images.inspect(build.image_digest or "none"))
    except EngineError:
        return build


if __name__ == "__main__":
    main()
