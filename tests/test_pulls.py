"""What a build pulls is in its record: the bytes and the time, on the step that needs the image."""

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_help import BUSYBOX, docker
from engines_books import assert_agrees
from recording_help import buildrec, keep_apart, rows, run, steps, unlike_any_other
from registry_help import bytes_of, registry

from recorder.engine import control_pb2 as api
from recorder.engine import records

Contexts = Callable[..., Path]


def tree(name: str) -> bytes:
    """An archive of a shell, and of bytes that no layer before had."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add(BUSYBOX, "bin/sh")
        extra = tarfile.TarInfo(name)
        extra.size = 700_000
        archive.addfile(extra, io.BytesIO(os.urandom(extra.size)))
    return content.getvalue()


def test_a_layer_that_came_in_one_go_counts_and_one_that_was_there_does_not() -> None:
    # As an engine of 28.5 tells of a pull: names and IDs are its own.
    record = api.BuildHistoryRecord(Ref="r", CreatedAt={"seconds": 10}, CompletedAt={"seconds": 12})
    vertex = {"digest": "v", "name": "[1/2] FROM localhost/base:1", "started": {"seconds": 10},
              "completed": {"seconds": 11}}  # fmt: skip
    told = [
        ("resolve localhost/base:1", "", 0), ("extracting sha256:aa", "extract", 0),
        ("sha256:aa", "downloading", 300), ("sha256:aa", "done", 1000),
        ("sha256:bb", "done", 24), ("sha256:cc", "exists", 0), ("exporting layers", "done", 9),
    ]  # fmt: skip
    statuses = [{"ID": i, "vertex": "v", "name": name, "current": n} for i, name, n in told]
    trace = [api.StatusResponse(vertexes=[vertex], statuses=statuses)]
    (step,) = records.to_build(record, trace, None, records.Origin("sync")).steps
    assert step.bytes == 1024


@pytest.mark.engine
def test_the_bytes_of_a_pull_are_those_of_the_registry(
    context: Contexts, image_name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keep_apart(monkeypatch, tmp_path)
    db = tmp_path / "history.db"
    with registry(tmp_path) as place:
        base = f"{place}/{image_name}:1"
        # Not built here, for the layers would then stay in the build cache.
        assert run("docker", "import", "-", base, stdin=tree(image_name)).returncode == 0
        docker("push", "--quiet", base)
        expected = bytes_of(place, image_name, "1")
        docker("image", "rm", base)
        folder = context(f"FROM {base}\nRUN echo {unlike_any_other()}\n")
        for _ in range(2):
            ended = buildrec("build", "-t", f"{image_name}-of:dev", folder, db=db)
            assert ended.returncode == 0, ended.stderr
    pulled, local = rows(db)
    for row in (pulled, local):
        assert_agrees(db, row)
        assert row["size_kind"] in ("unpacked", "containerd")
    (first,) = [step for step in steps(db, pulled["id"]).values() if step["kind"] == "from"]
    assert first["bytes"] == expected > 700_000
    assert first["duration"] > 0
    assert not first["cached"]
    (second,) = [step for step in steps(db, local["id"]).values() if step["kind"] == "from"]
    assert second["bytes"] is None
    assert local["cache_ratio"] == 1.0
