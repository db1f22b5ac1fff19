"""`buildrec serve` as people run it: a process, a port, signals, and a writer beside it."""

import contextlib
import http.client
import signal
import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from publication_help import KEY, build, record
from serve_help import DEADLINE, RECENT, fetch, run, serving

from recorder import database, store
from recorder.errors import CannotServeError
from recorder.publish import site


def test_a_build_shows_the_moment_it_is_recorded(database_path: Path) -> None:
    with serving(database_path) as (url, _), database.connect(database_path) as writer:
        assert fetch(url + RECENT) == []
        for hour in range(20):
            recorded = store.record(writer, build(hours=hour), KEY)
            assert [row["id"] for row in fetch(url + RECENT)] == [recorded.id]
            document = fetch(f"{url}/docker_build_times.json")
            assert document["total_builds"] == {"shop/api": hour + 1}
        assert fetch(f"{url}/-/healthz")["ok"] is True


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


def hammer(url: str, until: threading.Event) -> None:
    while not until.wait(0.005):
        with contextlib.suppress(OSError, http.client.HTTPException):
            urllib.request.urlopen(url, timeout=DEADLINE).read()


def test_it_stops_under_load_and_beside_clients_that_hang(database_path: Path) -> None:
    record(database_path, *(build(f"image-{n % 50}", hours=n) for n in range(20_000)))
    done = threading.Event()
    with serving(database_path) as (url, process):
        port = urlsplit(url).port
        busy = [
            threading.Thread(target=hammer, args=(url + page, done))
            for page in ("/docker_build_times.json", RECENT, "/docker_build_history/steps", "/")
        ]
        for thread in busy:
            thread.start()
        with contextlib.ExitStack() as clients:
            for request in (
                b"",
                b"GET / HTTP/1.1\r\nHost: x\r\n",
                b"GET /docker_build_times.json HTTP/1.1\r\nHost: x\r\n\r\n",
            ):
                client = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
                client.sendall(request)
            assert fetch(url + RECENT)
            process.send_signal(signal.SIGTERM)
            try:
                assert process.wait(timeout=DEADLINE) == 0
            finally:
                done.set()
        for thread in busy:
            thread.join()


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


@pytest.mark.parametrize("name", ["100%.db", "what?.db", "a#b.db", "sp ace.db"])
def test_the_file_may_be_called_anything(tmp_path: Path, name: str) -> None:
    record(tmp_path / name, build())
    with serving(tmp_path / name) as (url, _):
        assert len(fetch(url + RECENT)) == 1


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
