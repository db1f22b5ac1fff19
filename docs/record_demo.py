"""Records the history that `buildrec demo` shows where there is no engine.

Really builds three small images again and again on the engine at hand, with `buildrec build` and
from Git checkouts: cold, warm, with changed sources, packages and arguments, with a test that
fails and a build that is canceled. Then writes what was recorded to recorder/demo_history.json,
in place of what it held of these images. docs/record_images.py does so for the project's own.
Needs a Docker Engine, Git and a static busybox; takes about two minutes.

usage: python docs/record_demo.py [BUSYBOX]
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from recorder import database, plain, stored_builds

TARGET = Path(__file__).parent.parent / "recorder" / "demo_history.json"
ROUNDS = 16
FORGE = "https://git.example.com/acme"
BASE = """\
FROM scratch AS base
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
WORKDIR /srv
"""
DOCKERFILES = {
    "storefront": BASE
    + """
FROM base AS packages
COPY install packages.txt ./
RUN ./install packages.txt

FROM base AS pictures
COPY optimise pictures.txt ./
RUN ./optimise pictures.txt

FROM packages AS bundle
ARG RELEASE=dev
COPY compile main.txt ./
RUN ./compile --release "$RELEASE" main.txt

FROM base AS site
COPY --from=pictures /srv/optimised ./
COPY --from=bundle /srv/bundle ./
""",
    "api:dev": BASE
    + """
COPY install packages.txt ./
RUN ./install packages.txt
COPY compile check main.txt ./
RUN ./compile main.txt
RUN ./check bundle
""",
    "report-worker": BASE
    + """
FROM base AS fonts
COPY optimise pictures.txt ./
RUN ./optimise pictures.txt

FROM base AS code
COPY compile main.txt ./
RUN ./compile main.txt

FROM base AS worker
COPY --from=fonts /srv/optimised ./
COPY --from=code /srv/bundle ./
CMD report --every hour
""",
}
SCRIPTS = {
    "install": """\
sleep {packages}
dd if=/dev/urandom of=modules bs=100k count=40 2>/dev/null
echo "installed $(wc -l < $1) packages"
""",
    "optimise": """\
sleep 1.1
dd if=/dev/urandom of=optimised bs=100k count=25 2>/dev/null
""",
    "compile": """\
sleep {compile}
dd if=/dev/urandom of=bundle bs=10k count={size} 2>/dev/null
""",
    "check": """\
sleep 0.4
echo "ok    test_basket"
{verdict}
echo "ok    test_orders"
""",
}
_FAILS = 'echo "FAIL  test_checkout: expected 200, got 500" >&2; exit 1'


class Project:
    """A Git checkout with the sources of one image."""

    def __init__(self, folder: Path, tag: str, busybox: str) -> None:
        self.tag, self.name = tag, tag.partition(":")[0]
        self.folder = folder / self.name
        self.folder.mkdir()
        shutil.copy(busybox, self.folder / "busybox")
        (self.folder / "Dockerfile").write_text(DOCKERFILES[tag])
        self._chance = random.Random()  # content that no cache has seen
        self._git("init", "--quiet", "--initial-branch", "main")
        self._git("remote", "add", "origin", f"{FORGE}/{self.name}.git")
        self._run = 4_100

    def change(self, round_: int, *, branch: str = "main", broken: bool = False) -> None:
        """Commit the sources of a round; packages change in every fifth, pictures in two."""
        slower = self.name == "storefront" and round_ >= 11
        values = {
            "packages": 1.4 + 0.2 * (round_ // 5),
            "compile": 1.7 if slower else 0.8,
            "size": 60 + 4 * round_,
            "verdict": _FAILS if broken else 'echo "ok    test_checkout"',
        }
        for script, text in SCRIPTS.items():
            file = self.folder / script
            file.write_text(f"#!/bin/sh\nset -e\n{text.format(**values)}")
            file.chmod(0o755)
        self._fill("main.txt", 200)
        if round_ % 5 == 0:
            self._fill("packages.txt", 40 + round_)
        if round_ in (0, 8):
            self._fill("pictures.txt", 20)
        self._git("checkout", "--quiet", "-B", branch)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", f"round {round_}")

    def build(self, db: Path, *options: str) -> "subprocess.Popen[bytes]":
        """Begin a build that is recorded in `db`."""
        self._run += 1
        command = [sys.executable, "-m", "recorder", "--db", str(db), "build", "-q"]
        command += ["-t", self.tag, *options, str(self.folder)]
        run = {
            "CI_PIPELINE_ID": str(self._run),
            "CI_JOB_URL": f"{FORGE}/{self.name}/-/jobs/{self._run}",
        }
        return subprocess.Popen(
            command, env={**environment(), **run},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _fill(self, file: str, lines: int) -> None:
        words = (f"{self._chance.getrandbits(64):016x}\n" for _ in range(lines))
        (self.folder / file).write_text("".join(words))

    def _git(self, *words: str) -> None:
        who = ["-c", "user.name=demo", "-c", "user.email=demo@example.com"]
        subprocess.run(
            ["git", "-C", str(self.folder), *who, *words], env=environment(), check=True
        )  # fmt: skip


def main() -> None:
    busybox = sys.argv[1] if len(sys.argv) > 1 else shutil.which("busybox") or "/bin/busybox"
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder, "demo.db")
        projects = [Project(Path(folder), tag, busybox) for tag in DOCKERFILES]
        for round_ in range(ROUNDS):
            for project, every in zip(projects, (1, 2, 4), strict=True):
                if round_ % every == 0:
                    build_a_round(project, db, round_)
        cancel(projects[0], db)
        write(db, of=lambda image: image in DOCKERFILES)
    for tag in DOCKERFILES:
        subprocess.run(["docker", "image", "rm", "-f", tag], capture_output=True, check=False)


def build_a_round(project: Project, db: Path, round_: int) -> None:
    """One build of new sources, now and then a second one of the same, which is warm."""
    is_api = project.name == "api"
    branch = "feature/passkeys" if is_api and round_ >= 12 else "main"
    project.change(round_, branch=branch, broken=is_api and round_ in (6, 14))
    options = [*arguments(project, round_), *(["--no-cache"] if round_ in (0, 8) else [])]
    project.build(db, *options).wait()
    if round_ in (4, 10):
        project.build(db, *options).wait()


def arguments(project: Project, round_: int) -> list[str]:
    return ["--build-arg", f"RELEASE=1.{round_}"] if project.name == "storefront" else []


def cancel(project: Project, db: Path) -> None:
    project.change(ROUNDS)
    building = project.build(db, *arguments(project, ROUNDS))
    time.sleep(1.2)
    building.send_signal(signal.SIGINT)
    building.wait()


def environment() -> dict[str, str]:
    """This process's, without what Git and CI systems of this machine would add to a build."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CI", "GIT", "BUILD", "TZ"))}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "BUILDREC_MASK_KEY": "demo"}


def write(db: Path, of: Callable[[str], bool]) -> None:
    """Put the builds of `db` in the place of those of the images that `of` is true for.

    Oldest first, and the layers of an image once.
    """
    kept = [build for build in json.loads(TARGET.read_text()) if not of(build["image_name"])]
    images = set()
    with database.connect_to_read(db) as connection:
        for build in stored_builds.read(connection):
            told = replace(build, saved_seconds=None)  # the store will find it anew
            if build.image_digest in images:
                told = replace(told, layers=())
            images.add(build.image_digest)
            kept.append(plain.to_plain(told))
    kept.sort(key=lambda build: build["completed_at"])
    lines = [json.dumps(build, ensure_ascii=False, separators=(",", ":")) for build in kept]
    TARGET.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{len(kept)} builds, {TARGET.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
