"""`buildrec serve` as people run it: a process, a port, signals, and a writer beside it."""

import json
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from publication_help import KEY, build, record
from serve_help import COMMAND, DEADLINE, serving

from recorder import database, store
from recorder.errors import CannotServeError
from recorder.publish import serve as publishing
from recorder.publish import site

RECENT = "/docker_build_history/recent_builds.json?_shape=array&limit=1"


def fetch(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=DEADLINE) as answer:
        return json.load(answer)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=DEADLINE)


def test_a_build_shows_the_moment_it_is_recorded(database_path: Path) -> None:
    with serving(database_path) as (url, _), database.connect(database_path) as writer:
        assert fetch(url + RECENT) == []
        for hour in range(20):
            recorded = store.record(writer, build(hours=hour), KEY)
            assert [row["id"] for row in fetch(url + RECENT)] == [recorded.id]
            document = fetch(f"{url}/docker_build_times.json")
            assert document["total_builds"] == {"shop/api": hour + 1}
        assert fetch(f"{url}/-/healthz") == {"ok": True}


def test_what_is_published_is_not_cached_by_clients(database_path: Path) -> None:
    record(database_path, build())
    with (
        serving(database_path) as (url, _),
        urllib.request.urlopen(url + RECENT, timeout=DEADLINE) as answer,
    ):
        assert "no-cache" in answer.headers["cache-control"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_as_a_job_done(database_path: Path, number: signal.Signals) -> None:
    with serving(database_path) as (url, process):
        assert fetch(url + RECENT) == []
        process.send_signal(number)
        assert process.wait(timeout=DEADLINE) == 0
        with pytest.raises(urllib.error.URLError):
            fetch(url + RECENT)


def test_a_client_that_keeps_its_connection_does_not_hold_it_up(database_path: Path) -> None:
    with serving(database_path) as (url, process):
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
            client.sendall(b"GET /-/healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=DEADLINE) == 0


def test_it_listens_on_this_machine_only_by_default(database_path: Path) -> None:
    with serving(database_path) as (url, _):
        assert url.startswith("http://127.0.0.1:")


def test_a_taken_port_is_told_with_its_cure(database_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("--db", str(database_path), "serve", "--port", port)
    assert ended.returncode == 1
    assert f"port {port}" in ended.stderr
    assert "--port" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_an_address_that_is_not_ours_is_told(database_path: Path) -> None:
    ended = run("--db", str(database_path), "serve", "--host", "no-such-host.invalid")
    assert ended.returncode == 1
    assert "no-such-host.invalid" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_database_is_told_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "nothing.db"
    ended = run("--db", str(path), "serve", "--port", "0")
    assert ended.returncode == 1
    assert "no database" in ended.stderr
    assert not path.exists()


def test_another_file_is_not_served(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("not a database, but long enough to look at " * 10)
    ended = run("--db", str(path), "serve", "--port", "0")
    assert ended.returncode == 1
    assert "not a SQLite database" in ended.stderr


def test_a_name_that_datasette_cannot_open_is_told(tmp_path: Path) -> None:
    path = tmp_path / "100%.db"
    record(path, build())
    with pytest.raises(CannotServeError, match="rename"):
        publishing.publication(path)


def test_an_installation_without_its_pages_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(site, "__file__", str(tmp_path / "recorder" / "publish" / "site.py"))
    with pytest.raises(CannotServeError, match="reinstall"):
        site.folder()


def test_the_pages_of_an_installed_package_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "recorder" / "publish" / "site"
    (place / "templates").mkdir(parents=True)
    (place / "metadata.yml").touch()
    monkeypatch.setattr(site, "__file__", f"{place}.py")
    assert site.folder() == place
