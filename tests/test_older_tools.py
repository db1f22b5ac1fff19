"""What older tools are given, and what they make of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from publication_help import build, record

from recorder import database, older_tools
from recorder.errors import BadValueError
from recorder.exports import build_times
from recorder.publish.serve import publication


def document(path: Path, layout: str = "averages") -> Any:
    with database.connect_to_read(path) as connection:
        return json.loads(json.dumps(older_tools.document(connection, layout)))


def older_reader(data: Any) -> dict[str, Any]:
    """What the older stats page shows of a file, as it reads it."""
    if isinstance(data, dict) and "averages" in data:
        values = list(data["averages"].values())
        return {
            "average": sum(values) / len(values) if values else 0,
            "last": data["last_build_time"],
            "history": data["history"],
        }
    if isinstance(data, dict) and "avg_duration" in data:
        return data
    return {
        "average": sum(row["duration"] for row in data) / len(data),
        "last": data[-1]["timestamp"],
        "history": data,
    }


@pytest.fixture
def recorded(database_path: Path) -> Path:
    record(
        database_path,
        build("api", hours=2, seconds=30, image_size_bytes=200_000_000),
        build("api", hours=1, seconds=10, image_size_bytes=100_000_000),
        build("web", hours=3, seconds=60),
        build("web", hours=4, seconds=2, status="failed"),
    )
    return database_path


def test_the_older_reader_gets_the_mean_of_the_averages_and_the_last_build(recorded: Path) -> None:
    shown = older_reader(document(recorded))
    assert shown["average"] == (20 + 60) / 2
    assert shown["last"] == "2025-07-10T16:00:00.000+08:00"
    assert [row["duration"] for row in shown["history"]] == [2, 60, 30, 10]


def test_the_older_reader_gets_the_last_build_of_the_list(recorded: Path) -> None:
    shown = older_reader(document(recorded, "list"))
    assert shown["last"] == "2025-07-10T08:00:00.000Z"
    assert shown["average"] == (30 + 10 + 60 + 2) / 4


@pytest.mark.parametrize("layout", older_tools.LAYOUTS)
async def test_the_file_and_the_url_give_older_tools_the_same(
    recorded: Path, tmp_path: Path, layout: str
) -> None:
    written = tmp_path / "docker_build_times.json"
    build_times.export(recorded, written, layout)
    answer = await publication(recorded).client.get(f"/{written.name}?_layout={layout}")
    assert json.loads(written.read_text()) == answer.json() == document(recorded, layout)


def test_the_default_has_plain_numbers_by_image(recorded: Path) -> None:
    given = document(recorded)
    assert set(given) == {
        "history",
        "averages",
        "sizes_mb",
        "total_builds",
        "avg_duration",
        "last_build_time",
        "database_path",
    }
    assert given["averages"] == {"api": 20.0, "web": 60.0}
    assert given["sizes_mb"] == {"api": 150.0}
    assert given["total_builds"] == {"api": 2, "web": 2}
    assert given["avg_duration"] == pytest.approx(100 / 3)
    assert given["history"][0] == {
        "timestamp": "2025-07-10T16:00:00.000+08:00",
        "image": "web",
        "duration": 2.0,
        "size_mb": 0.0,
        "timezone": "Asia/Singapore",
    }


def test_the_objects_are_those_of_the_last_exporter(recorded: Path) -> None:
    given = document(recorded, "objects")
    assert set(given) == {"history", "averages", "last_build_time", "database_path"}
    assert given["averages"] == {
        "api": {"duration": 20.0, "size_mb": 150.0, "total_builds": 2},
        "web": {"duration": 60.0, "size_mb": 0.0, "total_builds": 2},
    }
    assert given["history"] == document(recorded)["history"]


def test_the_list_has_the_bare_rows_in_the_order_of_time(recorded: Path) -> None:
    assert document(recorded, "list")[0] == {
        "timestamp": "2025-07-10T05:00:00.000Z",
        "image": "api",
        "duration": 10.0,
    }


def test_nothing_is_told_about_the_folder(recorded: Path) -> None:
    assert document(recorded)["database_path"] == recorded.name
    assert str(recorded.parent) not in json.dumps(document(recorded))


def test_an_image_that_never_succeeded_does_not_break_the_reader(database_path: Path) -> None:
    record(database_path, build("web", status="failed"), build("api", seconds=7))
    given = document(database_path)
    assert older_reader(given)["average"] == 7
    assert given["total_builds"] == {"api": 1, "web": 1}


def test_an_empty_history_gives_an_empty_document(database_path: Path) -> None:
    given = document(database_path)
    assert (given["history"], given["averages"], given["last_build_time"]) == ([], {}, None)
    assert older_reader(given)["average"] == 0
    assert document(database_path, "list") == []


def test_another_layout_is_refused(database_path: Path) -> None:
    with pytest.raises(BadValueError, match="averages, objects, list"):
        document(database_path, "tables")
