"""What podman, buildah and the legacy builder print becomes steps, and is passed on untouched."""

import fcntl
import os
import shutil
import struct
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_help import BUSYBOX, docker
from recording_help import (
    COMMAND,
    Terminal,
    buildrec,
    keep_apart,
    rows,
    run,
    shell,
    steps,
    the_row,
    unlike_any_other,
)

from recorder.capture import plain_command, plain_output
from recorder.capture.plain_output import Output

DATA = Path(__file__).parent / "data" / "plain"
Contexts = Callable[..., Path]


def read(name: str, **options: str | dict[str, str]) -> Output:
    """What the recorded output tells, had its lines come a second apart."""
    text = (DATA / name).read_bytes().decode()  # with the carriage returns that it has
    lines = [(float(at), line.rstrip("\r")) for at, line in enumerate(text.split("\n"))]
    reader = plain_output.read_legacy if "legacy" in name else plain_output.read_podman
    return reader(lines, float(len(lines)), **options)  # type: ignore[arg-type]


def told(output: Output) -> list[tuple[str, bool]]:
    return [(step.name, step.cached) for step in output.folded.steps]


PODMAN = [
    "[base 1/4] FROM scratch AS base",
    "[base 2/4] ARG WHO=world",
    "[base 3/4] COPY busybox /bin/sh",
    '[base 4/4] RUN echo "hello $WHO" > /greeting',
    "[final 1/4] FROM base AS final",
    "[final 2/4] ENV A=1",
    "[final 3/4] RUN echo two > /two && busybox true || echo no",
    '[final 4/4] CMD ["/bin/sh"]',
    "exporting to image",
]
LEGACY = [
    "[base 1/8] FROM scratch AS base",
    "[base 2/8] ARG WHO=world",
    "[base 3/8] COPY busybox /bin/sh",
    '[base 4/8] RUN echo "hello $WHO" > /greeting',
    "[final 5/8] FROM base AS final",
    "[final 6/8] ENV A=1",
    "[final 7/8] RUN echo two > /two && busybox true || echo no",
    '[final 8/8] CMD ["/bin/sh"]',
]


# The readers, on recorded output


@pytest.mark.parametrize(
    ("name", "names", "ratio", "image"),
    [
        ("legacy-cold.txt", LEGACY, 0.0, "e9295a59ca6c"),
        ("legacy-warm.txt", LEGACY, 1.0, "e9295a59ca6c"),
        ("legacy-28.txt", LEGACY, 0.0, "0afd9d7c800b"),
        ("podman-cold.txt", PODMAN, 0.0, "55212d1b7430"),
        ("podman-warm.txt", PODMAN, 1.0, "f16d6a9224ed"),
        ("buildah-cold.txt", PODMAN, 0.0, "d54020a00362"),
        ("buildah-warm.txt", PODMAN, 1.0, "f16d6a9224ed"),
    ],
)
def test_the_steps_of_a_build_are_read_with_their_cache_hits(
    name: str, names: list[str], ratio: float, image: str
) -> None:
    output = read(name)
    assert [step.name for step in output.folded.steps] == names
    assert output.folded.cache_ratio == ratio
    assert output.image
    assert output.image.startswith(image)
    assert output.tags == (("hello:dev" if "legacy" in name else "localhost/hello:dev"),)
    assert output.error is None


def test_a_build_that_is_cached_in_part_has_both_kinds_of_steps() -> None:
    again = 'RUN echo again && echo working;     echo "STEP 9/9: not a step" && echo to stderr >&2'
    assert told(read("buildah-partial.txt")) == [
        ("[1/4] FROM scratch", False),
        ("[2/4] COPY busybox /bin/sh", True),
        (f"[3/4] {again}", False),
        ('[4/4] CMD ["sh"]', False),
        ("exporting to image", False),
    ]  # fmt: skip


def test_a_step_lasts_until_the_next_one_begins() -> None:
    timed = [(s.step, s.started, s.duration) for s in read("legacy-failed.txt", failure="x")[0][0]]
    assert timed == [(1, 1.0, 2.0), (2, 3.0, 2.0), (3, 5.0, 7.0), (4, 12.0, 4.0)]
    *_, last = read("podman-cold.txt").folded.steps
    assert (last.kind, last.started, last.duration) == ("export", 13.0, 5.0)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("legacy-failed.txt", "The command '/bin/sh -c exit 3' returned a non-zero code: 3"),
        ("podman-failed.txt", 'building at STEP "RUN exit 3": exit status 3'),
    ],
)
def test_the_step_that_failed_carries_what_the_builder_said(name: str, error: str) -> None:
    output = read(name, failure="it ended with exit code 3")
    assert [step.error for step in output.folded.steps] == [None, None, None, error]
    assert output.error == error
    assert output.image is None


def test_without_a_word_of_the_builder_the_failure_is_what_we_know() -> None:
    output = plain_output.read_podman([(1.0, "STEP 1/2: FROM scratch")], 3.0, "it ended with 1")
    assert output.folded.steps[0].error == output.error == "it ended with 1"


def test_a_step_that_was_cut_off_has_no_duration() -> None:
    *_, last = read("legacy-failed.txt", failure="").folded.steps
    assert (last.started, last.duration, last.error) == (12.0, None, None)


def test_what_run_prints_is_no_step_and_no_cache_hit() -> None:
    text = """Step 1/3 : FROM scratch
 --->
Step 2/3 : RUN fools
 ---> Running in 20c1e0d97242
Step 2/3 : RUN again
Step 3/9 : RUN of another build
 ---> Using cache
Step 3/3 : CMD x
 ---> Using cache
Successfully built 0afd9d7c800b"""
    lines = [(0.0, line) for line in text.split("\n")]
    assert told(plain_output.read_legacy(lines, 1.0)) == [
        ("[1/3] FROM scratch", False), ("[2/3] RUN fools", False), ("[3/3] CMD x", True)
    ]  # fmt: skip


def test_stages_that_take_turns_keep_their_steps() -> None:
    text = """[1/2] STEP 1/2: FROM scratch AS one
[2/2] STEP 1/3: FROM scratch
[1/2] STEP 2/2: ENV A=1
[2/2] STEP 2/3: ENV B=1
[2/2] STEP 3/3: ENV C=1"""
    lines = [(float(at), line) for at, line in enumerate(text.split("\n"))]
    found = plain_output.read_podman(lines, 9.0).folded.steps
    assert {(step.stage, step.step) for step in found} == {
        ("one", 1), ("one", 2), ("stage-1", 1), ("stage-1", 2), ("stage-1", 3)
    }  # fmt: skip


def test_a_step_has_one_identity_in_the_output_of_all_builders() -> None:
    def run_key(name: str) -> str:
        (key,) = {s.step_key for s in read(name).folded.steps if "hello" in s.name}
        return key

    names = [path.name for path in DATA.glob("*.txt") if "failed" not in path.name]
    assert len({run_key(name) for name in names if "partial" not in name}) == 1
    keys = [
        [step.step_key for step in read(f"podman-{n}.txt").folded.steps] for n in ("cold", "warm")
    ]
    assert keys[0] == keys[1]


# Which commands are read


@pytest.mark.parametrize(
    ("command", "kind", "words"),
    [
        ("podman build -t x .", "podman", "-t x ."),
        ("/usr/bin/podman --root /r --log-level=info image build .", "podman", "."),
        ("buildah --storage-driver vfs bud --layers .", "buildah", "--layers ."),
        ("env A=1 buildah build .", "buildah", "."),
        ("env DOCKER_BUILDKIT=0 docker build .", "legacy", "."),
        ("env DOCKER_BUILDKIT=0 docker --context x builder build .", "legacy", "."),
        ("podman run x build", None, ""),
        ("podman", None, ""),
        ("env", None, ""),
        ("make build", None, ""),
        ("env DOCKER_BUILDKIT=0 docker buildx build .", None, ""),
        ("env DOCKER_BUILDKIT=1 docker build .", None, ""),
        ("docker -H unix:///nowhere/docker.sock build .", None, ""),
        ("docker -H tcp://nowhere build .", None, ""),
    ],
)
def test_only_builders_without_a_history_are_read(
    command: str, kind: str | None, words: str
) -> None:
    found = plain_command.find(command.split(), {})
    assert (found.kind if found else None) == kind
    assert (found.words if found else []) == words.split()


# What people see

TEED = """
import sys
from recorder.capture import child
from recorder.capture.tee import open_tee
tee = open_tee()
code = child.run(sys.argv[1:], lambda: None, tee)
tee.finish()
print(tee.lines, file=open({notes!r}, "w"))
child.leave(code)
"""


def teed(tmp_path: Path, script: str) -> list[str]:
    """A command that runs the shell `script` with its output read on its way."""
    return [sys.executable, "-c", TEED.format(notes=str(tmp_path / "notes")), "sh", "-c", script]


@pytest.mark.parametrize(
    "script",
    [
        "printf 'no newline'",
        "printf '\\000\\377\\r\\n\\033[1m'; head -c 3000000 /dev/zero",
        "for n in 1 2 3 4 5 6 7 8 9; do echo out $n; echo err $n >&2; done",
        "cat",
        "exit 7",
        "kill -9 $$",
    ],
)
def test_the_output_is_passed_on_byte_for_byte(tmp_path: Path, script: str) -> None:
    direct = run("sh", "-c", f"exec 2>&1; {script}", stdin=b"in\n")
    one = run("sh", "-c", 'exec 2>&1; exec "$@"', "sh", *teed(tmp_path, script), stdin=b"in\n")
    assert one.stdout == direct.stdout
    assert one.returncode in (direct.returncode, 128 - direct.returncode)
    apart = run(*teed(tmp_path, script), stdin=b"in\n")
    expected = run("sh", "-c", script, stdin=b"in\n")
    assert (apart.stdout, apart.stderr) == (expected.stdout, expected.stderr)


def test_a_reader_who_leaves_ends_the_command(tmp_path: Path) -> None:
    words = teed(tmp_path, "while echo more; do :; done; echo ended >&2")
    ended = run("bash", "-c", '"$@" | head -n 1; echo ${PIPESTATUS[0]}', "bash", *words)
    assert ended.stdout.split() == [b"more", b"141"]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-", "<&- 2>&-"])
def test_closed_streams_harm_nothing(tmp_path: Path, closed: str) -> None:
    script = """
import sys
from recorder.capture import child, tee
passing = tee.open_tee()
code = child.run(["sh", "-c", "echo hello; exit 3"], lambda: None, passing)
if passing:
    passing.finish()
child.leave(code)
"""
    ended = run("bash", "-c", f'"$@" {closed}', "bash", sys.executable, "-c", script)
    assert ended.returncode == 3
    assert ended.stdout == (b"" if " >&-" in f" {closed}" else b"hello\n")


def test_only_the_lines_that_tell_of_a_step_are_kept(tmp_path: Path) -> None:
    run(*teed(tmp_path, "echo STEP 1/1: FROM x; yes | head -n 100000; echo COMMIT x"))
    assert (tmp_path / "notes").read_text().count("(") == 3


def test_at_a_terminal_the_command_has_one_of_the_same_size(tmp_path: Path) -> None:
    script = "test -t 1 && test -t 2 && echo both; stty size <&1; printf 'a\\nb'"
    words = teed(tmp_path, f"sleep 0.3; {script}")
    terminal = Terminal(*words)
    fcntl.ioctl(terminal._line, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
    assert terminal.wait() == 0
    assert terminal.shown == b"both\r\n33 111\r\na\r\nb"


def test_a_terminal_that_changes_its_size_tells_the_command(tmp_path: Path) -> None:
    script = "trap 'stty size <&1; exit 5' WINCH; echo ready; while :; do sleep 0.1; done"
    terminal = Terminal(*teed(tmp_path, f"sleep 0.3; {script}"))
    terminal.until_it_shows(b"ready")
    fcntl.ioctl(terminal._line, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 99, 0, 0))
    assert terminal.wait() == 5
    assert b"44 99" in terminal.shown


def test_what_is_typed_reaches_the_command_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    terminal = Terminal(*teed(tmp_path, "read line; echo got $line; exec sleep 300"))
    terminal.type(b"word\n")
    terminal.until_it_shows(b"got word")
    terminal.type(b"\x03")
    assert terminal.wait() == 130


# The legacy builder of a real engine


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def legacy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keep_apart(monkeypatch, tmp_path)
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")


def of_its_own() -> tuple[str, str]:
    """A Dockerfile whose cache no other build shares, and its second instruction.

    The legacy builder takes the newest image that was made alike, so that a build of the same text
    at the same time may change what a test finds in the cache.
    """
    label = f"LABEL test={unlike_any_other()}"
    return shell("echo hello").replace("FROM scratch\n", f"FROM scratch\n{label}\n"), label


@pytest.mark.engine
@pytest.mark.usefixtures("legacy")
def test_a_build_of_the_legacy_builder_is_recorded_with_its_steps(
    context: Contexts, image_name: str, db: Path
) -> None:
    text, label = of_its_own()
    command = ("docker", "build", "--tag", f"{image_name}:dev", context(text))
    for _ in range(2):
        assert buildrec("run", "--", *command, db=db).returncode == 0
    size = int(docker("image", "inspect", "-f", "{{.Size}}", f"{image_name}:dev").stdout)
    cold, warm = rows(db)
    assert [row["source"] for row in (cold, warm)] == ["legacy", "legacy"]
    assert {row["image_size_bytes"] for row in (cold, warm)} == {size}
    assert {row["image_name"] for row in (cold, warm)} == {f"{image_name}:dev"}
    assert warm["cache_class"] == "warm"
    texts = ["FROM scratch", label, "COPY busybox /bin/sh", "RUN echo hello"]
    names = [f"[{number}/4] {text}" for number, text in enumerate(texts, 1)]
    assert list(steps(db, cold["id"])) == list(steps(db, warm["id"])) == names


@pytest.mark.engine
@pytest.mark.usefixtures("legacy")
def test_the_legacy_builder_prints_the_same_through_us(
    context: Contexts, image_name: str, db: Path
) -> None:
    command = ("docker", "build", "--tag", image_name, context(of_its_own()[0]))
    run(*command)
    direct, ours = run(*command), buildrec("run", "--", *command, db=db)
    terminals = Terminal(*command), Terminal(COMMAND, "--db", db, "run", "--", *command)
    assert [terminal.wait() for terminal in terminals] == [0, 0]
    assert ours.stderr == direct.stderr
    # Before the first step it tells how much of the context is sent, as often as there is time.
    for pair in ((direct.stdout, ours.stdout), [terminal.shown for terminal in terminals]):
        said = [output.partition(b"Step 1/")[2] for output in pair]
        assert said[0] == said[1] != b""
    assert len(rows(db)) == 2


@pytest.mark.engine
@pytest.mark.usefixtures("legacy")
def test_a_failing_build_of_the_legacy_builder_is_recorded(context: Contexts, db: Path) -> None:
    folder = context(shell("exit 3"))
    ended = run("sh", "-c", 'exec "$@" 2>&1', "sh", COMMAND, "--db", db, "run", "--",
                "docker", "build", folder)  # fmt: skip
    assert ended.returncode == 3
    row = the_row(db)
    assert (row["status"], row["source"]) == ("failed", "legacy")
    assert "non-zero code: 3" in row["error_message"]
    assert row["image_name"] == folder.name


@pytest.mark.engine
@pytest.mark.usefixtures("legacy")
def test_a_question_to_the_legacy_builder_leaves_no_record(tmp_path: Path, db: Path) -> None:
    assert buildrec("run", "--", "docker", "build", "--help", db=db).returncode == 0
    assert buildrec("run", "--", "docker", "build", "--nonsense", db=db).returncode == 125
    assert rows(db) == []


# podman and buildah, where they are


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A place of their own for the images of podman and buildah."""
    if os.geteuid():
        pytest.skip("podman and buildah are tried as root")
    config = tmp_path / "storage.conf"
    lines = ["[storage]", 'driver = "vfs"', f'runroot = "{tmp_path}/run"',
             f'graphroot = "{tmp_path}/root"']  # fmt: skip
    config.write_text("\n".join(lines))
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(config))
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize(
    ("tool", "command"),
    [("podman", ["podman", "build"]), ("buildah", ["buildah", "bud", "--layers"])],
)
def test_a_build_of_podman_or_buildah_is_recorded_with_its_steps(
    tool: str, command: list[str], context: Contexts, db: Path
) -> None:
    if not shutil.which(tool):
        pytest.skip(f"there is no {tool} command")
    if not BUSYBOX.exists():
        pytest.skip(f"there is no {BUSYBOX} to build images from")
    folder = context(shell("echo hello", "exit $CODE").replace("RUN exit", "ARG CODE=0\nRUN exit"))
    for code in (0, 0, 3):
        words = [*command, "-t", "app:dev", "--build-arg", f"CODE={code}", folder]
        ended = buildrec("run", "--", *words, db=db)
        assert ended.returncode == code, ended.stderr
    cold, warm, failed = rows(db)
    assert [row["source"] for row in (cold, warm, failed)] == [tool] * 3
    assert [row["status"] for row in (cold, warm, failed)] == ["completed", "completed", "failed"]
    assert [row["cache_class"] for row in (cold, warm)] == ["cold", "warm"]
    assert cold["size_kind"] == tool
    assert cold["image_size_bytes"] > BUSYBOX.stat().st_size
    assert (cold["image_name"], cold["image_digest"]) == ("app:dev", warm["image_digest"])
    assert [step["instruction"] for step in steps(db, cold["id"]).values()][:3] == [
        "FROM scratch", "COPY busybox /bin/sh", "RUN echo hello"
    ]  # fmt: skip
    assert any(step["error"] for step in steps(db, failed["id"]).values())
