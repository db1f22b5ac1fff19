"""Recording never harms a build: its output and its exit code stay, and nothing is lost."""

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from engine_help import docker
from recording_help import (
    COMMAND,
    PATIENCE,
    Running,
    buildrec,
    keep_apart,
    rows,
    run,
    shell,
    spooled,
    the_row,
    unlike_any_other,
    until,
)

pytestmark = pytest.mark.engine
Contexts = Callable[..., Path]


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keep_apart(monkeypatch, tmp_path)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def folder(context: Contexts) -> Path:
    return context(shell("echo hello"))


def image_of(folder: Path) -> bytes:
    """What docker prints on stdout when it builds `folder` quietly."""
    return run("docker", "buildx", "build", "-q", folder).stdout


def assert_unharmed(ended: "subprocess.CompletedProcess[bytes]", folder: Path, why: str) -> None:
    """The build ended as without us, and one line says what was not recorded and `why`."""
    assert (ended.returncode, ended.stdout) == (0, image_of(folder)), ended.stderr
    assert ended.stderr.count(b"\n") == 1, ended.stderr
    assert ended.stderr.startswith(b"buildrec: not recorded: "), ended.stderr
    assert why.encode() in ended.stderr


@contextmanager
def locked(db: Path) -> Iterator[None]:
    """Another connection that keeps the file to itself."""
    with closing(sqlite3.connect(db, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def test_a_locked_database_leaves_the_build_in_the_spool_and_it_comes_in_once(
    folder: Path, database_path: Path
) -> None:
    with locked(database_path):
        ended = buildrec("build", "-q", folder, db=database_path)
    assert_unharmed(ended, folder, "is locked by another program")
    assert (len(rows(database_path)), len(spooled())) == (0, 1)
    assert str(spooled()[0]).encode() in ended.stderr
    for expected in (2, 3):
        next_one = buildrec("record", "other", "--duration", "1", db=database_path)
        assert (next_one.returncode, next_one.stderr) == (0, b"")
        assert (len(rows(database_path)), spooled()) == (expected, [])
    (late,) = rows(database_path, "SELECT * FROM docker_builds WHERE source = 'build'")
    assert late["ref"]
    (count,) = rows(database_path, f"SELECT count(*) AS n FROM steps WHERE build_id = {late['id']}")
    assert count["n"] >= 4


def test_what_waits_comes_in_with_the_next_build(folder: Path, db: Path) -> None:
    path = missing_folder(db)
    buildrec("build", "-q", folder, db=path)
    assert len(spooled()) == 1
    path.parent.mkdir()
    ended = buildrec("build", "-q", folder, db=path)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert (len({row["ref"] for row in rows(path)}), spooled()) == (2, [])


def test_what_waits_for_a_file_comes_in_however_its_path_is_written(folder: Path, db: Path) -> None:
    path = missing_folder(db)
    buildrec("build", "-q", folder, db=path)
    path.parent.mkdir()
    roundabout = folder / ".." / path.parent.name / path.name
    assert buildrec("record", "other", "--duration", "1", db=roundabout).returncode == 0
    assert (len(rows(path)), spooled()) == (2, [])


def test_a_failing_build_that_cannot_be_recorded_keeps_its_exit_code(
    context: Contexts, db: Path
) -> None:
    ended = buildrec("build", "-q", context(shell("exit 5")), db=missing_folder(db))
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr.splitlines()[-1].startswith(b"buildrec: not recorded: ")
    assert len(spooled()) == 1


def missing_folder(db: Path) -> Path:
    return db.parent / "nowhere" / db.name


def no_database(db: Path) -> Path:
    db.write_text("this is a letter, not a database\n" * 100)
    return db


def folder_instead(db: Path) -> Path:
    db.mkdir()
    return db


def newer(db: Path) -> Path:
    buildrec("record", "seed", "--duration", "1", db=db)
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 999")
    return db


def of_another_program(db: Path) -> Path:
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE letters (text)")
    return db


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (missing_folder, "does not exist"),
        (no_database, "not a SQLite database"),
        (folder_instead, "is a folder"),
        (newer, "written by a newer buildrec"),
        (of_another_program, "another program"),
    ],
)
def test_a_database_that_cannot_be_used_is_left_alone_and_the_build_waits(
    make: Callable[[Path], Path], why: str, folder: Path, db: Path
) -> None:
    path = make(db)
    before = path.read_bytes() if path.is_file() else None
    ended = buildrec("build", "-q", folder, db=path)
    assert_unharmed(ended, folder, why)
    assert len(spooled()) == 1
    if before is not None:
        assert path.read_bytes() == before


def test_when_the_folder_is_made_later_the_build_comes_in(folder: Path, db: Path) -> None:
    path = missing_folder(db)
    assert buildrec("build", "-q", folder, db=path).returncode == 0
    path.parent.mkdir()
    assert buildrec("record", "other", "--duration", "1", db=path).returncode == 0
    assert (len(rows(path)), spooled()) == (2, [])


def test_a_spool_that_cannot_be_written_is_told(folder: Path, db: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    environ = {"XDG_STATE_HOME": str(tmp_path / "state")}
    ended = buildrec("build", "-q", folder, db=missing_folder(db), environ=environ)
    assert_unharmed(ended, folder, "could not wait in")


def test_a_spool_that_cannot_be_emptied_does_not_store_a_build_twice(
    folder: Path, db: Path
) -> None:
    path = missing_folder(db)
    buildrec("build", "-q", folder, db=path)
    path.parent.mkdir()
    (waiting,) = spooled()
    # Not even root may remove a file from such a folder.
    if subprocess.run(["chattr", "+i", waiting.parent], capture_output=True).returncode:
        pytest.skip("this file system has no immutable folders")
    try:
        for n in (2, 3):
            ended = buildrec("record", f"image{n}", "--duration", "1", db=path)
            assert ended.returncode == 0
            assert len(rows(path)) == n
    finally:
        subprocess.run(["chattr", "-i", waiting.parent], check=True)


def test_a_torn_file_in_the_spool_stops_nothing(folder: Path, db: Path) -> None:
    buildrec("build", "-q", folder, db=missing_folder(db))
    (whole,) = spooled()
    whole.with_name("0.json").write_text("{")
    whole.with_name("1.json").write_text('{"database": "x"}')
    whole.with_name("2.json").write_text("[]")
    missing_folder(db).parent.mkdir()
    ended = buildrec("record", "other", "--duration", "1", db=missing_folder(db))
    assert ended.returncode == 0
    assert len(rows(missing_folder(db))) == 2
    assert [file.name for file in spooled()] == ["0.json", "1.json", "2.json"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system can only be mounted by root")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(place: Path) -> None:
    with (place / "filling").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass


def test_a_full_disk_leaves_the_build_in_the_spool(folder: Path, small_disk: Path) -> None:
    db = small_disk / "history.db"
    fill(small_disk)
    ended = buildrec("build", "-q", folder, db=db)
    assert_unharmed(ended, folder, "no room on the disk")
    assert len(spooled()) == 1


def test_a_full_disk_under_database_and_spool_is_told_in_one_line(
    folder: Path, small_disk: Path
) -> None:
    fill(small_disk)
    environ = {"XDG_STATE_HOME": str(small_disk), "XDG_CONFIG_HOME": str(small_disk)}
    ended = buildrec("build", "-q", folder, db=small_disk / "history.db", environ=environ)
    assert_unharmed(ended, folder, "could not wait in")


@contextmanager
def nonsense(path: Path, says: bytes) -> Iterator[None]:
    """A socket at `path` that answers each connection with `says` and hangs up."""
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    line, _ = listening.accept()
                except OSError:
                    return
                with line:
                    line.recv(65536)
                    line.sendall(says)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE)


@pytest.mark.parametrize(
    "says",
    [
        b"",
        b"\x00\xff" * 5000,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + b"\xff" * 100,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["nothing", "rubbish", "a rubbish stream", "emptiness"],
)
def test_an_engine_that_speaks_nonsense_changes_nothing(
    says: bytes, folder: Path, db: Path, tmp_path: Path
) -> None:
    address = tmp_path / "e.sock"
    environ = {"DOCKER_HOST": f"unix://{address}"}
    with nonsense(address, says):
        direct = run("docker", "buildx", "build", "-q", folder, environ=environ)
        ours = buildrec("build", "-q", folder, db=db, environ=environ)
    assert (ours.returncode, ours.stdout) == (direct.returncode, direct.stdout)
    assert ours.stderr.count(b"\n") == direct.stderr.count(b"\n")
    assert (the_row(db)["status"], the_row(db)["source"]) == ("failed", "clock")


def test_killing_us_leaves_the_build_running(
    context: Contexts, image_name: str, db: Path, tmp_path: Path
) -> None:
    folder = context(shell(f"echo {unlike_any_other()} && echo go''ing && busybox sleep 1"))
    words = [COMMAND, "--db", db, "build", "--progress=plain", "-t", image_name, folder]
    running = Running(*words, out=tmp_path / "out")
    running.until_it_says("going\n")
    running.process.kill()
    assert running.wait() == -signal.SIGKILL
    until(
        lambda: docker("image", "inspect", image_name, check=False).returncode == 0,
        "the image is there all the same",
    )
    assert rows(db) == []


def test_secrets_are_nowhere_in_what_we_write(
    context: Contexts, image_name: str, db: Path, tmp_path: Path
) -> None:
    path = missing_folder(db)
    token, value = f"tok-{unlike_any_other()}", f"val-{unlike_any_other()}"
    secret = tmp_path / "secret"
    secret.write_text(f"{value}\nsecond-{value}\n")
    folder = context(
        "FROM scratch\nCOPY busybox /bin/sh\nARG API_TOKEN\nARG NOTE\n"
        "RUN echo $API_TOKEN $NOTE > /x\n"
        "RUN --mount=type=secret,id=key busybox cat /run/secrets/key; echo $NOTE; exit 1\n"
    )
    words = ["--build-arg", f"API_TOKEN={token}", "--secret", f"id=key,src={secret}"]
    words += ["--build-arg", f"NOTE=about-{value}", "-t", image_name, str(folder)]
    assert buildrec("build", *words, db=path).returncode == 1
    waiting = b"".join(file.read_bytes() for file in spooled())
    path.parent.mkdir()
    buildrec("record", "other", "--duration", "1", db=path)
    with closing(sqlite3.connect(path)) as reader:  # keeps the -wal file where it is
        reader.execute("SELECT count(*) FROM docker_builds").fetchall()
        assert buildrec("build", *words, db=path).returncode == 1
        written = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    assert len(rows(path)) == 3
    for content in (waiting, written):
        assert b"[masked:" in content
        assert token.encode() not in content
        assert value.encode() not in content


def test_a_secret_that_comes_out_of_a_pipe_is_left_to_the_build(
    context: Contexts, db: Path, tmp_path: Path
) -> None:
    folder = context(
        shell(f"--mount=type=secret,id=key busybox grep -q pi''ped /run/secrets/key # {tmp_path}")
    )
    ours = f"{COMMAND} --db {db} build -q --secret id=key,src=<(sleep 0.3; echo piped) {folder}"
    direct = f"docker buildx build -q --secret id=key,src=<(sleep 0.3; echo piped) {folder}"
    assert run("bash", "-c", direct).returncode == run("bash", "-c", ours).returncode == 0
    os.mkfifo(tmp_path / "fifo")
    line = f"echo piped > {tmp_path}/fifo & {COMMAND} --db {db} build --no-cache -q "
    ended = run("bash", "-c", f"{line} --secret id=key,src={tmp_path}/fifo {folder}")
    assert ended.returncode == 0, ended.stderr
    assert {row["status"] for row in rows(db)} == {"completed"}


def test_trouble_with_a_closed_stderr_does_not_reach_stdout(folder: Path, db: Path) -> None:
    words = f"{COMMAND} --db {missing_folder(db)} build -q {folder}"
    for closed in ("2>&-", "2>/dev/full"):
        ended = run("bash", "-c", f"{words} {closed}")
        assert (ended.returncode, ended.stdout) == (0, image_of(folder))


def test_a_read_only_docker_folder_leaves_the_build_to_the_clock(
    folder: Path, db: Path, image_name: str
) -> None:
    config = Path(os.environ["DOCKER_CONFIG"])
    image_of(folder)  # buildx needs its folder there
    bind = [["mount", "--bind", config, config], ["mount", "-o", "remount,bind,ro", config]]
    for command in bind:
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("a folder can only be made read-only by root")
    try:
        direct = run("docker", "buildx", "build", "-q", "-t", image_name, folder)
        ours = buildrec("build", "-q", "-t", image_name, folder, db=db)
    finally:
        subprocess.run(["umount", "--lazy", config], check=True)
    assert (ours.returncode, ours.stdout) == (direct.returncode, direct.stdout)
    assert ours.stderr.count(b"\n") == direct.stderr.count(b"\n")
    row = the_row(db)
    assert (row["image_name"], row["success"]) == (image_name, int(ours.returncode == 0))
