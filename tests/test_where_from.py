"""What a command line asks for, where its files are from, and which engine it would talk to."""

import json
import subprocess
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from recorder.capture import arguments, by_clock, origin
from recorder.capture.arguments import Arguments
from recorder.engine import endpoints
from recorder.engine.endpoints import Endpoint
from recorder.errors import EngineUnreachableError


def parse(line: str) -> Arguments:
    return arguments.parse(line.split())


# The command line


@pytest.mark.parametrize(
    "line",
    [
        "-t app:1 --file docker/Dockerfile --build-arg A=1 --target dev .",
        "--tag=app:1 --file=docker/Dockerfile --build-arg=A=1 --target=dev .",
        "-tapp:1 -fdocker/Dockerfile . --build-arg A=1 --target dev",
        "-t=app:1 -f=docker/Dockerfile --build-arg A=1 --target dev -- .",
        "-qtapp:1 -Df docker/Dockerfile --pull --no-cache . --build-arg A=1 --target dev --load",
    ],
)
def test_flags_are_understood_however_they_are_written(line: str) -> None:
    found = parse(line)
    assert found.context == "."
    assert (found.last("--tag"), found.last("--file")) == ("app:1", "docker/Dockerfile")
    assert (found.last("--target"), found.build_args({})) == ("dev", {"A": "1"})


def test_the_last_of_a_flag_counts_and_tags_add_up() -> None:
    found = parse("-t a -t b --target x --target y .")
    assert (found.flags["--tag"], found.last("--target")) == (["a", "b"], "y")


def test_stdin_and_urls_are_contexts() -> None:
    assert parse("-t a -").context == "-"
    assert parse("-f - .").context == "."
    assert parse("https://example.com/a.git#main:sub -t a").context == (
        "https://example.com/a.git#main:sub"
    )


def test_wrong_usage_has_no_context() -> None:
    assert parse("-t a").context is None
    assert parse("one two").context is None
    assert parse("").context is None
    assert parse(". --tag").context == "."


def test_a_build_argument_without_a_value_has_it_from_the_environment() -> None:
    found = arguments.parse(["--build-arg", "HERE", "--build-arg=GONE", "--build-arg=E=", "."])
    assert found.build_args({"HERE": "a b"}) == {"HERE": "a b", "GONE": "", "E": ""}


@pytest.mark.parametrize(
    ("line", "is_no_build"),
    [
        (".", False),
        ("--call=build .", False),
        ("--call build .", False),
        ("--check=false .", False),
        ("--check .", True),
        ("--call=check .", True),
        ("--call outline,format=json .", True),
        ("--help .", True),
        ("-h .", True),
        ("--print=outline .", True),
    ],
)
def test_a_question_is_told_from_a_build(line: str, is_no_build: bool) -> None:
    assert by_clock.is_no_build(parse(line)) is is_no_build


@pytest.mark.engine
def test_every_flag_without_a_value_is_known_to_have_none() -> None:
    from engine_help import docker

    help_text = docker("buildx", "build", "--help").stdout
    words = [line.split() for line in help_text.splitlines() if line.lstrip().startswith("-")]
    kinds = ("string", "strings", "stringArray", "bytes", "ulimit", "int", "list")
    assert len(words) > 25
    for line in words:
        *names, after = [w.rstrip(",") for w in line if w.startswith("-")], line
        flag = names[0][-1]
        kind = after[after.index(flag) + 1]
        found = arguments.parse([flag, "."])
        assert (found.context is None) == (kind in kinds), line


# Secrets


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text("first-line\n second-line \nab\n")
    return path


def secrets_of(*values: str, **environ: str) -> set[str]:
    return Arguments(flags={"--secret": list(values)}).secrets(environ)


def test_a_secret_in_a_file_is_known_whole_and_by_line(secret: Path) -> None:
    lines = {"first-line", "second-line"}
    for key in ("src", "source"):
        found = secrets_of(f"id=x,{key}={secret}")
        assert lines < found
        assert any(lines == {part.strip() for part in text.split("\n")[:2]} for text in found)


def test_a_secret_in_the_environment_is_known() -> None:
    for value in ("id=x,env=KEY", "type=env,id=x,src=KEY", "id=KEY", "ID=KEY", "type=env,id=KEY"):
        assert secrets_of(value, KEY="open sesame") == {"open sesame"}, value


def test_a_secret_by_its_id_alone_may_be_a_file(
    secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(secret.parent)
    assert "first-line" in secrets_of(f"id={secret.name}")


def test_a_quoted_secret_may_have_a_comma_in_its_path(tmp_path: Path) -> None:
    (tmp_path / "a,b").write_text("behind-a-comma")
    assert secrets_of(f'id=x,"src={tmp_path}/a,b"') == {"behind-a-comma"}


def test_secrets_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 600_000)
    for value in ("id=x,src=/nowhere", f"id=x,src={tmp_path}", "", "id=x,env=", "src=~nobody/x"):
        assert secrets_of(value) == set(), value
    assert secrets_of(f"id=x,src={tmp_path / 'large'}") == set()


# The checkout


def look(folder: object) -> tuple[str | None, str | None]:
    """The commit and branch that a build of `folder` which ends now was made of."""
    found = origin.checkout(str(folder), time.time(), time.time(), {})
    return found.commit, found.branch


class Repository:
    """A Git repository with one commit on the branch `main`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()

    def git(self, *words: str, folder: Path | None = None) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
        command = ["git", *identity, *words]
        done = subprocess.run(command, cwd=folder or self.folder, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def commit(self, folder: Path | None = None) -> None:
        self.git("commit", "--quiet", "--allow-empty", "--message=a change", folder=folder)

    def head(self, folder: Path | None = None) -> str:
        return self.git("rev-parse", "HEAD", folder=folder)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def test_a_context_inside_a_checkout_has_its_commit_and_branch(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "team/feature")
    inside = repository.folder / "services" / "api"
    inside.mkdir(parents=True)
    assert look(inside) == (repository.head(), "team/feature")


def test_a_detached_checkout_has_a_commit_and_no_branch(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--detach")
    assert look(repository.folder) == (repository.head(), None)


GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "team/shop"}
GITLAB = {"GITLAB_CI": "true", "CI_PROJECT_PATH": "team/shop"}
OF_GITHUB = {"GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch"}
OF_PULL_REQUEST = {"GITHUB_HEAD_REF": "fix", "GITHUB_REF_NAME": "7/merge"}
OF_MERGE_REQUEST = {"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix", "CI_COMMIT_REF_NAME": "refs/7"}


@pytest.mark.parametrize(
    ("environ", "branch"),
    [
        ({**GITHUB, **OF_GITHUB}, "main"),
        ({**GITHUB, **OF_PULL_REQUEST}, "fix"),
        ({**GITHUB, "GITHUB_REF_NAME": "v1", "GITHUB_REF_TYPE": "tag"}, None),
        ({**GITHUB, **OF_GITHUB, "GITHUB_REPOSITORY": "am/shop"}, None),
        ({**GITLAB, "CI_COMMIT_REF_NAME": "main"}, "main"),
        ({**GITLAB, **OF_MERGE_REQUEST}, "fix"),
        ({**GITLAB, "CI_COMMIT_REF_NAME": "v1", "CI_COMMIT_TAG": "v1"}, None),
        ({**OF_PULL_REQUEST, **OF_MERGE_REQUEST}, None),
        (GITHUB, None),
    ],
)
@pytest.mark.parametrize("address", ["https://git.example.com/Team/Shop.git", "git@a.io:team/shop"])
def test_the_branch_of_a_detached_checkout_in_ci_is_the_one_that_ci_says(
    repository: Repository, environ: dict[str, str], branch: str | None, address: str
) -> None:
    repository.git("remote", "add", "origin", address)
    repository.git("checkout", "--quiet", "--detach")
    now = time.time()
    found = origin.checkout(str(repository.folder), now, now, environ)
    assert (found.commit, found.branch) == (repository.head(), branch)
    repository.git("switch", "--quiet", "main")
    assert origin.checkout(str(repository.folder), now, now, environ).branch == "main"


def test_a_packed_branch_is_found(repository: Repository) -> None:
    repository.git("tag", "--annotate", "--message=one", "v1")
    repository.git("pack-refs", "--all")
    assert not (repository.folder / ".git" / "refs" / "heads" / "main").exists()
    assert look(repository.folder) == (repository.head(), "main")


def test_a_worktree_has_its_own_branch(repository: Repository, tmp_path: Path) -> None:
    place = tmp_path / "worktree"
    repository.git("worktree", "add", "--quiet", "-b", "other", str(place))
    repository.commit(place)
    assert repository.head(place) != repository.head()
    assert look(place) == (repository.head(place), "other")
    repository.git("pack-refs", "--all")
    assert look(place) == (repository.head(place), "other")


def test_a_submodule_has_its_own_commit(repository: Repository, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner")
    repository.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.folder), "lib"
    )
    assert look(repository.folder / "lib")[0] == inner.head()


def test_a_branch_without_a_commit_has_none(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "-b", "trunk", tmp_path], check=True)
    assert look(tmp_path) == (None, "trunk")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda git: (git / "HEAD").unlink(),
        lambda git: (git / "HEAD").write_bytes(b"\xff\xfe\x00"),
        lambda git: (git / "HEAD").write_text("ref: refs/heads/.invalid\n"),
        lambda git: (git / "HEAD").rename(git / "TAIL"),
    ],
    ids=["no HEAD", "rubbish", "a reftable", "renamed"],
)
def test_a_repository_that_cannot_be_read_is_none(
    spoil: Callable[[Path], None], repository: Repository
) -> None:
    spoil(repository.folder / ".git")
    assert look(repository.folder) == (None, None)


def test_a_change_to_a_tracked_file_makes_the_checkout_dirty(repository: Repository) -> None:
    def is_dirty() -> bool | None:
        return origin.checkout(str(repository.folder), time.time(), time.time()).dirty

    (repository.folder / "notes").write_text("one")
    assert is_dirty() is False
    repository.git("add", "notes")
    assert is_dirty() is True
    repository.git("commit", "--quiet", "--message=notes")
    assert is_dirty() is False
    (repository.folder / "notes").write_text("two")
    assert is_dirty() is True
    long_ago = time.time() - 3600
    assert origin.checkout(str(repository.folder), long_ago, time.time()).dirty is None


def test_a_commit_after_the_build_says_nothing_of_it(repository: Repository) -> None:
    built = time.time() - 3600
    found = origin.checkout(str(repository.folder), built, time.time())
    assert (found.commit, found.branch, found.dirty) == (None, None, None)


def test_the_remote_of_a_checkout_is_known(repository: Repository, tmp_path: Path) -> None:
    repository.git("remote", "add", "origin", "https://git.example.com/team/shop.git")
    place = tmp_path / "worktree"
    repository.git("worktree", "add", "--quiet", "-b", "other", str(place))
    for folder in (repository.folder, place):
        found = origin.checkout(str(folder), time.time(), time.time())
        assert found.remote == "https://git.example.com/team/shop.git"


def test_outside_of_any_checkout_there_is_none(tmp_path: Path) -> None:
    assert look(tmp_path) == (None, None)
    assert look("/nowhere/at/all") == (None, None)
    assert look("x" * 5000) == (None, None)


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, None),
        (
            {"GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
            "https://github.com/a/b/actions/runs/7",
        ),
        (
            {
                "GITHUB_REPOSITORY": "a/b",
                "GITHUB_RUN_ID": "7",
                "GITHUB_SERVER_URL": "https://git.example.com",
            },
            "https://git.example.com/a/b/actions/runs/7",
        ),
        ({"GITHUB_REPOSITORY": "a/b"}, None),
        ({"CI_JOB_URL": "https://gitlab.example.com/j/1"}, "https://gitlab.example.com/j/1"),
        ({"BUILDKITE_BUILD_URL": "https://bk.example.com/1"}, "https://bk.example.com/1"),
        ({"BUILD_URL": "https://jenkins.example.com/1/"}, "https://jenkins.example.com/1/"),
        ({"CIRCLE_BUILD_URL": "https://circle.example.com/1"}, "https://circle.example.com/1"),
        ({"BUILD_URL": ""}, None),
    ],
)
def test_the_page_of_a_ci_run_is_known(environ: dict[str, str], url: str | None) -> None:
    assert origin.ci(environ).url == url


# The engine


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "docker"
    folder.mkdir()
    return folder


@pytest.fixture
def environ(config: Path) -> dict[str, str]:
    return {"DOCKER_CONFIG": str(config)}


def add_context(config: Path, name: str, host: str, skip_verify: bool = False) -> str:
    digest = sha256(name.encode()).hexdigest()
    meta = config / "contexts" / "meta" / digest
    meta.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": skip_verify}
    (meta / "meta.json").write_text(
        json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}})
    )
    return digest


def test_without_any_word_it_is_the_default_socket(environ: dict[str, str]) -> None:
    assert endpoints.current(environ) == Endpoint("unix:///var/run/docker.sock")
    assert endpoints.current_builder(environ) == "default"


def test_the_environment_wins_over_contexts(config: Path, environ: dict[str, str]) -> None:
    add_context(config, "one", "tcp://one:1")
    add_context(config, "two", "tcp://two:2")
    (config / "config.json").write_text('{"currentContext": "one"}')
    assert endpoints.current(environ).address == "tcp://one:1"
    environ["DOCKER_CONTEXT"] = "two"
    assert endpoints.current(environ) == Endpoint("tcp://two:2", context="two")
    assert endpoints.current_builder(environ) == "two"
    environ["DOCKER_HOST"] = "unix:///run/mine.sock"
    found = endpoints.current(environ)
    assert (found.address, found.context) == ("unix:///run/mine.sock", "default")
    assert (found.certificates, endpoints.current_builder(environ)) == (None, "default")


def test_a_host_without_a_scheme_is_tcp(environ: dict[str, str]) -> None:
    assert endpoints.current(environ | {"DOCKER_HOST": "box:2375"}).address == "tcp://box:2375"


def test_a_context_that_is_not_there_is_told(environ: dict[str, str]) -> None:
    with pytest.raises(EngineUnreachableError, match="there is no docker context 'gone'"):
        endpoints.current(environ | {"DOCKER_CONTEXT": "gone"})


@pytest.mark.parametrize("content", ["", "{", "[]", '{"currentContext": ""}', "\xff"])
def test_a_damaged_config_is_none(config: Path, environ: dict[str, str], content: str) -> None:
    (config / "config.json").write_text(content, encoding="latin-1")
    assert endpoints.current(environ).context == "default"


def test_certificates_are_those_of_the_environment(environ: dict[str, str], config: Path) -> None:
    over = environ | {"DOCKER_HOST": "tcp://box:2376", "DOCKER_TLS_VERIFY": "1"}
    assert endpoints.current(over) == Endpoint("tcp://box:2376", config, True)
    over["DOCKER_CERT_PATH"] = "/certificates"
    assert endpoints.current(over).certificates == Path("/certificates")
    del over["DOCKER_TLS_VERIFY"]
    assert endpoints.current(over) == Endpoint("tcp://box:2376", None, False)
    assert endpoints.current(over | {"DOCKER_TLS": "1"}) == Endpoint(
        "tcp://box:2376", Path("/certificates"), False
    )


def test_certificates_are_those_of_the_context(config: Path, environ: dict[str, str]) -> None:
    digest = add_context(config, "far", "tcp://far:2376", skip_verify=True)
    folder = config / "contexts" / "tls" / digest / "docker"
    folder.mkdir(parents=True)
    assert endpoints.of_context("far", environ) == Endpoint("tcp://far:2376", folder, False, "far")


def test_the_folder_of_the_cli_is_at_home_unless_named(environ: dict[str, str]) -> None:
    assert endpoints.config_folder({"HOME": "/home/someone"}) == Path("/home/someone/.docker")
    assert endpoints.config_folder(environ) == Path(environ["DOCKER_CONFIG"])
    assert endpoints.buildx_folder(environ) == Path(environ["DOCKER_CONFIG"], "buildx")
    assert endpoints.buildx_folder(environ | {"BUILDX_CONFIG": "/b"}) == Path("/b")


def choose(config: Path, name: str, key: str, everywhere: bool = False) -> None:
    """What `docker buildx use` writes."""
    instances = config / "buildx" / "instances"
    instances.mkdir(parents=True, exist_ok=True)
    (instances / name).write_text("{}")
    chosen = {"Key": key, "Name": name, "Global": everywhere}
    (config / "buildx" / "current").write_text(json.dumps(chosen))


def test_a_chosen_builder_counts_where_it_was_chosen(config: Path, environ: dict[str, str]) -> None:
    choose(config, "mine", "unix:///var/run/docker.sock")
    assert endpoints.current_builder(environ) == "mine"
    assert endpoints.of_builder("mine", environ) is None
    assert endpoints.current_builder(environ | {"DOCKER_HOST": "tcp://box:2375"}) == "default"
    add_context(config, "far", "tcp://far:1")
    assert endpoints.current_builder(environ | {"DOCKER_CONTEXT": "far"}) == "far"


def test_a_builder_chosen_for_all_counts_everywhere(config: Path, environ: dict[str, str]) -> None:
    choose(config, "mine", "elsewhere", everywhere=True)
    assert endpoints.current_builder(environ | {"DOCKER_HOST": "tcp://box:2375"}) == "mine"


def test_a_builder_chosen_for_good_counts_after_others(
    config: Path, environ: dict[str, str]
) -> None:
    choose(config, "lasting", "elsewhere")
    key = sha256(b"unix:///var/run/docker.sock").hexdigest()[:20]
    (config / "buildx" / "defaults").mkdir()
    (config / "buildx" / "defaults" / key).write_text("lasting")
    assert endpoints.current_builder(environ) == "lasting"


def test_a_chosen_builder_that_was_removed_does_not_count(
    config: Path, environ: dict[str, str]
) -> None:
    choose(config, "mine", "unix:///var/run/docker.sock")
    (config / "buildx" / "instances" / "mine").unlink()
    assert endpoints.current_builder(environ) == "default"


def test_the_builder_named_in_the_environment_wins(config: Path, environ: dict[str, str]) -> None:
    choose(config, "mine", "unix:///var/run/docker.sock")
    assert endpoints.current_builder(environ | {"BUILDX_BUILDER": "named"}) == "named"


def test_the_builder_of_an_engine_is_reached_on_its_socket(
    config: Path, environ: dict[str, str]
) -> None:
    add_context(config, "far", "tcp://far:1")
    assert endpoints.of_builder("default", environ) == Endpoint("unix:///var/run/docker.sock")
    assert endpoints.of_builder("far", environ) == Endpoint("tcp://far:1", context="far")
