"""Messages about alerts: what a service on loopback gets, once, whatever goes wrong on the way."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from collector_help import Receiver, receiver
from engine_help import docker
from publication_help import KEY, build, record
from recording_help import (
    COMMAND,
    Running,
    buildrec,
    keep_apart,
    rows,
    run,
    shell,
    unlike_any_other,
    until,
)
from second_engine import second_engine

from recorder import database, store, times
from recorder.alerts import full_pass, messages, notify
from recorder.errors import BadSettingsError, NotSentError
from recorder.model import Build

# Of a library that apprise tells kinds of pictures with.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SECRET = "s3cret-path-of-a-webhook"


@pytest.fixture
def service() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@contextmanager
def silent() -> Iterator[tuple[Receiver, threading.Event]]:
    """A service that does not answer, and whether it was asked."""
    asked, ended = threading.Event(), threading.Event()

    class Silent(Receiver):
        def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
            asked.set()
            ended.wait(60)
            return 200

    with receiver(kind=Silent) as service:
        yield service, asked
        ended.set()


def address(service: Receiver) -> str:
    return f"json://127.0.0.1:{service.port}/{SECRET}"


def record_a_regression(path: Path, image: str = "shop/api", seconds: float = 60) -> None:
    """Twelve builds of half a minute, then three that take longer; judged."""
    times_of = [30 + n % 3 / 10 for n in range(12)] + [seconds] * 3
    record(
        path,
        *(
            build(image, hours=n, seconds=s, ref=f"{image}{n}".replace("/", "."), cache_ratio=0.0)
            for n, s in enumerate(times_of)
        ),
    )
    with database.connect(path) as connection:
        full_pass.judge_all(connection)


def insert(path: Path, *alerts: dict[str, Any]) -> None:
    """Alerts as they are stored, but for what is told of them."""
    usual = {
        "image_name": "shop/api", "metric": "duration", "direction": "worse", "state": "open",
        "first_at": "2025-07-10T04:00:00.000Z", "before_value": 1, "after_value": 2,
        "before_count": 9, "after_count": 2, "rule": "recent", "parameters": "{}",
        "sentence": "shop/api: 2 s is more", "group_key": "g1",
        "created_at": times.utc_text(times.now()), "updated_at": times.utc_text(times.now()),
    }  # fmt: skip
    with database.connect(path) as connection:
        for alert in alerts:
            values = usual | alert
            marks = ", ".join("?" * len(values))
            connection.execute(
                f"INSERT INTO alerts ({', '.join(values)}) VALUES ({marks})", tuple(values.values())
            )


def test_a_regression_that_opens_is_one_message(database_path: Path, service: Receiver) -> None:
    record_a_regression(database_path)
    assert rows(database_path, "SELECT * FROM alerts WHERE state IN ('open', 'confirmed')")
    to = [address(service)]
    assert notify.notify(database_path, to, "https://b.example") == 1
    assert notify.notify(database_path, to) == 0
    (told,) = service.documents
    assert told["title"] == "shop/api got worse"
    assert told["type"] == "warning"
    assert "60.0 s is" in told["message"]
    page = "https://b.example/docker_build_history/image?image_name=shop%2Fapi"
    assert told["message"].endswith(page)


def test_alerts_of_one_group_are_one_message(database_path: Path, service: Receiver) -> None:
    insert(
        database_path,
        {"metric": "duration", "sentence": "shop/api: slower"},
        {"metric": "size", "sentence": "shop/api: larger", "state": "confirmed"},
        {"image_name": "shop/web", "sentence": "shop/web: slower"},
        {"group_key": "g2", "image_name": "other", "sentence": "other: slower"},
    )
    assert notify.notify(database_path, [address(service)]) == 2
    first, second = service.documents
    assert first["title"] == "shop/api, shop/web got worse"
    assert first["message"].splitlines() == ["shop/api: slower", "shop/api: larger",
                                             "shop/web: slower"]  # fmt: skip
    assert second["message"] == "other: slower"


@pytest.mark.parametrize(
    "alert",
    [{"direction": "better"}, {"state": "warning"}, {"state": "acknowledged"},
     {"state": "withdrawn"}, {"state": "resolved"}],
)  # fmt: skip
def test_what_asks_for_nothing_is_not_told(
    database_path: Path, service: Receiver, alert: dict[str, Any]
) -> None:
    insert(database_path, alert)
    assert notify.notify(database_path, [address(service)]) == 0
    assert not service.posts


def test_its_end_is_told_once_to_who_was_told_of_it(database_path: Path, service: Receiver) -> None:
    insert(database_path, {}, {"metric": "size", "sentence": "shop/api: larger"})
    to = [address(service)]
    notify.notify(database_path, to)
    with database.connect(database_path) as connection:
        connection.execute("UPDATE alerts SET state = 'acknowledged' WHERE metric = 'size'")
        connection.execute("UPDATE alerts SET state = 'resolved' WHERE metric = 'duration'")
    assert notify.notify(database_path, to) == 0
    with database.connect(database_path) as connection:
        connection.execute("UPDATE alerts SET state = 'resolved'")
    assert [notify.notify(database_path, to) for _ in range(2)] == [1, 0]
    assert service.documents[-1]["title"] == "shop/api: back to what was usual"
    assert service.documents[-1]["message"].splitlines() == [
        "over: shop/api: 2 s is more", "over: shop/api: larger",
    ]  # fmt: skip
    assert service.documents[-1]["type"] == "success"
    with receiver() as late:
        assert notify.notify(database_path, [address(late)]) == 0


@pytest.mark.parametrize("judged", [True, False])
def test_a_regression_that_a_worse_one_follows_is_not_told_to_be_back_to_what_was_usual(
    database_path: Path, judged: bool
) -> None:
    made = [
        build("app", hours=n, seconds=level + n % 3 / 10, ref=f"{n}", git_commit=f"{level:040x}")
        for n, level in enumerate([*[30] * 12, *[60] * 8, *[90] * 8])
    ]

    def told(some: list[Build]) -> list[str]:
        with database.connect(database_path) as connection:
            store.record_all(connection, some, KEY, judged=judged)
            full_pass.judge_all(connection)
            return [message.title for message in messages.claim(connection, "somebody")]

    assert told(made[:20]) == ["app got worse"]
    assert told(made[20:]) == ["app got worse", "app: over, as a later change took its place"]


def test_an_image_that_joins_a_group_later_is_told_alone(
    database_path: Path, service: Receiver
) -> None:
    insert(database_path, {})
    to = [address(service)]
    notify.notify(database_path, to)
    later = {"created_at": times.utc_text(times.now() + timedelta(seconds=1))}
    insert(database_path, {"metric": "size", **later})  # more of the same image is no news
    assert notify.notify(database_path, to) == 0
    insert(database_path, {"image_name": "shop/web", "sentence": "shop/web: slower", **later})
    with receiver(500, 200) as broken:
        with pytest.raises(NotSentError):
            notify.notify(database_path, [address(broken)])
        assert notify.notify(database_path, to) == 1
        assert notify.notify(database_path, [address(broken)]) == 1
    told = service.documents[-1]
    assert (told["title"], told["message"]) == ("shop/web got worse", "shop/web: slower")


def test_a_regression_that_opens_anew_after_its_end_was_told_is_told_anew(
    database_path: Path, service: Receiver
) -> None:
    insert(database_path, {})
    to = [address(service)]

    def told_when(state: str) -> int:
        with database.connect(database_path) as connection:
            connection.execute("UPDATE alerts SET state = ?", (state,))
        return notify.notify(database_path, to)

    states = ("open", "confirmed", "resolved", "open", "open", "resolved", "resolved")
    assert [told_when(state) for state in states] == [1, 0, 1, 1, 0, 1, 0]


def test_a_second_address_that_fails_anew_has_what_it_was_told_before(
    database_path: Path,
) -> None:
    insert(database_path, {})
    later = {"created_at": times.utc_text(times.now() + timedelta(seconds=1))}
    with receiver(200, 500, 200) as service:
        to = [address(service)]
        notify.notify(database_path, to)
        insert(database_path, {"image_name": "shop/web", "sentence": "shop/web: slower", **later})
        with pytest.raises(NotSentError):
            notify.notify(database_path, to)
        assert notify.notify(database_path, to) == 1
        titles = [told["title"] for told in service.documents]
        assert titles == ["shop/api got worse", "shop/web got worse", "shop/web got worse"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_interrupts_a_slow_service_loses_no_message(
    database_path: Path, number: int, code: int
) -> None:
    insert(database_path, {})
    with silent() as (service, asked):
        words = ["alerts", "notify", "--to", f"{address(service)}?rto=60"]
        running = subprocess.Popen(
            [COMMAND, "--db", str(database_path), *words], stderr=subprocess.PIPE
        )
        assert asked.wait(60)
        running.send_signal(number)
        said = running.communicate(timeout=60)[1]
    assert running.returncode == code, said
    assert not rows(database_path, "SELECT * FROM alert_messages")


def test_each_address_is_told(database_path: Path, service: Receiver) -> None:
    insert(database_path, {})
    with receiver() as other:
        assert notify.notify(database_path, [address(service)]) == 1
        assert notify.notify(database_path, [address(service), address(other)]) == 1
    assert len(service.posts) == len(other.posts) == 1


def test_a_service_that_fails_is_tried_again_by_the_next_run(database_path: Path) -> None:
    insert(database_path, {}, {"group_key": "g2", "image_name": "other"})
    with receiver(200, 500, 200) as service, receiver() as sound:
        to = [address(service), address(sound)]
        with pytest.raises(NotSentError, match="1 of 4 messages did not go out"):
            notify.notify(database_path, to)
        assert len(sound.posts) == 2
        assert notify.notify(database_path, to) == 1
        assert len(service.posts) == 3
        assert notify.notify(database_path, to) == 0


def test_a_service_that_never_answers_keeps_nobody(database_path: Path) -> None:
    insert(database_path, {})
    with silent() as (service, asked):
        to = [f"{address(service)}?rto=60"]
        with pytest.raises(NotSentError):
            notify.notify(database_path, to, patience=3.0)
    assert asked.is_set()
    assert not rows(database_path, "SELECT * FROM alert_messages")


def test_of_many_that_tell_at_once_one_does(database_path: Path, service: Receiver) -> None:
    groups = [{"group_key": f"g{n}", "image_name": f"i{n}"} for n in range(10)]
    insert(database_path, *groups)
    words = [COMMAND, "--db", str(database_path), "alerts", "notify", "--to", address(service)]
    running = [subprocess.Popen(words, stderr=subprocess.PIPE) for _ in range(4)]
    said = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, said
    assert sorted(told["title"] for told in service.documents) == sorted(
        f"i{n} got worse" for n in range(10)
    )


def test_no_address_is_stored_or_said(database_path: Path, tmp_path: Path) -> None:
    insert(database_path, {})
    with receiver() as gone:
        to = f"json://user:{SECRET}@127.0.0.1:{gone.port}/{SECRET}"
    environ = {"BUILDREC_NOTIFY": f"{to} json://127.0.0.1:{gone.port}/{SECRET}2"}
    said = buildrec("-v", "alerts", "notify", db=database_path, environ=environ)
    assert said.returncode == 1
    assert b"2 of 2 messages did not go out" in said.stderr
    assert SECRET.encode() not in said.stdout + said.stderr
    with receiver() as service:
        assert buildrec("alerts", "notify", "--to", address(service), db=database_path,
                        ).returncode == 0  # fmt: skip
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    state = Path(os.environ["XDG_STATE_HOME"])
    kept += b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert SECRET.encode() not in kept
    assert len(rows(database_path, "SELECT * FROM alert_messages")) == 1


def test_settings_and_environment_name_addresses(
    database_path: Path, service: Receiver, tmp_path: Path
) -> None:
    insert(database_path, {})
    project = tmp_path / "project"
    project.mkdir()
    settings = project / "pyproject.toml"
    settings.write_text(f'[tool.buildrec]\nnotify = ["{address(service)}"]\n')
    with receiver() as other:
        environ = {"BUILDREC_NOTIFY": f" {address(other)}  {address(service)} "}
        said = buildrec("alerts", "notify", db=database_path, cwd=project, environ=environ)
    assert (said.returncode, said.stderr) == (0, b"sent 2 messages\n")
    settings.write_text(f'[tool.buildrec]\nnotify = "json://{SECRET}"\n')
    wrong = buildrec("alerts", "notify", db=database_path, cwd=project)
    assert wrong.returncode != 0
    assert b"line 2, `notify`: it is no list of addresses" in wrong.stderr
    assert SECRET.encode() not in wrong.stderr


def test_what_is_no_address_is_told_by_its_place(database_path: Path, service: Receiver) -> None:
    insert(database_path, {})
    with pytest.raises(BadSettingsError, match="address 2 to notify") as error:
        notify.notify(database_path, [address(service), f"no-such-service://{SECRET}"])
    assert SECRET not in str(error.value)
    assert not service.posts, "nothing goes out before all addresses are known"
    nobody = buildrec("alerts", "notify", db=database_path)
    assert b"no address is set" in nobody.stderr


def test_check_tells_and_its_verdict_stands_whatever_becomes_of_it(
    database_path: Path, service: Receiver
) -> None:
    record_a_regression(database_path)
    told = buildrec("check", "--notify", db=database_path,
                    environ={"BUILDREC_NOTIFY": address(service)})  # fmt: skip
    assert (told.returncode, told.stderr) == (3, b"")
    assert len(service.posts) == 1
    failing = buildrec("check", "--notify", db=database_path,
                       environ={"BUILDREC_NOTIFY": "json://127.0.0.1:1/x"})  # fmt: skip
    assert failing.returncode == 3
    assert failing.stdout == told.stdout
    assert failing.stderr.startswith(b"not told: 1 of 1 messages did not go out")
    buildrec("check", db=database_path, environ={"BUILDREC_NOTIFY": address(service) + "2"})
    assert len(service.posts) == 1


def test_recorded_text_calls_nobody(database_path: Path, service: Receiver) -> None:
    insert(database_path, {"image_name": "@everyone", "sentence": "x <!channel> \x1b[2J\u202e"})
    notify.notify(database_path, [address(service)])
    (told,) = service.documents
    for text in (told["title"], told["message"]):
        assert "@everyone" not in text
        assert "<!" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_a_group_that_changed_hands_is_told_as_it_is(database_path: Path) -> None:
    many = [{"metric": "step", "step_key": f"k{n}", "sentence": f"s{n}"} for n in range(12)]
    insert(database_path, *many)
    with database.connect(database_path) as connection:
        (message,) = messages.claim(connection, "c")
        assert message.body.splitlines()[-1] == "and 2 more"
        messages.release(connection, "c", [message])
        assert messages.claim(connection, "c") == [message]


def test_without_the_library_the_extra_is_named(database_path: Path, tmp_path: Path) -> None:
    (tmp_path / "apprise.py").write_text("raise ImportError('not here')")
    said = run(COMMAND, "--db", database_path, "alerts", "notify", "--to", "json://x",
               environ={"PYTHONPATH": str(tmp_path)})  # fmt: skip
    assert said.returncode == 1
    assert b"pip install 'buildrec[notify]'" in said.stderr


def test_no_database_is_made_to_tell_of_it(tmp_path: Path) -> None:
    said = buildrec("alerts", "notify", "--to", "json://127.0.0.1:1", db=tmp_path / "no.db")
    assert said.returncode == 1
    assert b"there is no database" in said.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.engine
def test_watch_tells_of_what_it_stored(
    database_path: Path,
    service: Receiver,
    tmp_path: Path,
    context: Any,
    image_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with second_engine() as alone:
        keep_apart(monkeypatch, tmp_path)
        monkeypatch.setenv("DOCKER_HOST", alone.address)
        monkeypatch.setenv("BUILDREC_NOTIFY", address(service))
        insert(database_path, {"image_name": "before", "sentence": "before: slower"})
        watching = Running(COMMAND, "--db", database_path, "watch", out=tmp_path / "out")
        try:
            watching.until_it_says("caught_up")
            assert not service.posts
            folder = context(shell(f"echo {unlike_any_other()}"))
            docker("buildx", "build", "-q", "-t", image_name, str(folder))
            watching.until_it_says('"ended"')
            until(lambda: service.posts, "a message comes")
        finally:
            watching.process.terminate()
            watching.wait()
    assert service.documents[0]["title"] == "before got worse"
