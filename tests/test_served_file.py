"""The served file as it is replaced, broken and mended while the server runs."""

import contextlib
import os
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from publication_help import KEY, build, record
from serve_help import DEADLINE, RECENT, fetch, run, serving, status_of

from recorder import database, schema, store


def snapshot(source: Path, to: Path) -> None:
    """Put a copy of the history where a served one may be, all at once."""
    aside = to.with_suffix(".new")
    with contextlib.closing(sqlite3.connect(source)) as connection:
        connection.execute("VACUUM INTO ?", (str(aside),))
    aside.replace(to)


def test_a_snapshot_is_served_from_a_folder_that_nobody_can_write(
    database_path: Path, tmp_path: Path
) -> None:
    record(database_path, build())
    folder = tmp_path / "published"
    folder.mkdir()
    snapshot(database_path, folder / "docker_build_history.db")
    folder.chmod(0o555)
    try:
        with serving(folder / "docker_build_history.db", "--immutable") as (url, _):
            assert len(fetch(url + RECENT)) == 1
            assert fetch(f"{url}/-/healthz")["ok"] is True
            with urllib.request.urlopen(url + RECENT, timeout=DEADLINE) as answer:
                assert answer.headers["cache-control"] == "max-age=300"
            assert status_of(f"{url}/docker_build_history.db") == 403
        assert [path.name for path in folder.iterdir()] == ["docker_build_history.db"]
    finally:
        folder.chmod(0o755)


def test_a_live_file_is_not_taken_for_a_snapshot(database_path: Path) -> None:
    with database.connect(database_path) as writer:
        store.record(writer, build(), KEY)
        ended = run("--db", str(database_path), "serve", "--port", "0", "--immutable")
    assert ended.returncode == 1
    assert "buildrec snapshot" in ended.stderr


@pytest.mark.parametrize("options", [[], ["--immutable"]])
def test_a_file_that_is_replaced_is_opened_anew(
    database_path: Path, tmp_path: Path, options: list[str]
) -> None:
    other = tmp_path / "other.db"
    served = tmp_path / "served.db"
    record(other, build("old"))
    snapshot(other, served)
    with serving(served, *options) as (url, _):
        for name in ("new", "newer", "newest"):
            for _ in range(8):
                fetch(url + RECENT)
            record(other, build(name, hours=1))
            snapshot(other, served)
            # Every thread of the server has the former file open.
            assert {fetch(url + RECENT)[0]["image_name"] for _ in range(8)} == {name}
            assert name in fetch(f"{url}/docker_build_times.json")["averages"]


def test_the_log_of_a_file_that_was_replaced_is_not_taken_for_the_new_ones(
    database_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.db"
    record(other, *(build(f"other-{n}", hours=n) for n in range(300)))
    with serving(database_path) as (url, _), database.connect(database_path) as writer:
        for hour in range(50):
            store.record(writer, build(hours=hour), KEY)
            fetch(url + RECENT)
        snapshot(other, database_path)
        for _ in range(8):
            assert fetch(url + RECENT)[0]["image_name"] == "other-299"
            assert len(fetch(f"{url}/docker_build_times.json")["history"]) == 300
    assert "log is still beside it" in capsys.readouterr().err


def lose(path: Path) -> None:
    path.unlink()


def damage(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)


def cut(path: Path) -> None:
    os.truncate(path, 10_000)


def make_newer(path: Path) -> None:
    with database.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lose, "missing"),
        (damage, "damaged"),
        (cut, "damaged"),
        (make_newer, "newer buildrec"),
    ],
)
def test_while_the_file_is_broken_each_page_says_why_and_later_it_is_back(
    database_path: Path, tmp_path: Path, harm: Callable[[Path], None], reason: str
) -> None:
    record(database_path, build())
    whole = database_path.read_bytes()
    pages = ("/", RECENT, "/docker_build_history/image?image_name=shop/api",
             "/docker_build_history/docker_builds", "/docker_build_history/docker_builds/1",
             "/docker_build_history/failures.csv", "/docker_build_history/failures.xlsx",
             "/docker_build_times.json", "/-/healthz", "/-/metrics")  # fmt: skip
    with serving(database_path) as (url, _):
        assert {status_of(url + page) for page in pages} == {200}
        harm(database_path)
        for page in pages:
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(url + page, timeout=DEADLINE)
            text = caught.value.read().decode()
            assert (page, caught.value.code, reason in text) == (page, 503, True)
            assert str(tmp_path) not in text
            assert caught.value.headers["cache-control"] == "no-store"
        for left in (f"{database_path}-wal", f"{database_path}-shm"):
            Path(left).unlink(missing_ok=True)
        database_path.write_bytes(whole)
        assert {status_of(url + page) for page in pages} == {200}
