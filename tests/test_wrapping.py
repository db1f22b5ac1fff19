"""`buildrec build` can stand for `docker buildx build`, and `run` before what builds."""

import asyncio
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine_help import docker
from recording_help import (
    COMMAND,
    PATIENCE,
    Running,
    Terminal,
    buildrec,
    keep_apart,
    own_config,
    rows,
    run,
    shell,
    the_row,
    unlike_any_other,
    until,
    without_figures,
)

pytestmark = pytest.mark.engine
Contexts = Callable[..., Path]
DOCKER = ("docker", "buildx", "build")
ENDLESS = "echo go''ing && busybox sleep 300"


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keep_apart(monkeypatch, tmp_path)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def endless(context: Contexts) -> Path:
    """A context whose build says `going` and does not end by itself."""
    return context(shell(f"echo {unlike_any_other()} && {ENDLESS}"), name="endless")


def small(context: Contexts, name: str = "context") -> Path:
    return context(shell("echo hello"), name=name)


def engine_socket() -> str:
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        pytest.skip("the engine is not on a unix socket")
    return host.removeprefix("unix://")


# What people see


def test_plain_output_is_that_of_docker_byte_for_byte_but_for_times(
    context: Contexts, db: Path
) -> None:
    words = ["--progress=plain", small(context)]
    assert run(*DOCKER, *words).returncode == 0
    for _ in range(8):  # under load docker's own output differs from run to run, in what it
        direct = run(*DOCKER, *words)  # shows of a step on its way
        ours = buildrec("build", *words, db=db)
        if without_figures(ours.stderr) == without_figures(direct.stderr):
            break
    assert without_figures(ours.stderr) == without_figures(direct.stderr)
    assert (ours.stdout, ours.returncode) == (direct.stdout, direct.returncode) == (b"", 0)
    assert rows(db)


def test_what_docker_prints_on_stdout_stays_alone_there(context: Contexts, db: Path) -> None:
    words = ["--quiet", small(context)]
    direct = run(*DOCKER, *words)
    ours = buildrec("build", *words, db=db)
    assert (ours.stdout, ours.stderr) == (direct.stdout, direct.stderr)
    assert ours.stdout.startswith(b"sha256:")


def test_a_failing_build_prints_what_docker_prints(context: Contexts, db: Path) -> None:
    words = ["--progress=plain", context(shell("exit 7"))]
    assert run(*DOCKER, *words).returncode == 1  # sends the context, which the next need not
    direct = run(*DOCKER, *words)
    ours = buildrec("build", *words, db=db)
    assert without_figures(ours.stderr) == without_figures(direct.stderr)
    assert (ours.stdout, ours.returncode) == (direct.stdout, direct.returncode) == (b"", 1)


def test_progress_bars_are_drawn_at_a_terminal(context: Contexts, db: Path) -> None:
    terminal = Terminal(COMMAND, "--db", db, "build", small(context))
    assert terminal.wait() == 0
    assert b"\x1b[" in terminal.shown
    assert b"[+] Building" in terminal.shown
    assert b"FINISHED" in terminal.shown
    assert b"buildrec" not in terminal.shown.replace(b"buildrec-test", b"")
    assert the_row(db)["status"] == "completed"


def test_a_pipe_that_closes_early_ends_the_build_as_it_does_with_docker(
    context: Contexts, db: Path
) -> None:
    said = []
    for command in ((*DOCKER,), (COMMAND, "--db", str(db), "build")):
        folder = context(shell(f"echo {unlike_any_other()}; busybox sleep 0.5; echo more"))
        words = shlex.join([*command, "--progress=plain", str(folder)])
        said.append(run("bash", "-c", f"{words} 2>&1 | head -n 1; echo ${{PIPESTATUS[0]}}"))
    assert (said[1].stdout, said[1].stderr) == (said[0].stdout, said[0].stderr)
    assert said[1].stderr == b""
    assert the_row(db)["status"] in ("failed", "canceled")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_change_nothing(closed: str, context: Contexts, db: Path) -> None:
    folder = small(context)
    ended = run("bash", "-c", f"{shlex.quote(COMMAND)} --db {db} build -q {folder} {closed}")
    expected = run("bash", "-c", f"{' '.join(DOCKER)} -q {folder} {closed}")
    assert (ended.returncode, ended.stdout) == (expected.returncode, expected.stdout)
    assert len(rows(db)) == 1


# What goes in


def test_a_dockerfile_from_stdin_is_built_and_recorded(
    context: Contexts, image_name: str, db: Path
) -> None:
    folder = context("FROM nothing-of-the-sort\n")
    text = shell(f"echo {unlike_any_other()}").encode()
    ended = buildrec("build", "-t", image_name, "-f", "-", folder, db=db, stdin=text)
    assert ended.returncode == 0, ended.stderr
    assert (the_row(db)["image_name"], the_row(db)["source"]) == (image_name, "build")


def test_a_context_from_stdin_is_built_and_recorded(
    context: Contexts, image_name: str, db: Path
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(small(context), arcname=".")
    ended = buildrec("build", "-t", image_name, "-", db=db, stdin=packed.getvalue())
    assert ended.returncode == 0, ended.stderr
    row = the_row(db)
    assert (row["image_name"], row["source"], row["status"]) == (image_name, "build", "completed")
    assert row["image_size_bytes"] > 1_000_000


def test_flags_are_passed_on_untouched_and_ours_are_taken_out(
    context: Contexts, image_name: str, db: Path, tmp_path: Path
) -> None:
    folder = context(
        "FROM scratch AS first\nCOPY busybox /bin/sh\nARG WORD=none\nRUN echo $WORD\n"
        "FROM first AS last\nRUN echo last\n"
    )
    ours = ["--image-name", "team/orders", "--timezone=Europe/Paris", f"--db={db}"]
    theirs = [f"-qt{image_name}", "--target=first", "--build-arg", "WORD=two words $HOME 'é'"]
    theirs += ["--label", "a=b=c", f"--iidfile={tmp_path / 'iid'}"]
    ended = run(COMMAND, "build", *theirs, *ours, folder)
    assert ended.returncode == 0, ended.stderr
    row = the_row(db)
    assert (row["image_name"], row["timezone"], row["target"]) == (
        "team/orders",
        "Europe/Paris",
        "first",
    )
    assert json.loads(row["image_tags"]) == [image_name]
    assert json.loads(row["build_args"]) == {"WORD": "two words $HOME 'é'"}
    (image,) = json.loads(docker("image", "inspect", image_name).stdout)
    assert image["Config"]["Labels"] == {"a": "b=c"}
    assert (tmp_path / "iid").read_text() == row["image_digest"] == image["Id"]


def test_after_two_dashes_nothing_is_ours(db: Path, tmp_path: Path) -> None:
    script = "import sys; print(sys.argv[1:])"
    words = ["--db", "x", "--timezone=y", "--image-name", "z", "build"]
    ended = buildrec("run", "--", sys.executable, "-c", script, *words, db=db)
    assert ended.stdout.decode() == f"{words}\n"
    ended = buildrec("run", sys.executable, "-c", script, *words, db=db)
    assert ended.stdout.decode() == f"{words}\n"


def test_words_that_are_no_utf_8_reach_the_build(
    context: Contexts, image_name: str, db: Path
) -> None:
    folder = os.fsencode(small(context)) + b"-caf\xe9"
    os.rename(small(context), folder)
    ended = subprocess.run(
        [COMMAND, "--db", db, "build", "-t", image_name, folder],
        capture_output=True,
        timeout=PATIENCE,
    )
    assert (ended.returncode, b"not recorded" in ended.stderr) == (0, False), ended.stderr
    row = the_row(db)
    assert (row["image_name"], row["source"], row["status"]) == (image_name, "build", "completed")
    assert row["ref"]


def test_very_many_words_reach_the_build(context: Contexts, db: Path) -> None:
    labels = [f"--label=l{n}={'x' * 100}" for n in range(5000)]
    ended = buildrec("build", "-q", *labels, small(context), db=db)
    assert ended.returncode == 0, ended.stderr
    assert the_row(db)["status"] == "completed"


# Exit codes


def test_a_failing_build_exits_with_1(context: Contexts, db: Path) -> None:
    assert buildrec("build", context(shell("exit 7")), db=db).returncode == 1


def test_wrong_usage_exits_as_docker_does_and_leaves_no_record(db: Path, tmp_path: Path) -> None:
    for words in (["--no-such-flag", tmp_path], ["--tag"], [tmp_path, tmp_path]):
        direct, ours = run(*DOCKER, *words), buildrec("build", *words, db=db)
        assert ours.returncode == direct.returncode != 0
        assert ours.stderr == direct.stderr
    assert buildrec("build", "--no-such-flag", tmp_path, db=db).returncode == 125
    assert rows(db) == []


def test_without_docker_the_exit_code_is_127_and_one_sentence_says_so(db: Path) -> None:
    ended = buildrec("build", ".", db=db, environ={"PATH": "/nonexistent"})
    assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (127, b"", 1)
    assert b"there is no command 'docker'" in ended.stderr
    assert rows(db) == []


def test_a_check_or_help_leaves_no_record(context: Contexts, db: Path) -> None:
    folder = small(context)
    for words in (["--check"], ["--call=outline"], ["--call", "targets"], ["--help"]):
        direct, ours = run(*DOCKER, *words, folder), buildrec("build", *words, folder, db=db)
        assert ours.returncode == direct.returncode
        assert sorted(ours.stdout) == sorted(direct.stdout)
    assert rows(db) == []


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (["--file=missing"], {}),
        (["--output=type=no-such-exporter"], {}),
        ([], {"DOCKER_HOST": "unix:///nonexistent.sock"}),
    ],
    ids=["no Dockerfile", "an unknown exporter", "no engine"],
)
def test_a_build_that_fails_before_its_first_step_is_recorded(
    words: list[str], environ: dict[str, str], context: Contexts, db: Path, image_name: str
) -> None:
    words = [*words, "-t", image_name, str(small(context))]
    direct = run(*DOCKER, *words, environ=environ)
    ours = buildrec("build", *words, db=db, environ=environ)
    assert ours.returncode == direct.returncode == 1
    assert without_figures(ours.stderr) == without_figures(direct.stderr)
    row = the_row(db)
    assert (row["image_name"], row["status"], row["success"]) == (image_name, "failed", 0)
    assert row["error_message"]


def test_a_missing_context_is_recorded_as_a_failed_build(db: Path, tmp_path: Path) -> None:
    direct = run(*DOCKER, tmp_path / "nowhere")
    ours = buildrec("build", tmp_path / "nowhere", db=db)
    assert (ours.returncode, ours.stderr) == (direct.returncode, direct.stderr)
    assert (the_row(db)["status"], the_row(db)["source"]) == ("failed", "clock")


def test_a_command_that_builds_nothing_is_run_and_not_recorded(db: Path, tmp_path: Path) -> None:
    assert buildrec("run", "--", "false", db=db).returncode == 1
    assert buildrec("run", "--", "sh", "-c", "exit 42", db=db).returncode == 42
    assert buildrec("run", "--", "sh", "-c", "kill -KILL $$", db=db).returncode == 137
    ended = buildrec("run", "--", tmp_path / "nothing", db=db)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (127, 1)
    assert rows(db, "SELECT * FROM docker_builds WHERE source = 'clock'") == []


def test_a_script_without_a_first_line_is_run_by_the_shell(db: Path, tmp_path: Path) -> None:
    script = tmp_path / "make-images"
    script.write_text("exit 9\n")
    script.chmod(0o755)
    assert buildrec("run", script, db=db).returncode == 9


@pytest.mark.parametrize("how", ["ignored", "blocked"])
def test_the_exit_code_is_known_whatever_our_parent_did_with_its_children(
    how: str, context: Contexts, db: Path
) -> None:
    def before() -> None:
        if how == "ignored":
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        else:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})

    words = [COMMAND, "--db", db, "build", context(shell("exit 7"))]
    ended = subprocess.run(words, preexec_fn=before, capture_output=True, timeout=PATIENCE)
    assert ended.returncode == 1, ended.stderr
    assert the_row(db)["status"] == "failed"


# Signals


def test_ctrl_c_at_a_terminal_cancels_as_it_does_with_docker(endless: Path, db: Path) -> None:
    words = ["--progress=plain", endless]
    codes = []
    for command in (DOCKER, (COMMAND, "--db", db, "build")):
        terminal = Terminal(*command, *words)
        terminal.until_it_shows(b"going\r\n")
        terminal.type(b"\x03")
        codes.append(terminal.wait())
        assert b"Traceback" not in terminal.shown
        assert b"buildrec" not in terminal.shown
    assert codes == [130, 130]
    row = the_row(db)
    assert (row["status"], row["success"]) == ("canceled", 0)
    assert row["total_steps"] >= 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_buildrec_alone_reaches_the_build(
    number: signal.Signals, endless: Path, db: Path, tmp_path: Path
) -> None:
    words = ["--progress=plain", endless]
    codes = []
    for command in (DOCKER, (COMMAND, "--db", db, "build")):
        running = Running(*command, *words, out=tmp_path / f"{Path(command[0]).name}.log")
        running.until_it_says("going\n")
        running.process.send_signal(number)
        code = running.wait()
        codes.append(128 - code if code < 0 else code)  # a shell sees both alike
    assert codes[0] == codes[1]
    assert "not recorded" not in running.out.read_text()
    assert the_row(db)["status"] == "canceled"


def test_a_signal_to_us_and_then_to_our_group_does_not_reach_the_build_thrice(
    endless: Path, db: Path
) -> None:
    # So does timeout(1), and docker takes the third for an order to drop everything.
    words = ["timeout", "-s", "TERM", "1", COMMAND, "--db", db, "build", "--progress=plain"]
    ended = run(*words, endless)
    assert ended.returncode == 124
    assert b"forcefully" not in ended.stderr
    assert the_row(db)["status"] == "canceled"


def test_under_nohup_a_hangup_does_not_end_the_build(
    context: Contexts, db: Path, tmp_path: Path
) -> None:
    folder = context(shell(f"echo {unlike_any_other()} && echo go''ing && busybox sleep 1"))
    words = ["nohup", COMMAND, "--db", db, "build", "--progress=plain", folder]
    running = Running(*words, out=tmp_path / "out")
    running.until_it_says("going\n")
    running.process.send_signal(signal.SIGHUP)
    assert running.wait() == 0
    assert the_row(db)["status"] == "completed"


def test_ctrl_z_stops_the_build_and_fg_goes_on_with_it(
    context: Contexts, db: Path, tmp_path: Path
) -> None:
    folder = context(shell(f"echo {unlike_any_other()} && echo go''ing && busybox sleep 1"))
    terminal = Terminal("bash", "--norc", "-i", environ={"PS1": "ready> "})
    terminal.until_it_shows(b"ready> ")
    ours = f"{shlex.quote(COMMAND)} --db {db} build --progress=plain {folder}"
    terminal.type(f"{ours}; echo code $?\n".encode())
    terminal.until_it_shows(b"going\r\n")
    terminal.type(b"\x1a")
    terminal.until_it_shows(b"Stopped")
    terminal.type(b"fg; echo code $?\n")
    terminal.until_it_shows(b"code 0")
    terminal.type(b"exit\n")
    terminal.wait()
    assert the_row(db)["status"] == "completed"


def test_a_build_in_the_background_of_a_terminal_is_recorded(context: Contexts, db: Path) -> None:
    terminal = Terminal("bash", "--norc", "-i", environ={"PS1": "ready> "})
    terminal.until_it_shows(b"ready> ")
    ours = f"{shlex.quote(COMMAND)} --db {db} build {small(context)}"
    terminal.type(f"{ours} >/dev/null 2>&1 & wait $!; echo code $?\n".encode())
    terminal.until_it_shows(b"code 0")
    terminal.type(b"exit\n")
    terminal.wait()
    assert the_row(db)["status"] == "completed"


# Whose builds


def test_two_at_once_of_one_context_each_record_their_own(
    context: Contexts, image_name: str, db: Path, tmp_path: Path
) -> None:
    folder = context(shell(f"echo {unlike_any_other()} && busybox sleep 0.5"))
    both = [
        Running(
            *(COMMAND, "--db", tmp_path / f"{name}.db", "build", "--image-name", name),
            *("-t", f"{image_name}:{name}", folder),
            out=tmp_path / name,
        )
        for name in ("one", "two")
    ]
    assert [running.wait() for running in both] == [0, 0]
    for name in ("one", "two"):
        row = the_row(tmp_path / f"{name}.db")
        assert row["image_name"] == name
        assert json.loads(row["image_tags"]) == [f"{image_name}:{name}"]


def test_two_at_once_into_one_file_are_both_there(
    context: Contexts, image_name: str, db: Path, tmp_path: Path
) -> None:
    folders = [context(shell(f"echo {unlike_any_other()}"), name=name) for name in ("a", "b")]
    words = [COMMAND, "--db", db, "build", "-t"]
    both = [
        Running(*words, f"{image_name}-{folder.name}", folder, out=tmp_path / f"{folder.name}.log")
        for folder in folders
    ]
    assert [running.wait() for running in both] == [0, 0]
    assert {row["image_name"] for row in rows(db)} == {f"{image_name}-a", f"{image_name}-b"}
    assert len({row["ref"] for row in rows(db)}) == 2


@pytest.mark.parametrize("kind", ["type=tar,dest={}/out.tar", "type=local,dest={}/out"])
def test_a_build_that_makes_no_image_has_the_name_that_was_asked_for(
    context: Contexts, image_name: str, db: Path, tmp_path: Path, kind: str
) -> None:
    words = ["-q", "-t", f"{image_name}:1.0", "-o", kind.format(tmp_path)]
    assert buildrec("build", *words, small(context), db=db).returncode == 0
    row = the_row(db)
    assert (row["image_name"], row["image_tags"]) == (image_name, None)
    assert row["source"] == "build"


def test_a_build_that_is_recorded_on_two_ways_is_one_row(
    context: Contexts, image_name: str, db: Path
) -> None:
    words = [COMMAND, "--db", db, "build", "-t", image_name, small(context)]
    assert buildrec("run", "--", *words, db=db).returncode == 0
    assert the_row(db)["image_name"] == image_name
    (statistics,) = rows(db, "SELECT total_builds FROM build_statistics")
    assert statistics["total_builds"] == 1


def test_every_build_of_a_script_is_recorded(context: Contexts, image_name: str, db: Path) -> None:
    folder = small(context)
    script = f"docker buildx build -q -t {image_name}-a {folder} && "
    script += f"docker build -q -t {image_name}-b {folder}"
    ended = buildrec("run", "--", "sh", "-c", script, db=db)
    assert ended.returncode == 0, ended.stderr
    assert [row["image_name"] for row in rows(db)] == [f"{image_name}-a", f"{image_name}-b"]
    assert {row["source"] for row in rows(db)} == {"run"}


# Which engine


@contextmanager
def loopback_port_to(path: str, head: bytes = b"") -> Iterator[int]:
    """A port of 127.0.0.1 behind which the unix socket at `path` answers."""
    loop = asyncio.new_event_loop()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, out = await asyncio.open_unix_connection(path)
        await asyncio.gather(pump(reader, out), pump(inner, writer), return_exceptions=True)
        writer.close()
        out.close()

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def test_the_engine_of_a_unix_docker_host_is_asked(
    context: Contexts, image_name: str, db: Path, tmp_path: Path
) -> None:
    link = tmp_path / "engine.sock"
    link.symlink_to(engine_socket())
    environ = {"DOCKER_HOST": f"unix://{link}"}
    ended = buildrec("build", "-t", image_name, small(context), db=db, environ=environ)
    assert ended.returncode == 0, ended.stderr
    assert (the_row(db)["source"], the_row(db)["builder"]) == ("build", "default")
    assert the_row(db)["image_size_bytes"]


@pytest.mark.parametrize("scheme", ["tcp://", ""])
def test_the_engine_of_a_tcp_docker_host_is_asked(
    scheme: str, context: Contexts, image_name: str, db: Path
) -> None:
    with loopback_port_to(engine_socket()) as port:
        environ = {"DOCKER_HOST": f"{scheme}127.0.0.1:{port}"}
        ended = buildrec("build", "-t", image_name, small(context), db=db, environ=environ)
    assert ended.returncode == 0, ended.stderr
    assert (the_row(db)["source"], the_row(db)["builder"]) == ("build", "default")
    assert the_row(db)["image_size_bytes"]


@pytest.mark.parametrize("how", ["use", "environment"])
def test_the_engine_of_a_docker_context_is_asked(
    how: str, context: Contexts, image_name: str, db: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    link = tmp_path / "elsewhere.sock"
    link.symlink_to(engine_socket())
    monkeypatch.setenv("DOCKER_CONFIG", str(own_config(tmp_path / "second")))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    docker("context", "create", "elsewhere", f"--docker=host=unix://{link}")
    if how == "use":
        docker("context", "use", "elsewhere")
    else:
        monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    ended = buildrec("build", "-t", image_name, small(context), db=db)
    assert ended.returncode == 0, ended.stderr
    row = the_row(db)
    assert (row["source"], row["builder"]) == ("build", "elsewhere")
    assert row["image_size_bytes"]


# Odd surroundings


def test_a_deleted_working_folder_harms_nothing(
    context: Contexts, image_name: str, db: Path, tmp_path: Path
) -> None:
    folder = small(context)
    ours = f"{shlex.quote(COMMAND)} --db {db} build -qt {image_name} {folder}"
    ended = run("bash", "-c", f"mkdir gone && cd gone && rmdir ../gone && {ours}", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert the_row(db)["image_name"] == image_name


def test_a_deleted_working_folder_without_a_named_database_is_told(
    context: Contexts, image_name: str, tmp_path: Path
) -> None:
    ours = f"{shlex.quote(COMMAND)} build -qt {image_name} {small(context)}"
    ended = run("bash", "-c", f"mkdir gone && cd gone && rmdir ../gone && {ours}", cwd=tmp_path)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (0, 1), ended.stderr
    assert b"not recorded" in ended.stderr


def test_without_a_home_the_build_is_recorded(context: Contexts, db: Path) -> None:
    words = ["env", "-u", "HOME", "-u", "XDG_STATE_HOME", "-u", "XDG_CONFIG_HOME"]
    ended = run(*words, COMMAND, "--db", db, "build", "-q", small(context))
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert the_row(db)["status"] == "completed"


def test_an_odd_zone_is_recorded_as_utc_and_said_once(context: Contexts, db: Path) -> None:
    ended = buildrec(
        "build", "-q", small(context), db=db, environ={"TZ": "EST5EDT4,M3.2.0,M11.1.0"}
    )
    assert (ended.returncode, ended.stderr.count(b"\n")) == (0, 1), ended.stderr
    assert the_row(db)["timezone"] == "UTC"


def test_no_process_is_left_behind(context: Contexts, db: Path) -> None:
    folder = small(context)
    assert buildrec("build", "-q", folder, db=db).returncode == 0

    def left() -> bool:
        return not [
            entry
            for entry in Path("/proc").glob("[0-9]*/cmdline")
            if str(folder).encode() in _read(entry)
        ]

    assert until(left, "all processes of the build have ended")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
