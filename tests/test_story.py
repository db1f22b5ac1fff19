"""The whole of an image's life on the real engine: what gets worse is told, explained, quieted."""

import json
from pathlib import Path
from typing import Any

import pytest
from engine_help import docker, make_context
from recording_help import buildrec, keep_apart, unlike_any_other

from recorder.publish.serve import publication

HOME = "/docker_build_history"
DOCKERFILE = """
COPY package.json /srv/
RUN busybox sleep 2.1
ARG RELEASE
RUN busybox sleep 2.2; echo $RELEASE
COPY work /srv/
RUN . /srv/work
"""
pytestmark = pytest.mark.engine


class Image:
    """An image whose builds are recorded, and whose work is a file that each build changes."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self.base = name, f"{name}-base"
        self.folder, self.context = folder, folder / "context"
        self.db = folder / "docker_build_history.db"
        self.new_base()
        make_context(self.context, f"FROM {self.base}\n{DOCKERFILE}")
        (self.context / "package.json").write_text('{"left-pad": 1}')

    def new_base(self) -> None:
        folder = make_context(
            self.folder / "base",
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nCOPY who /who\n",
        )
        (folder / "who").write_text(unlike_any_other())
        docker("buildx", "build", "-q", "-t", self.base, str(folder))

    def build(self, release: str = "2025.1", work: str = "busybox sleep 0.5") -> None:
        (self.context / "work").write_text(f"{work}\n# {unlike_any_other()}\n")
        words = ("-q", "-t", self.name, "--build-arg", f"RELEASE={release}")
        done = buildrec("build", *words, self.context, db=self.db)
        assert done.returncode == 0, done.stderr

    def why(self) -> str:
        """The answer, and what it says of the cache."""
        said = json.loads(buildrec("why", "--format", "json", db=self.db).stdout)
        return said["sentence"] + " " + json.dumps(said.get("cause") or "")

    def check(self) -> int:
        return buildrec("check", db=self.db).returncode

    def alerts(self) -> list[dict[str, Any]]:
        found = buildrec("alerts", "list", "--format", "json", db=self.db).stdout
        return [row for row in json.loads(found) if row["state"] != "acknowledged"]

    def acknowledge(self) -> None:
        numbers = [str(row["id"]) for row in self.alerts()]
        done = buildrec("alerts", "ack", *numbers, "--note", "known", db=self.db)
        assert done.returncode == 0, done.stderr

    async def overview(self) -> str:
        return (await publication(self.db).client.get("/")).text


@pytest.mark.slow
async def test_what_gets_worse_is_told_explained_and_quieted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image_name: str
) -> None:
    keep_apart(monkeypatch, tmp_path)
    image = Image(tmp_path, image_name)
    for _ in range(8):
        image.build()
        assert image.check() == 0
    assert image.alerts() == []

    (image.context / "package.json").write_text('{"left-pad": 2}')
    image.build()
    said = image.why()
    assert "`RUN busybox sleep 2.1` was not cached" in said
    assert "because of `COPY package.json /srv/`" in said or "package.json changed" in said
    assert image.check() == 0, "a build whose cache was missed is none slower than its steps"

    image.build("2025.2")
    said = image.why()
    assert "`RUN busybox sleep 2.2; echo ${RELEASE}` was not cached" in said
    assert "RELEASE" in said.replace("${RELEASE}", "")
    assert image.check() == 0

    image.new_base()
    image.build("2025.2")
    assert f"its base {image.base}:latest changed" in image.why()
    assert image.check() == 0

    for _ in range(3):
        image.build("2025.2", work="busybox sleep 3")
    assert "`RUN . /srv/work` took longer" in image.why()
    assert image.check() == 3
    assert "RUN . /srv/work" in " ".join(row["sentence"] for row in image.alerts())
    overview = await image.overview()
    assert "What got worse" in overview
    image.acknowledge()
    assert image.check() == 0
    assert "What got worse" not in await image.overview()

    image.build("2025.2", work="busybox sleep 3; busybox head -c 5000000 /dev/urandom > /big")
    said = buildrec("why", "--format", "table", db=image.db).stdout.decode()
    assert "Its image is 5 MB larger (" in said
    assert "): `RUN . /srv/work` grew by 5 MB." in said
    assert image.check() == 3
    assert [row["metric"] for row in image.alerts()] == ["size"]
    page = await publication(image.db).client.get(f"{HOME}/image?image_name={image.name}")
    assert "regression" in page.text
    image.acknowledge()
    assert image.check() == 0
