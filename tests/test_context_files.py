"""What is seen of a build's context: the files that COPY takes, as the real builder tells."""

import os
from pathlib import Path

import pytest
from engine_help import docker
from hypothesis import example, given
from hypothesis import strategies as st
from recording_help import keep_apart

from recorder import context_paths
from recorder.capture import context_files, ignored
from recorder.capture.context_files import see

KEY = b"a key of the tests"


def files(context: Path, dockerfile: str, key: bytes = KEY) -> dict[str, str]:
    """The files that are seen of a context with this Dockerfile."""
    (context / "Dockerfile").write_text(dockerfile)
    listing = see(str(context), None, key).files
    assert listing is not None
    assert listing.stopped is None
    return dict(listing.files)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A context with folders in folders."""
    root = tmp_path / "tree"
    for path in (
        "a.txt", "b.txt", "b.log", "c d.txt", "src/main.py", "src/main.pyc", "src/deep/er/x.py",
        "src/deep/y.log", "docs/a.md", "docs/keep.md", "node_modules/m/index.js",
    ):  # fmt: skip
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    (root / "empty").mkdir()
    return root


def copied(context: Path, folder: Path, sources: str) -> set[str]:
    """The files that the real builder copies: below the folder where it leaves them."""
    (context / "Dockerfile").write_text(f"FROM scratch\nCOPY {sources} /out/\n")
    docker("buildx", "build", "--output", f"type=local,dest={folder}", str(context))
    found = (folder / "out").rglob("*")
    return {path.relative_to(folder / "out").as_posix() for path in found if not path.is_dir()}


IGNORES = [
    "",
    "*.log\n",
    "**/*.log\n",
    "# a comment\n\n  docs  \n!docs/keep.md\n",
    "*\n!src\nsrc/deep\n",
    "**\n!src/main.*\n",
    "/src/deep\nnode_modules/\n",
    "src/*/er\n",
    "src/**/x.py\n?.txt\n",
    "[ab].txt\n./docs/./a.md\n",
    "**/deep/**\n!**/y.log\n",
    "!a.txt\n*.txt\n",
    "*\n!**/*.py\n",
    "c\\ d.txt\n",
    "src/../docs\n",
    "**/main.pyc*\n",
    "d*s\nnode_modules/**/*.js\n",
]


@pytest.mark.engine
@pytest.mark.parametrize("text", IGNORES)
def test_what_is_seen_is_what_the_builder_takes(
    text: str, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_apart(monkeypatch, tmp_path)
    (tree / ".dockerignore").write_text(text)
    taken = copied(tree, tmp_path / "out", ".")
    seen = {path for path in files(tree, (tree / "Dockerfile").read_text()) if path[-1] != "/"}
    # The builder is sent these two whatever is ignored.
    also = {"Dockerfile", ".dockerignore"}
    assert seen - also == taken - also


@pytest.mark.engine
def test_a_dockerfile_may_have_an_ignore_file_of_its_own(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_apart(monkeypatch, tmp_path)
    (tree / ".dockerignore").write_text("a.txt\n")
    (tree / "Dockerfile.dockerignore").write_text("b.txt\nDocker*\n.docker*\n")
    taken = copied(tree, tmp_path / "out", "*.txt")
    assert taken == {"a.txt", "c d.txt"}
    assert set(files(tree, "FROM scratch\nCOPY *.txt /\n")) == taken


@pytest.mark.engine
@pytest.mark.parametrize(
    ("sources", "paths"),
    [
        ("a.txt ./b.txt", {"a.txt", "b.txt"}),
        ("*.txt", {"a.txt", "b.txt", "c d.txt"}),
        ("[a-b].*", {"a.txt", "b.txt", "b.log"}),
        ("s*/deep", {"src/deep/er/x.py", "src/deep/y.log"}),
        ("src/*.py", {"src/main.py"}),
        ("/docs/", {"docs/a.md", "docs/keep.md"}),
        ("../../a.txt", {"a.txt"}),
        ("--chmod=0644 docs/?.md", {"docs/a.md"}),
    ],
)
def test_the_sources_of_a_copy_are_the_files_that_it_takes(
    sources: str, paths: set[str], tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_apart(monkeypatch, tmp_path)
    taken = copied(tree, tmp_path / "out", sources)
    assert set(files(tree, (tree / "Dockerfile").read_text())) == paths
    # The builder drops the folder that a source names.
    assert all(any(path.endswith(name) for path in paths) for name in taken)
    assert len(taken) == len(paths)


def test_a_folder_that_stands_for_its_files_is_taken_with_any_of_them() -> None:
    deep, file = (("src", "deep"),), (("src", "main.py"),)
    assert context_paths.takes(deep, "src/deep/er/")
    assert context_paths.takes(deep, "src/deep/")
    assert context_paths.takes(file, "src/")
    assert not context_paths.takes(file, "src/deep/")
    assert not context_paths.takes(deep, "docs/")
    assert context_paths.takes((("a.txt",),), "/")
    assert not context_paths.takes(file, "/")


@pytest.mark.parametrize(
    ("instruction", "sources"),
    [
        ('COPY ["c d.txt", "/x y/"]', (("c d.txt",),)),
        ("COPY --from=build /a /b", ()),
        ("COPY . .", ((),)),
        ("COPY src/$NAME/x /y", (("src",),)),
        ("COPY <<END /a", ()),
        ("ADD https://example.com/a.tar b.tar /x/", (("b.tar",),)),
        ("RUN --mount=type=bind,source=src,target=/s make", (("src",),)),
        ("RUN --mount=target=/all --mount=type=cache,target=/c make", ((),)),
        ("RUN --mount=type=bind,from=build,target=/s make", ()),
        ("RUN cp a b", ()),
        ("WORKDIR /srv", ()),
    ],
)
def test_an_instruction_names_what_it_takes_of_the_context(instruction, sources) -> None:
    assert context_paths.sources(instruction) == sources


def test_a_context_is_known_by_content_and_mode_and_not_by_time(tree: Path) -> None:
    whole = "FROM scratch\nCOPY . /\n"
    before = files(tree, whole)
    os.utime(tree / "a.txt", (1, 1))
    assert files(tree, whole) == before
    (tree / "a.txt").write_text("other")
    (tree / "b.txt").chmod(0o700)
    (tree / "docs").chmod(0o700)
    (tree / "empty").rmdir()
    (tree / "link").symlink_to("a.txt")
    after = files(tree, whole)
    assert {path for path in {*before, *after} if before.get(path) != after.get(path)} == {
        "a.txt", "b.txt", "docs/", "empty/", "link",
    }  # fmt: skip


def test_the_hashes_are_keyed_so_that_nobody_finds_a_content_by_trying(tree: Path) -> None:
    whole = "FROM scratch\nCOPY . /\n"
    one, other = files(tree, whole), files(tree, whole, b"another key")
    assert one.keys() == other.keys()
    assert not set(one.values()) & set(other.values())
    assert context_files.key_id(KEY) != context_files.key_id(b"another key")


def test_names_of_files_are_masked(tree: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    (tree / f"{token}.txt").write_text("x")
    assert token not in str(files(tree, "FROM scratch\nCOPY *.txt /\n"))


def test_a_name_that_is_no_utf8_or_has_a_line_break_is_no_obstacle(tree: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tree) + b"/\xff.txt"))).write_text("x")
    (tree / "two\nlines.txt").write_text("x")
    assert len(files(tree, "FROM scratch\nCOPY *.txt /\n")) == 5


def test_only_what_the_dockerfile_names_is_looked_at(tree: Path) -> None:
    (tree / "node_modules").chmod(0)
    assert set(files(tree, "FROM scratch\nCOPY src/deep a.txt /x/\n")) == {
        "a.txt", "src/deep/er/x.py", "src/deep/y.log",
    }  # fmt: skip
    (tree / "node_modules").chmod(0o755)


@pytest.mark.parametrize("context", ["-", "https://example.com/a.git", "/nowhere/at/all"])
def test_what_is_no_folder_here_is_not_seen(context: str) -> None:
    assert see(context, None, KEY) == context_files.NOT_SEEN


def test_a_context_without_its_dockerfile_is_not_seen(tree: Path) -> None:
    assert see(str(tree), None, KEY) == context_files.NOT_SEEN


def test_a_large_file_is_known_by_size_and_time(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context_files, "_LARGEST", 6)
    found = files(tree, "FROM scratch\nCOPY *.txt /\n")
    assert (found["a.txt"][0] == "~", found["c d.txt"][0] == "~") == (False, True)


def test_of_very_many_files_each_folder_is_kept_as_one(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = "FROM scratch\nCOPY src docs node_modules a.txt /\n"
    monkeypatch.setattr(context_files, "_MOST_KEPT", 6)
    before = files(tree, whole)
    assert set(before) == {"/", "src/", "src/deep/er/", "src/deep/", "docs/", "node_modules/m/"}
    (tree / "src/deep/y.log").write_text("other")
    after = files(tree, whole)
    assert [path for path in before if before[path] != after[path]] == ["src/deep/"]


@pytest.mark.parametrize(
    ("limit", "value", "why"),
    [
        ("_MOST_FILES", 3, "more than 3 files"),
        ("_MOST_KEPT", 2, "more than 2 folders"),
        ("_SECONDS", -1.0, "could not be read in the time"),
    ],
)
def test_a_look_that_reaches_a_limit_says_so_and_keeps_nothing(
    limit: str, value: float, why: str, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context_files, limit, value)
    (tree / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    listing = see(str(tree), None, KEY).files
    assert listing is not None
    assert why in str(listing.stopped)
    assert listing.files == {}


def test_a_look_stops_when_the_build_is_over(tree: Path) -> None:
    (tree / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    listing = see(str(tree), None, KEY, lambda: True).files
    assert listing is not None
    assert listing.stopped


@given(st.text("ab*?[]!\\/.#-&|~ \n", max_size=30), st.text("ab/.", min_size=1, max_size=12))
@example("[?--", "a")
@example("[+--]", "a")
def test_no_ignore_file_and_no_path_is_an_obstacle(text: str, path: str) -> None:
    assert ignored.is_ignored(ignored.rules(text), path) in (True, False)


@given(st.text(max_size=60))
def test_no_instruction_is_an_obstacle(text: str) -> None:
    for word in ("COPY ", "ADD ", "RUN --mount=", ""):
        patterns = context_paths.sources(word + text)
        context_paths.takes(patterns, "a/b")
