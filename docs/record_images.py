"""Records builds of the project's own images for the history that `buildrec demo` shows.

Really builds the six images of docker/ on the engine at hand, on bases that docker/make-base makes,
from a copy of this checkout: each cold, some again without a change, with a changed source or page,
with a requirement that cannot be met, and with that put right. Then writes what was recorded to
recorder/demo_history.json, in place of what it held of these images. Takes some five minutes, root,
debootstrap, Git, and whatever options the builds need to get their packages (docs/docker.md).

usage: python docs/record_images.py [BUILD OPTION]...
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import record_demo

ROOT = Path(__file__).parent.parent
IMAGE = "buildrec"
KINDS = ("", "dev", "test", "bench", "benchmark", "docs")
BASES = {"benchmark": "trixie"}


def main() -> None:
    bases = {suite: make_base(suite) for suite in ("bookworm", *BASES.values())}
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder, "images.db")
        checkout = copy(Path(folder, IMAGE))

        def build(kind: str, *options: str) -> int:
            base = bases[BASES.get(kind, "bookworm")]
            dockerfile = checkout / "docker" / (f"Dockerfile.{kind}" if kind else "Dockerfile")
            command = [sys.executable, "-m", "recorder", "--db", str(db), "build", "-q"]
            command += ["-t", name(kind), "-f", str(dockerfile), "--build-arg", f"BASE={base}"]
            return subprocess.run(
                [*command, *options, *sys.argv[1:], str(checkout)],
                env=record_demo.environment(), stdout=subprocess.DEVNULL, check=False,
            ).returncode  # fmt: skip

        for kind in KINDS:
            assert build(kind, "--no-cache") == 0, kind
        assert build("") == 0
        change(checkout, "recorder/times.py", "\n# Changed, so that it is installed anew.\n")
        change(checkout, "docs/upkeep.md", "\nChanged, so that the pages are made anew.\n")
        for kind in ("", "dev", "test", "docs"):
            assert build(kind) == 0, kind
        pyproject = checkout / "pyproject.toml"
        right = pyproject.read_text()
        pyproject.write_text(right.replace('"datasette>=', '"datasette<0.60,>='))
        assert build("") != 0
        pyproject.write_text(right)
        assert build("") == 0
        assert build("test") == 0
        record_demo.write(db, of=lambda image: image.partition(":")[0] == IMAGE)
    for kind in KINDS:
        subprocess.run(["docker", "image", "rm", name(kind)], capture_output=True, check=False)


def name(kind: str) -> str:
    """The name of an image."""
    return f"{IMAGE}:{kind}" if kind else IMAGE


def make_base(suite: str) -> str:
    command = [str(ROOT / "docker" / "make-base"), f"debian-python:{suite}", suite]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def copy(folder: Path) -> Path:
    """A Git checkout of its own with what this one holds, committed or not."""
    listed = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    for file in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split():
        if (ROOT / file).exists():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, folder / file)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "remote", "add", "origin", "https://github.com/buildrec/buildrec.git")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "the checkout")
    return folder


def change(checkout: Path, file: str, text: str) -> None:
    """Add a text to a file, and commit that."""
    with (checkout / file).open("a") as opened:
        opened.write(text)
    git(checkout, "commit", "--quiet", "--all", "--message", f"change {file}")


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=demo", "-c", "user.email=demo@example.com"]
    command = ["git", "-C", str(folder), *who, *words]
    subprocess.run(command, env=record_demo.environment(), check=True)


if __name__ == "__main__":
    main()
