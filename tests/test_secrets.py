"""Secrets planted wherever a build can carry one are in none of the files that we write.

On a real engine: the database and its WAL, the spool, the exports, the log and what we print are
searched byte for byte, for each secret as it is and encoded.
"""

import base64
import json
import os
import random
import sqlite3
import string
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from cases import slow
from engine_help import docker
from recording_help import (
    COMMAND,
    SHELL,
    buildrec,
    keep_apart,
    rows,
    run,
    spooled,
    the_row,
    unlike_any_other,
)

pytestmark = pytest.mark.engine
Contexts = Callable[..., Path]
_DICE = random.Random()


def made(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(_DICE.choices(letters, k=length))


class Planted:
    """One secret for each place, all of this run only."""

    def __init__(self) -> None:
        self.argument = f"tok-{made(12)}"
        self.odd = f'p@ss/{made(6)}+"q\\&<{made(4)}'
        self.in_url = made(10)
        self.in_query = made(10)
        self.in_env = made(10)
        self.in_label = made(10)
        self.in_heredoc = made(10)
        self.in_default = made(10)
        self.in_ci = made(10)
        self.in_remote = made(10)
        self.github = "gh" + "p_" + made(36)
        self.aws = f"{made(6)}/{made(18)}aaaaAAAA1/{made(5)}"
        self.mounted = [f"line-{made(12)}", f"other-{made(12)}"]

    def by_place(self, mounted: bool = True) -> dict[str, str]:
        """The secrets by their places; who did not read the file of the mount cannot know that."""
        found = {name: value for name, value in vars(self).items() if isinstance(value, str)}
        if mounted:
            found |= {f"line {n}": line for n, line in enumerate(self.mounted)}
        return found


def encodings(value: str) -> dict[str, str]:
    """`value` as texts may carry it."""
    raw = value.encode()
    return {
        "as it is": value,
        "percent": quote(value, safe=""),
        "base64": base64.b64encode(raw).decode(),
        "base64 inside": base64.b64encode(b"m:" + raw + b"z").decode(),
        "json": json.dumps(value)[1:-1],
        "hex": raw.hex(),
    }


def traces(value: str) -> dict[str, bytes]:
    """What of each encoding would tell the value: of base64 inside others, its own characters."""
    found = encodings(value)
    found["base64"] = found["base64"].rstrip("=")
    found["base64 inside"] = found["base64 inside"][3 : (2 + len(value.encode())) * 8 // 6]
    return {name: text.encode() for name, text in found.items()}


@pytest.fixture
def planted() -> Planted:
    return Planted()


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, planted: Planted) -> None:
    keep_apart(monkeypatch, tmp_path)
    monkeypatch.setenv("BUILD_URL", f"https://me:{planted.in_ci}@ci.example/job/1")
    monkeypatch.setenv("BUILD_NUMBER", "1")


def dockerfile(planted: Planted, end: str = "") -> str:
    return (
        f"# {unlike_any_other()}\n{SHELL}ARG API_TOKEN\nARG ODD_SECRET\nARG INDEX_URL\nARG NOTE\n"
        f"ARG DEPLOY_KEY={planted.in_default}\n"
        f"ENV DB_PASSWORD={planted.in_env} COPIED=$API_TOKEN\n"
        f'LABEL app.token="{planted.in_label}" about=$API_TOKEN\n'
        f"RUN echo {unlike_any_other()} $API_TOKEN $NOTE > /x\n"
        "WORKDIR $API_TOKEN\nCOPY busybox /bin/$API_TOKEN\n"
        f"RUN echo $INDEX_URL 'https://h.example/f?access_token={planted.in_query}&y=1'\n"
        f"RUN echo {planted.github}; echo {planted.aws}\n"
        f"RUN <<EOF\nexport NPM_TOKEN={planted.in_heredoc}\nEOF\n"
        "RUN --mount=type=secret,id=key busybox cat /run/secrets/key; echo $NOTE\n"
        f"ENTRYPOINT sh $API_TOKEN\n{end}"
    )


def words(planted: Planted, folder: Path) -> list[str]:
    secret = folder.with_name("secret")
    secret.write_text("\n".join(planted.mounted) + "\n")
    forms = [*encodings(planted.odd).values(), *encodings(planted.argument).values()]
    arguments = {
        "API_TOKEN": planted.argument,
        "ODD_SECRET": planted.odd,
        "INDEX_URL": f"https://me:{planted.in_url}@index.example/simple",
        "NOTE": " ".join(forms),
    }
    found = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    found += [f"--secret=id=key,src={secret}", f"--label=who={planted.argument}"]
    return [*found, str(folder)]


def make_checkout(folder: Path, planted: Planted) -> None:
    """A checkout whose branch has a secret in its name, and its remote in its address."""
    git = folder / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "objects").mkdir()
    (git / "HEAD").write_text(f"ref: refs/heads/{planted.argument}\n")
    (git / "refs" / "heads" / planted.argument).write_text("0f" * 20 + "\n")
    url = f"https://bot:{planted.in_remote}@git.example/app.git"
    (git / "config").write_text(f'[remote "origin"]\n\turl = {url}\n')


def assert_nowhere(secrets: dict[str, str], files: dict[str, bytes]) -> None:
    found = [
        (place, form, name)
        for place, value in secrets.items()
        for form, spelled in traces(value).items()
        for name, content in files.items()
        if spelled in content
    ]
    assert not found, found


def written(db: Path) -> dict[str, bytes]:
    """All bytes of the database, its WAL and what lies beside it."""
    return {file.name: file.read_bytes() for file in db.parent.glob(f"{db.name}*")}


def log_of(output: bytes) -> bytes:
    """Our own lines; what the build itself prints is the build's."""
    return b"\n".join(line for line in output.splitlines() if line.startswith(b"recorder"))


def shown(db: Path, folder: Path) -> dict[str, bytes]:
    """What we print and export of the history."""
    file = folder / f"{db.stem}.json"
    assert buildrec("export", file, db=db).returncode == 0
    commands = [["history", "--format", "json"], ["stats"]]
    commands += [["show", str(row["id"])] for row in rows(db)]
    printed = {" ".join(c): buildrec(*c, db=db).stdout for c in commands}
    assert all(printed.values())
    return {file.name: file.read_bytes(), **printed}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Path]:
    """A history that somebody reads, so that its WAL stays where it is."""
    db = tmp_path / "history.db"
    assert buildrec("init", db=db).returncode == 0
    with closing(sqlite3.connect(db)) as connection:
        connection.execute("SELECT count(*) FROM docker_builds").fetchall()
        yield db


def test_a_build_that_goes_well_leaves_no_secret_behind(
    context: Contexts, planted: Planted, image_name: str, reader: Path, tmp_path: Path
) -> None:
    folder = context(dockerfile(planted))
    make_checkout(folder, planted)
    tag = ("-t", f"{image_name}:{planted.argument.lower()}", "-t", f"{image_name}:1.2")
    ended = run(COMMAND, "-v", "--db", reader, "build", *tag, *words(planted, folder))
    assert ended.returncode == 0, ended.stderr
    row = the_row(reader)
    layers = rows(reader, "SELECT instruction FROM build_layers")
    lints = rows(reader, "SELECT message FROM build_warnings")
    for told in (row["build_args"], row["git_remote"], row["git_branch"], row["ci_url"],
                 json.dumps(layers), json.dumps(lints)):  # fmt: skip
        assert "[masked:" in told
    assert log_of(ended.stderr)
    files = {**written(reader), **shown(reader, tmp_path), "log": log_of(ended.stderr)}
    assert f"{reader.name}-wal" in files
    assert_nowhere(planted.by_place(), files)


@pytest.mark.parametrize(
    "end",
    [
        "RUN echo $API_TOKEN $NOTE $INDEX_URL && exit 3\n",
        "RUN --mount=type=secret,id=key busybox cat /run/secrets/key && exit 3\n",
        slow("RUN --mount=type=secret,id=key busybox base64 /run/secrets/key && exit 3\n"),
        "COPY --from=nobody-$API_TOKEN /x /\n",
        slow("COPY not-there-$API_TOKEN /\n"),
        slow("ADD http://me:$API_TOKEN@127.0.0.1:1/f?token=$API_TOKEN /\n"),
        slow("RUN --mount=type=secret,id=$API_TOKEN,required=true true\n"),
        slow("WORKDIR /bin/sh/$API_TOKEN\n"),
        slow("STOPSIGNAL $API_TOKEN\n"),
        "USER $API_TOKEN\nRUN true\n",
        "RUN [\"sh\", \"-c\", \"echo $API_TOKEN\", \"unclosed\n",
    ],
)  # fmt: skip
def test_a_build_that_fails_leaves_no_secret_in_its_errors_nor_in_the_spool(
    end: str, context: Contexts, planted: Planted, reader: Path, tmp_path: Path
) -> None:
    folder = context(dockerfile(planted, end))
    ended = run(COMMAND, "-v", "--db", reader, "build", *words(planted, folder))
    assert ended.returncode == 1, ended.stderr
    nowhere = tmp_path / "nowhere" / "history.db"
    again = run(COMMAND, "-v", "--db", nowhere, "build", *words(planted, folder))
    assert again.returncode == 1
    assert len(spooled()) == 1
    assert the_row(reader)["error_message"]
    files = {file.name: file.read_bytes() for file in spooled()}
    files |= {"log": log_of(ended.stderr), "log of the spool": log_of(again.stderr)}
    assert_nowhere(planted.by_place(), {**files, **written(reader), **shown(reader, tmp_path)})


@pytest.mark.slow
def test_who_comes_later_and_files_leave_no_secret_either(
    context: Contexts, planted: Planted, image_name: str, reader: Path, tmp_path: Path
) -> None:
    folder = context(dockerfile(planted, "RUN echo $API_TOKEN && exit 3\n"))
    make_checkout(folder, planted)
    assert run("docker", "buildx", "build", *words(planted, folder)).returncode == 1
    (state,) = Path(os.environ["DOCKER_CONFIG"]).glob("buildx/refs/*/*/*")
    bundle = tmp_path / "one.dockerbuild"
    docker("buildx", "history", "export", "--output", str(bundle), state.name)
    imported = tmp_path / "imported.db"
    times = tmp_path / "docker_build_times.json"
    times.write_text(json.dumps([{
        "timestamp": "2025-07-10T08:56:04Z", "duration": 1,
        "image": f"https://me:{planted.in_url}@registry.example/app?token={planted.in_query}",
    }]))  # fmt: skip
    logs = {}
    for number, (db, *command) in enumerate(
        [(reader, "sync"), (imported, "import", bundle), (imported, "import", times)]
    ):
        ended = run(COMMAND, "-v", "--db", db, *command)
        assert ended.returncode == 0, ended.stderr
        logs[f"output {number}"] = ended.stdout + ended.stderr
    assert len(rows(imported)) == 2
    assert state.name in {row["ref"] for row in rows(reader)}
    files = {**logs, **written(reader), **written(imported), **shown(imported, tmp_path)}
    assert_nowhere(planted.by_place(mounted=False), files)


def test_what_the_legacy_builder_prints_leaves_no_secret_behind(
    context: Contexts, planted: Planted, reader: Path, tmp_path: Path
) -> None:
    text = (
        f"{SHELL}ARG API_TOKEN\nENV DB_PASSWORD {planted.in_env}\nRUN echo {planted.github}\n"
        f"RUN echo $API_TOKEN && false {planted.argument}\n"
    )
    command = ["docker", "build", f"--build-arg=API_TOKEN={planted.argument}", str(context(text))]
    environ = {"DOCKER_BUILDKIT": "0"}
    ended = run(COMMAND, "-v", "--db", reader, "run", "--", *command, environ=environ)
    assert ended.returncode == 1, ended.stderr
    assert the_row(reader)["source"] == "legacy"
    files = {**written(reader), **shown(reader, tmp_path), "log": log_of(ended.stderr)}
    assert_nowhere(planted.by_place(), files)
