"""`buildrec doctor` finds what is wrong with a file, says how to cure it, and mends it."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import recorder
from recorder import database, redact, schema, spool, store, times
from recorder.model import Build, Layer, Step
from recorder.upkeep import doctor, places, secrets

WHEN = times.parse("2026-03-01T04:05:06Z")
TOKEN = "gh" + "p_" + "a1B2c3D4e5" * 4
KEY = b"the key of these tests"


def a_build(**more: object) -> Build:
    step = Step(position=1, name="[1/1] RUN make", step_key="a" * 16, kind="run", started=0.0,
                duration=1.0)  # fmt: skip
    values = {"image_name": "app", "build_duration": 12.0, "completed_at": WHEN, "steps": (step,)}
    return Build(**values | more)  # type: ignore[arg-type]


@pytest.fixture
def filled(database_path: Path) -> Path:
    with database.connect(database_path) as connection:
        store.record(connection, a_build(ref="one"), KEY)
        store.record(connection, a_build(ref="two", build_duration=3.0), KEY)
    return database_path


def findings(path: Path, *, secrets_too: bool = False) -> dict[str, list[str]]:
    return {
        name: [finding.problem for finding in found]
        for name, found in doctor.examine(path, secrets_too=secrets_too)
        if found
    }


def run(path: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "recorder", "--db", str(path), "doctor", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_sound_file_is_well(filled: Path) -> None:
    assert findings(filled, secrets_too=True) == {}
    done = run(filled, "--secrets")
    assert done.returncode == 0, done.stdout
    assert "statistics: well" in done.stdout


def test_wrong_statistics_are_found_and_derived_anew(filled: Path) -> None:
    with sqlite3.connect(filled) as connection:
        connection.execute("UPDATE build_statistics SET avg_duration = 99")
        connection.execute("UPDATE build_totals SET builds = 7")
        names = ", ".join(schema.DOCKER_BUILDS.stored)
        connection.execute(
            f"CREATE TEMP TABLE copied AS SELECT {names} FROM docker_builds WHERE id = 1"
        )
        connection.execute("UPDATE copied SET id = 9, image_name = 'ghost', ref = 'ref9'")
        connection.execute(f"INSERT INTO docker_builds ({names}) SELECT * FROM copied")
    assert findings(filled) == {
        "statistics": ["the statistics of 2 images are off: app, ghost"],
        "days": ["the totals of 1 days are off: 2026-03-01 of ghost"],
    }
    done = run(filled)
    assert done.returncode == 1
    assert "doctor --fix" in done.stdout
    assert run(filled, "--fix").returncode == 0
    assert findings(filled) == {}


def test_what_belongs_to_nothing_is_found_and_deleted(filled: Path) -> None:
    with sqlite3.connect(filled) as connection:
        connection.execute("DELETE FROM docker_builds WHERE id = 1")
        connection.execute("INSERT INTO step_names (step_key, name, kind) VALUES ('k', 'n', 'run')")
        connection.execute("INSERT INTO images (image_digest) VALUES ('sha256:none')")
        connection.execute("INSERT INTO layer_instructions (instruction) VALUES ('RUN x')")
        connection.execute("INSERT INTO image_layers VALUES (1, 1, 1, 5)")
    found = findings(filled)
    assert set(found) == {"references", "statistics", "days", "orphans"}
    doctor.fix(filled, secrets_too=False)
    assert findings(filled) == {}


def test_builds_that_wait_are_stored(filled: Path) -> None:
    spool.put(a_build(ref="three"), filled)
    (spool.folder() / "torn.json").write_text('{"database": ')
    assert findings(filled) == {
        "spool": [
            "1 builds wait to be stored",
            f"1 files in {spool.folder()} cannot be read",
        ]
    }
    doctor.fix(filled, secrets_too=False)
    assert list(findings(filled)["spool"]) == [f"1 files in {spool.folder()} cannot be read"]
    with database.connect_to_read(filled) as connection:
        assert store.known_refs(connection, ["three"]) == {"three"}


def test_what_a_crash_cut_off_in_the_spool_is_rescued_or_removed(filled: Path) -> None:
    whole = spool.put(a_build(ref="three"), filled)
    whole = whole.rename(whole.with_suffix(".part"))
    torn = whole.with_name("torn.part")
    torn.write_text(whole.read_text()[:200])
    young = whole.with_name("young.part")
    young.write_text("{")
    for file in (whole, torn):
        moment = time.time() - 3600
        os.utime(file, (moment, moment))
    problem = f"2 files in {spool.folder()} were cut off while they were written"
    assert findings(filled) == {"spool": [problem]}
    doctor.fix(filled, secrets_too=False)
    assert findings(filled) == {}
    assert list(spool.folder().iterdir()) == [young]  # another process may be writing it
    with database.connect_to_read(filled) as connection:
        assert store.known_refs(connection, ["three"]) == {"three"}


def test_wrong_days_and_sums_are_found_and_derived_anew(filled: Path) -> None:
    with sqlite3.connect(filled) as connection:
        connection.execute("UPDATE build_days SET completed_us = completed_us + 1")
    assert findings(filled) == {"days": ["the totals of 1 days are off: 2026-03-01 of app"]}
    with sqlite3.connect(filled) as connection:
        connection.execute("UPDATE build_totals SET size_bytes = 7")
    assert set(findings(filled)) == {"days", "statistics"}
    doctor.fix(filled, secrets_too=False)
    assert findings(filled) == {}


def test_steps_whose_name_is_lost_keep_their_times(filled: Path) -> None:
    with sqlite3.connect(filled) as connection:
        connection.execute("DELETE FROM step_names")
        before = connection.execute("SELECT * FROM build_steps").fetchall()
    assert findings(filled) == {"references": ["2 rows of build_steps belong to nothing"]}
    doctor.fix(filled, secrets_too=False)
    assert findings(filled) == {}
    with sqlite3.connect(filled) as connection:
        assert connection.execute("SELECT * FROM build_steps").fetchall() == before
        names = connection.execute("SELECT DISTINCT name, duration FROM steps").fetchall()
    assert names == [("(lost)", 1.0)]


def test_a_file_that_is_not_in_wal_mode_is_warned_of_and_switched(filled: Path) -> None:
    with contextlib.closing(sqlite3.connect(filled)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    done = run(filled)
    assert done.returncode == 0
    assert "in delete mode a writer stops all readers" in done.stdout
    assert "delete mode" not in run(filled, "--fix").stdout
    assert findings(filled) == {}


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:50 / /home rw,relatime shared:9 - nfs4 server:/home rw,vers=4.2
41 40 0:51 / /home/me/local rw shared:10 - xfs /dev/vdb rw
42 22 0:52 / /mnt/with\\040blank rw - 9p C:\\134 rw,trans=fd
43 22 0:53 / /over rw - tmpfs tmpfs rw
44 43 0:54 / /over rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "shared"),
    [
        ("/var/lib/a.db", "ext4", False),
        ("/homely/a.db", "ext4", False),
        ("/home/me/a.db", "nfs4", True),
        ("/home/me/local/a.db", "xfs", False),
        ("/mnt/with blank/a.db", "9p", True),
        ("/over/a.db", "cifs", True),
    ],
)
def test_a_disk_whose_locks_do_not_hold_is_known(path: str, kind: str, shared: bool) -> None:
    assert places.file_system(Path(path), MOUNTS) == kind
    assert places.is_shared(kind) is shared


def test_the_disk_of_a_file_is_the_one_that_the_system_names(filled: Path) -> None:
    asked = subprocess.run(
        ["stat", "--file-system", "--format=%T", filled], capture_output=True, text=True, check=True
    )
    # stat says ext2/ext3 of ext4.
    assert places.file_system(filled)[:3] == asked.stdout.strip()[:3]


def test_the_versions_that_work_together_are_told(filled: Path) -> None:
    line = run(filled).stdout.splitlines()[1]
    assert line.startswith(f"  versions: buildrec {recorder.__version__}, SQLite ")
    for name in (f"schema {schema.VERSION},", "docker ", "engine ", "buildx "):
        assert name in line


def test_a_damaged_file_is_told(filled: Path) -> None:
    content = bytearray(filled.read_bytes())
    content[4096 * 3 + 100 : 4096 * 6] = b"x" * (4096 * 3 - 100)
    filled.write_bytes(bytes(content))
    done = run(filled)
    assert done.returncode == 1
    assert "damaged" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_secrets_that_slipped_in_are_found_and_masked_in_every_column(filled: Path) -> None:
    """As a file of an older tool may hold them: written past the store."""
    with sqlite3.connect(filled) as connection:
        connection.execute(
            "UPDATE docker_builds SET build_args = ? WHERE id = 1",
            (json.dumps({"API_TOKEN": "hunter2222", "PORT": "80"}),),
        )
        connection.execute(
            "UPDATE docker_builds SET error_message = ?, ci_url = ? WHERE id = 2",
            (f"login with hunter2222 and {TOKEN} failed", "https://me:pa55w0rd@ci.example.com/1"),
        )
        connection.execute(
            "UPDATE step_names SET name = '[1/1] RUN login hunter2222', "
            "instruction = 'RUN login hunter2222'"
        )
        connection.execute(
            "INSERT INTO step_names (step_key, name, kind) VALUES ('aaaaaaaaaaaaaaaa', ?, 'run')",
            (f"[1/1] RUN login {redact.Redactor(KEY).hide('hunter2222')}",),
        )
        connection.execute("INSERT INTO step_errors VALUES (1, 1, 'hunter2222')")
        connection.execute("INSERT INTO images (id, image_digest) VALUES (1, 'sha256:x')")
        connection.execute("INSERT INTO layer_instructions VALUES (1, 'ENV X=hunter2222')")
        connection.execute("INSERT INTO image_layers VALUES (1, 1, 1, 5)")
        connection.execute("INSERT INTO build_warnings VALUES (1, 1, 'r', 1, 'hunter2222')")
        connection.execute("UPDATE docker_builds SET image_digest = 'sha256:x'")
    found = findings(filled, secrets_too=True)["secrets"]
    assert "docker_builds.build_args holds secrets in 1 rows" in found
    assert len(found) == 8
    with database.connect(filled) as connection:
        assert secrets.clean(connection, KEY) >= 8
        assert secrets.find(connection, KEY) == []
        assert secrets.clean(connection, KEY) == 0
        names = connection.execute("SELECT DISTINCT name FROM steps").fetchall()
        arguments = json.loads(
            connection.execute("SELECT build_args FROM docker_builds WHERE id = 1").fetchone()[0]
        )
    assert len(names) == 1
    assert arguments["PORT"] == "80"
    for file in filled.parent.glob(f"{filled.name}*"):
        for secret in (b"hunter2222", TOKEN.encode(), b"pa55w0rd"):
            assert secret not in file.read_bytes(), f"{secret!r} in {file.name}"
    assert findings(filled) == {}


def test_a_changed_secret_still_shows_as_changed(database_path: Path) -> None:
    with database.connect(database_path) as connection:
        for number, value in enumerate(("first-secret", "first-secret", "other-secret")):
            store.record(connection, a_build(ref=f"r{number}", build_args={"TOKEN": value}), KEY)
        rows = connection.execute("SELECT build_args FROM docker_builds ORDER BY id").fetchall()
    assert rows[0] == rows[1] != rows[2]


def test_layers_are_masked_by_the_secrets_of_their_build(database_path: Path) -> None:
    build = a_build(
        build_args={"TOKEN": "sesame-open"},
        image_digest="sha256:y",
        layers=(Layer(1, "RUN |1 TOKEN=sesame-open /bin/sh -c x", 1),),
    )
    with database.connect(database_path) as connection:
        store.record(connection, replace(build, ref="l"), KEY)
    assert b"sesame-open" not in database_path.read_bytes()
