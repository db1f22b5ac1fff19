"""The one door into the database: what comes in is there, once, masked, or not at all."""

import json
import sqlite3
import string
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder import database, masking, model, redact, schema, store, times
from recorder.errors import DatabaseError
from recorder.model import Build, Step
from recorder.steps import Vertex, fold

KEY = b"the key of these tests"
STEP_OF_NO_BUILD = (
    "INSERT INTO build_steps (build_id, position, name_id, marks) VALUES (7, 1, 1, 0)"
)
NOON = datetime(2025, 7, 10, 12, 0, tzinfo=UTC)


def a_build(**more):
    return Build(**{"image_name": "shop", "build_duration": 12.5, "completed_at": NOON, **more})


def steps(count=20):
    return tuple(
        Step(
            position=i,
            name=f"[build {i}/{count}] RUN step {i}",
            step_key=f"{i:016x}",
            kind="run",
            stage="build",
            step=i,
            steps=count,
            platform="linux/amd64" if i % 2 else None,
            instruction=f"RUN step {i}",
            cached=i % 3 == 0,
            shared=i == 5,
            critical=i % 4 == 0,
            started=None if i == 19 else i * 0.25 - (10 if i == 5 else 0),
            duration=None if i >= 19 else i * 0.125,
            bytes=i * 1000 if i == 7 else None,
            error="exit code: 1" if i == 20 else None,
        )
        for i in range(1, count + 1)
    )


FULL = a_build(
    ref="ref-1",
    source="sync",
    status="failed",
    zone="Europe/Berlin",
    started_at=NOON - timedelta(seconds=12.5),
    image_size_bytes=152_400_123,
    size_kind="docker",
    dockerfile_path="docker/Dockerfile",
    build_args={"VERSION": "1.2.3", "Ü": "ß"},
    error_message="exit code: 1",
    builder="default",
    platform="linux/amd64,linux/arm64",
    target="prod",
    image_tags=("shop:1.2.3", "shop:latest"),
    image_digest="sha256:" + "ab" * 32,
    git_commit="7d27480aa3c9e5a1f0d4853b976aa3c9e5a1f0d4",
    git_branch="main",
    git_dirty=False,
    ci_url="https://ci.example.com/1",
    total_steps=25,
    completed_steps=24,
    cached_steps=6,
    cache_ratio=0.3,
    critical_path_seconds=10.25,
    context_bytes=7000,
    warnings=0,
    steps=steps(),
)


@pytest.fixture
def connection(database_path):
    with database.connect(database_path) as opened:
        yield opened


def read(path, sql, *values):
    """Rows through a second, plain connection."""
    with closing(sqlite3.connect(path)) as plain:
        plain.row_factory = sqlite3.Row
        return [dict(row) for row in plain.execute(sql, values)]


def the_build(path):
    (row,) = read(path, "SELECT * FROM docker_builds")
    return row


# What is written


def test_a_build_reads_back_exactly_through_another_connection(connection, database_path):
    recorded = store.record(connection, FULL, KEY)
    assert recorded == (1, True)
    row = the_build(database_path)
    created = row.pop("created_at")
    assert times.parse(created) <= times.now()
    assert row == {
        "id": 1,
        "image_name": "shop",
        "build_duration": 12.5,
        "image_size_mb": 152.400123,
        "build_timestamp": "2025-07-10T14:00:00.000+02:00",
        "timezone": "Europe/Berlin",
        "dockerfile_path": "docker/Dockerfile",
        "build_args": '{"VERSION": "1.2.3", "Ü": "ß"}',
        "success": 0,
        "error_message": "exit code: 1",
        "ref": "ref-1",
        "source": "sync",
        "status": "failed",
        "started_at": "2025-07-10T11:59:47.500Z",
        "completed_at": "2025-07-10T12:00:00.000Z",
        "builder": "default",
        "platform": "linux/amd64,linux/arm64",
        "target": "prod",
        "image_tags": '["shop:1.2.3", "shop:latest"]',
        "image_digest": "sha256:" + "ab" * 32,
        "image_size_bytes": 152_400_123,
        "size_kind": "docker",
        "git_commit": "7d27480aa3c9e5a1f0d4853b976aa3c9e5a1f0d4",
        "git_branch": "main",
        "git_dirty": 0,
        "ci_url": "https://ci.example.com/1",
        "total_steps": 25,
        "completed_steps": 24,
        "cached_steps": 6,
        "cache_ratio": 0.3,
        "cache_class": "partial",
        "critical_path_seconds": 10.25,
        "context_bytes": 7000,
        "warnings": 0,
        "git_remote": None,
        "ci_run": None,
        "saved_seconds": 0.0,
        "error_excerpt": None,
        "canceled": 0,
        "saved_us": 0,
        "critical_path_us": 10_250_000,
    }
    rows = read(database_path, "SELECT * FROM steps WHERE build_id = 1 ORDER BY position")
    assert len(rows) == 20
    for row, step in zip(rows, FULL.steps, strict=True):
        assert row["build_id"] == 1
        for name in Step.__slots__:
            assert row[name] == getattr(step, name), name
    assert rows[4]["raw_duration"] == FULL.steps[4].duration - FULL.steps[4].started
    assert [row["raw_duration"] for row in rows if not row["shared"]] == [None] * 19


def test_a_build_that_says_little_is_written_with_what_older_tools_expect(
    connection, database_path
):
    store.record(connection, a_build(), KEY)
    row = the_build(database_path)
    assert row["image_size_mb"] == 0.0
    assert row["timezone"] == "Asia/Singapore"
    assert row["build_timestamp"] == "2025-07-10T20:00:00.000+08:00"
    assert row["started_at"] == "2025-07-10T11:59:47.500Z"
    assert (row["success"], row["status"], row["build_args"]) == (1, "completed", "{}")
    assert row["ref"] is row["cache_ratio"] is row["image_tags"] is row["git_dirty"] is None


def test_the_text_columns_of_time_sort_as_time_does(connection, database_path):
    moments = [NOON + timedelta(microseconds=ms * 1000 + 999) for ms in (0, 1, 999, 1000, 60_000)]
    for moment in reversed(moments):
        store.record(connection, a_build(completed_at=moment), KEY)
    rows = read(database_path, "SELECT completed_at FROM docker_builds ORDER BY id DESC")
    texts = [row["completed_at"] for row in rows]
    assert texts == sorted(texts)
    assert {len(text) for text in texts} == {24}


def test_builds_without_a_ref_are_builds_of_their_own(connection, database_path):
    assert store.record(connection, a_build(), KEY).new
    assert store.record(connection, a_build(), KEY).new
    assert len(read(database_path, "SELECT id FROM docker_builds")) == 2


# A build that comes in twice


def test_a_build_that_comes_in_twice_is_there_once(connection, database_path):
    store.record(connection, FULL, KEY)
    before = everything(database_path)
    assert store.record(connection, FULL, KEY) == (1, False)
    assert store.record_all(connection, [FULL, FULL], KEY) == store.Tally(new=0, known=2)
    assert everything(database_path) == before


def everything(path):
    found = {table.name: read(path, f"SELECT * FROM {table.name}") for table in schema.TABLES}
    for row in found["build_statistics"]:
        del row["updated_at"]
    return found


def test_a_second_telling_fills_in_what_the_row_lacks(connection, database_path):
    bare = a_build(ref="ref-1", source="sync", status="failed", zone="Europe/Berlin",
                   started_at=FULL.started_at)  # fmt: skip
    store.record(connection, bare, KEY)
    store.record(connection, FULL, KEY)
    filled = everything(database_path)
    store.delete(connection, [1])
    store.record(connection, FULL, KEY)
    whole = everything(database_path)
    assert filled["docker_builds"][0].pop("created_at")
    assert whole["docker_builds"][0].pop("created_at")
    for name in ("docker_builds", "build_steps", "build_totals", "step_names"):
        assert filled[name] == whole[name]


def test_a_second_telling_changes_nothing_that_is_known(connection, database_path):
    known = a_build(ref="r", source="sync", git_dirty=False, cache_ratio=0.0, cached_steps=0,
                    warnings=0, context_bytes=0, build_args={"A": "1"}, builder="one",
                    image_size_mb=10, steps=steps(3))  # fmt: skip
    store.record(connection, known, KEY)
    before = everything(database_path)
    other = replace(
        known, git_dirty=True, cache_ratio=0.5, cached_steps=4, warnings=7, context_bytes=9,
        build_args={"A": "2"}, builder="two", image_size_bytes=99, size_kind="other",
        steps=steps(5), status="failed", error_message="no", build_duration=99.0,
        completed_at=NOON + timedelta(hours=1),
    )  # fmt: skip
    assert store.record(connection, other, KEY) == (1, False)
    assert everything(database_path) == before


def test_zero_is_a_value_that_can_be_filled_in(connection, database_path):
    store.record(connection, a_build(ref="r"), KEY)
    more = a_build(ref="r", git_dirty=False, cache_ratio=0.0, cached_steps=0, warnings=0)
    store.record(connection, more, KEY)
    row = the_build(database_path)
    assert [row[name] for name in ("git_dirty", "cache_ratio", "cached_steps", "warnings")] == [
        0
    ] * 4
    assert row["cache_class"] == "cold"


@pytest.mark.parametrize("way", ["build", "run", "record"])
def test_the_way_in_that_was_asked_for_by_name_wins_in_any_order(connection, database_path, way):
    seen = a_build(ref="r", source="sync", image_name="folder", zone="UTC")
    asked = a_build(ref="r", source=way, image_name="shop:dev", zone="Europe/Berlin",
                    completed_at=NOON + timedelta(seconds=2))  # fmt: skip
    store.record(connection, seen, KEY)
    store.record(connection, asked, KEY)
    row = the_build(database_path)
    assert (row["image_name"], row["source"], row["timezone"]) == ("shop:dev", way, "Europe/Berlin")
    assert row["completed_at"] == "2025-07-10T12:00:00.000Z"
    assert row["build_timestamp"] == "2025-07-10T14:00:00.000+02:00"  # the same instant
    store.record(connection, seen, KEY)
    assert the_build(database_path) == row
    (statistics,) = read(database_path, "SELECT * FROM build_statistics")
    assert (statistics["image_name"], statistics["total_builds"]) == ("shop:dev", 1)
    assert statistics["last_build_timestamp"] == row["build_timestamp"]


def test_of_two_ways_that_were_asked_for_by_name_the_first_stays(connection, database_path):
    store.record(connection, a_build(ref="r", source="build", image_name="shop:dev"), KEY)
    store.record(connection, a_build(ref="r", source="run", image_name="other"), KEY)
    row = the_build(database_path)
    assert (row["image_name"], row["source"]) == ("shop:dev", "build")


def test_a_name_replaces_no_name(connection, database_path):
    store.record(connection, a_build(ref="r", source="sync", image_name="unnamed"), KEY)
    store.record(connection, a_build(ref="r", source="watch", image_name="shop"), KEY)
    assert the_build(database_path)["image_name"] == "shop"


def test_known_refs_are_found_however_many_are_asked_for(connection):
    store.record_all(connection, [a_build(ref=f"r{i}") for i in range(20)], KEY)
    asked = [f"r{i}" for i in range(1200)]
    assert store.known_refs(connection, asked) == {f"r{i}" for i in range(20)}
    assert store.known_refs(connection, []) == set()


# All or nothing


class NoMoreError(Exception):
    """A source that breaks."""


def test_many_builds_are_written_all_or_none(connection, database_path):
    def source():
        yield a_build(ref="one", steps=steps(3))
        yield a_build(ref="two")
        raise NoMoreError

    before = everything(database_path)
    with pytest.raises(NoMoreError):
        store.record_all(connection, source(), KEY)
    assert everything(database_path) == before
    assert store.record(connection, a_build(), KEY).new  # and the connection is fit for use


def test_a_build_that_the_tables_refuse_leaves_nothing(connection, database_path):
    twice = a_build(steps=(steps(2)[0], steps(2)[0]))
    before = everything(database_path)
    with pytest.raises(DatabaseError), database.translated(database_path):
        store.record_all(connection, [a_build(ref="fine"), twice], KEY)
    assert everything(database_path) == before


def test_a_commit_that_fails_leaves_nothing_open(connection, database_path):
    def commit_a_step_of_no_build():
        with database.transaction(connection):
            connection.execute("PRAGMA defer_foreign_keys = ON")
            connection.execute(STEP_OF_NO_BUILD)

    with pytest.raises(sqlite3.IntegrityError):
        commit_a_step_of_no_build()
    assert not connection.in_transaction
    assert store.record(connection, a_build(), KEY).new


# Deleting


def test_deleting_a_build_takes_its_steps_and_corrects_the_statistics(connection, database_path):
    store.record_all(connection, [replace(FULL, ref=None), a_build(build_duration=3)], KEY)
    assert store.delete(connection, [1, 1, 99]) == 1
    assert read(database_path, "SELECT * FROM build_steps") == []
    (statistics,) = read(database_path, "SELECT * FROM build_statistics")
    assert (statistics["total_builds"], statistics["max_duration"]) == (1, 3.0)
    assert store.delete(connection, [2]) == 1
    assert read(database_path, "SELECT * FROM build_statistics") == []
    assert read(database_path, "SELECT * FROM build_totals") == []
    assert store.delete(connection, []) == 0


def test_steps_cannot_point_at_what_is_not_there(connection):
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(STEP_OF_NO_BUILD)


# Names


def test_names_that_repeat_are_stored_once(connection, database_path):
    store.record_all(connection, [a_build(steps=steps()) for _ in range(3)], KEY)
    store.record(connection, a_build(image_name="other", steps=steps()), KEY)
    assert len(read(database_path, "SELECT * FROM step_names")) == 20
    assert len(read(database_path, "SELECT * FROM build_steps")) == 80
    assert len(read(database_path, "SELECT * FROM steps")) == 80


# Secrets


SECRET, TOKEN = "correct-horse-battery", "gh" + "p_" + "aB3" * 12 + "x"


def leaky_build():
    events = [
        Vertex("a", f"[1/3] RUN login {SECRET}", error=f"{SECRET} was refused",
               started=0, completed=1),
        Vertex("b", f"[2/3] RUN curl {TOKEN} https://me:pa55word@host/", started=1, completed=2,
               error=f"{TOKEN} https://me:pa55word@host/"),
        Vertex("c", f"[{SECRET} 3/3] RUN print sh4red-value", started=2, completed=3),
    ]  # fmt: skip
    arguments = {"API_TOKEN": SECRET, "PLAIN": TOKEN, f"N_{SECRET}": SECRET}
    where = f"x-{SECRET}-{TOKEN}"
    return a_build(
        image_name=where, ref="r", build_args=arguments, dockerfile_path=where,
        error_message=f"failed: {where}", builder=where, platform=where, target=where,
        image_tags=(where, "sh4red-value"), git_commit=where, git_branch=where,
        ci_url=f"https://me:pa55word@ci/{where}",
        steps=fold(events, window=3, arguments=arguments).steps,
        secrets=frozenset({"sh4red-value"}),
    )  # fmt: skip


def test_no_secret_reaches_the_file_or_what_lies_beside_it(connection, database_path):
    store.record(connection, leaky_build(), KEY)
    files = sorted(database_path.parent.glob(database_path.name + "*"))
    assert [file.name[len(database_path.name) :] for file in files] == ["", "-shm", "-wal"]
    for file in files:
        content = file.read_bytes()
        for secret in (SECRET, TOKEN, "pa55word", "sh4red-value", KEY.decode()):
            assert secret.encode() not in content, (file.name, secret)
    row = the_build(database_path)
    mask = redact.Redactor(KEY).hide(SECRET)
    assert json.loads(row["build_args"])["API_TOKEN"] == mask
    assert row["error_message"].startswith(f"failed: x-{mask}-[masked:")


def test_what_is_kept_outside_of_the_database_is_masked_as_well():
    for build in (leaky_build(), replace(leaky_build(), build_args={}, secrets=frozenset())):
        told = repr(masking.mask(build, redact.Redactor(KEY)))
        assert TOKEN not in told
        assert "pa55word" not in told
    assert SECRET not in repr(masking.mask(leaky_build(), redact.Redactor(KEY)))
    assert not masking.mask(leaky_build(), redact.Redactor(KEY)).secrets


def test_a_masked_build_is_written_as_the_build_itself(tmp_path):
    found = []
    for name, build in (
        ("one.db", leaky_build()),
        ("two.db", masking.mask(leaky_build(), redact.Redactor(KEY))),
    ):
        with database.connect(tmp_path / name) as connection:
            store.record(connection, build, KEY)
        found.append(everything(tmp_path / name))
        del found[-1]["docker_builds"][0]["created_at"]
    assert found[0] == found[1]


def test_masks_tell_a_changed_secret_from_an_equal_one(connection, database_path):
    for value in ("first-value", "first-value", "second-value"):
        store.record(connection, a_build(build_args={"API_TOKEN": value}), KEY)
    rows = read(database_path, "SELECT build_args FROM docker_builds ORDER BY id")
    one, again, other = (row["build_args"] for row in rows)
    assert one == again != other


def test_a_build_whose_texts_are_not_text_is_recorded(connection, database_path):
    odd = b"caf\xe9".decode(errors="surrogateescape")
    build = a_build(
        image_name=odd, dockerfile_path=odd, build_args={odd: odd}, image_tags=(odd,),
        steps=(replace(steps(1)[0], name=odd, instruction=odd, error=odd),),
    )  # fmt: skip
    assert store.record(connection, build, KEY).new
    assert the_build(database_path)["dockerfile_path"] == "caf?"
    zero = a_build(error_message="a\0b", image_name="nul")
    assert store.record(connection, zero, KEY).new
    assert read(database_path, "SELECT error_message FROM docker_builds WHERE id = 2") == [
        {"error_message": "a\0b"}
    ]


def test_a_switch_with_a_telling_name_leaves_step_names_alone(connection, database_path):
    build = a_build(build_args={"ENABLE_AUTH": "1", "USE_TOKEN": "true"}, steps=steps(1))
    store.record(connection, build, KEY)
    (name,) = read(database_path, "SELECT name FROM step_names")
    assert name["name"] == "[build 1/1] RUN step 1"


@pytest.mark.parametrize(("name", "kept"), [("postgres", True), ("app-tok123456", False)])
def test_only_a_plain_word_of_the_images_name_is_no_secret(name, kept, connection, database_path):
    arguments = {"DB_PASSWORD": "postgres", "API_TOKEN": "tok123456"}
    store.record(connection, a_build(image_name=name, build_args=arguments), KEY)
    (row,) = read(database_path, "SELECT image_name FROM docker_builds")
    assert (row["image_name"] == name) == kept


# The file


def test_the_closed_history_is_one_file(tmp_path):
    with database.connect(tmp_path / "a.db") as connection:
        store.record(connection, FULL, KEY)
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]
    assert len(read(tmp_path / "a.db", "SELECT * FROM docker_builds")) == 1


def test_older_tools_find_their_columns_first(database_path):
    def columns(table):
        return [row["name"] for row in read(database_path, f"PRAGMA table_info({table})")]

    assert columns("docker_builds")[:11] == [
        "id", "image_name", "build_duration", "image_size_mb", "build_timestamp", "timezone",
        "dockerfile_path", "build_args", "success", "error_message", "created_at",
    ]  # fmt: skip
    assert columns("build_statistics")[:8] == [
        "id", "image_name", "avg_duration", "avg_size_mb", "total_builds", "last_build_timestamp",
        "timezone", "updated_at",
    ]  # fmt: skip


def test_the_key_is_the_users_own_when_none_is_given(connection, database_path, monkeypatch):
    monkeypatch.setenv("BUILDREC_MASK_KEY", string.ascii_letters)
    store.record(connection, a_build(build_args={"API_TOKEN": SECRET}))
    expected = redact.Redactor(string.ascii_letters.encode()).hide(SECRET)
    assert json.loads(the_build(database_path)["build_args"]) == {"API_TOKEN": expected}


def test_sizes_and_durations_are_whole_bytes_and_microseconds(connection, database_path):
    build = a_build(build_duration=0.1 + 0.2, image_size_mb=1 / 3)
    store.record(connection, build, KEY)
    row = the_build(database_path)
    assert (row["build_duration"], row["image_size_mb"]) == (0.3, 0.333333)
    assert model.MICRO == 1_000_000


def test_the_layers_of_an_image_are_stored_once_and_readable_by_build(database_path: Path) -> None:
    layers = (
        model.Layer(1, "COPY busybox /bin/sh", 1_900_000),
        model.Layer(2, "ENV API_TOKEN=hunter2222", 0),
    )
    first = a_build(ref="one", image_digest="sha256:" + "a" * 64, layers=layers)
    with database.connect(database_path) as connection:
        store.record(connection, first)
        store.record(connection, replace(first, ref="two"))
        query = "SELECT * FROM build_layers ORDER BY build_id, position"
        rows = connection.execute(query).fetchall()
        stored = connection.execute("SELECT count(*) FROM image_layers").fetchone()
    assert stored == (2,)
    assert [row[0] for row in rows] == [1, 1, 2, 2]
    assert rows[0][2:] == ("COPY busybox /bin/sh", 1_900_000)
    assert "hunter2222" not in rows[1][2]


def test_what_the_cache_saves_is_what_the_step_last_took_in_the_same_series(
    database_path: Path,
) -> None:
    def run(ref: str, *, cached: bool, seconds: float, image: str = "app") -> model.Build:
        step = model.Step(
            position=1, name="[1/1] RUN make", step_key="k" * 16, kind="run", cached=cached,
            started=0.0, duration=0.0 if cached else seconds,
        )  # fmt: skip
        return a_build(ref=ref, image_name=image, steps=(step,))

    with database.connect(database_path) as connection:
        store.record(connection, run("cold", cached=False, seconds=7.5))
        store.record(connection, run("warm", cached=True, seconds=0))
        store.record(connection, run("again", cached=False, seconds=9.0))
        store.record(connection, run("warmer", cached=True, seconds=0))
        store.record(connection, run("other", cached=True, seconds=0, image="other"))
        saved = dict(connection.execute("SELECT ref, saved_seconds FROM docker_builds"))
    assert saved == {"cold": 0.0, "warm": 7.5, "again": 0.0, "warmer": 9.0, "other": 0.0}


def test_warnings_are_stored_with_rule_and_line(database_path: Path) -> None:
    lints = (model.Lint("stage-name-casing", "Stage name 'Base' should be lowercase", 1),)
    with database.connect(database_path) as connection:
        store.record(connection, a_build(lints=lints))
        row = connection.execute("SELECT rule, line, message FROM build_warnings").fetchone()
    assert row == ("stage-name-casing", 1, "Stage name 'Base' should be lowercase")
