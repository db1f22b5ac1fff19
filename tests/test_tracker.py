"""The Python API that older scripts call."""

import json
import logging
import sqlite3
from pathlib import Path

import pytest

import recorder
from recorder import DockerBuildTracker, track_docker_build
from recorder.errors import BadValueError, CannotWriteError, NotADatabaseError


@pytest.fixture
def tracker(database_path: Path, monkeypatch: pytest.MonkeyPatch) -> DockerBuildTracker:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{database_path.parent}/no.sock")
    return DockerBuildTracker(str(database_path))


def test_the_older_calls_work_with_their_names_and_positions(tracker: DockerBuildTracker) -> None:
    tracker.record_build("app", 10)
    tracker.record_build("app", 20.5, "Dockerfile.dev", {"PORT": 80}, True, None, "UTC")
    tracker.record_build("app", 3, success=False, error_message="exit code: 1")
    history = tracker.get_build_history("app", limit=2)
    assert [row["build_duration"] for row in history] == [3.0, 20.5]
    older = ("id", "image_name", "build_duration", "image_size_mb", "build_timestamp", "timezone",
             "dockerfile_path", "build_args", "success", "error_message", "created_at")  # fmt: skip
    assert list(history[1])[:11] == list(older)
    assert json.loads(history[1]["build_args"]) == {"PORT": "80"}
    assert history[1]["timezone"] == "UTC"
    statistics = tracker.get_build_statistics()["app"]
    assert statistics["avg_duration"] == 15.25
    assert statistics["total_builds"] == 3


def test_the_export_is_what_older_readers_take(tracker: DockerBuildTracker, tmp_path: Path) -> None:
    tracker.record_build("app", 10)
    written = tracker.export_to_json()
    assert Path(written).name == "docker_build_times.json"
    assert json.loads(Path(written).read_text())["averages"] == {"app": 10.0}
    with pytest.raises(CannotWriteError):
        tracker.export_to_json(tmp_path / "none" / "x.json")


def test_a_copy_for_a_docker_context_is_one_whole_file(
    tracker: DockerBuildTracker, tmp_path: Path
) -> None:
    tracker.record_build("app", 10)
    (tmp_path / "docker").mkdir()
    copy = tracker.copy_to_docker_context(tmp_path / "docker")
    assert [path.name for path in (tmp_path / "docker").iterdir()] == ["docker_build_history.db"]
    with sqlite3.connect(copy) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT count(*) FROM docker_builds").fetchone() == (1,)
    assert DockerBuildTracker(copy).get_build_history()[0]["image_name"] == "app"
    with pytest.raises(CannotWriteError):
        tracker.copy_to_docker_context(tmp_path / "none")


def test_errors_are_raised_and_not_swallowed(tracker: DockerBuildTracker, tmp_path: Path) -> None:
    with pytest.raises(BadValueError):
        tracker.record_build("app", -1)
    with pytest.raises(recorder.RecorderError):
        tracker.record_build("", 1)
    (tmp_path / "letter.db").write_text("dear reader" * 100)
    with pytest.raises(NotADatabaseError):
        DockerBuildTracker(tmp_path / "letter.db")


def test_a_tracked_function_is_recorded_and_its_result_given(database_path: Path) -> None:
    assert track_docker_build("app", lambda: 42, db_path=database_path) == 42

    def fail() -> None:
        raise ValueError("no space")

    with pytest.raises(ValueError, match="no space"):
        track_docker_build("app", fail, db_path=database_path)
    history = DockerBuildTracker(database_path).get_build_history()
    assert [row["status"] for row in history] == ["failed", "completed"]
    assert history[0]["error_message"] == "ValueError: no space"


def test_debug_logging_tells_what_happens(
    tracker: DockerBuildTracker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="recorder"):
        tracker.record_build("app", 1)
    assert "recorder.store" in {record.name for record in caplog.records}


@pytest.mark.engine
def test_the_size_comes_from_the_engine(database_path: Path, context, image_name: str) -> None:
    from tests.engine_help import docker

    folder = context("FROM scratch\nCOPY busybox /busybox\n")
    docker("buildx", "build", "-q", "-t", image_name, str(folder))
    tracker = DockerBuildTracker(database_path)
    tracker.record_build(image_name, 1.5)
    row = tracker.get_build_history()[0]
    assert row["image_size_bytes"] == int(
        docker("image", "inspect", "-f", "{{.Size}}", image_name).stdout
    )
