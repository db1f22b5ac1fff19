"""Why a step was not taken from the cache: each cause on the real engine, and what decides."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cases import slow
from causes_help import SHELL, Recorded
from engine_help import docker, make_context
from publication_help import build, step
from recording_help import buildrec, keep_apart, unlike_any_other
from second_engine import second_engine

from recorder.explain.causes import cause_of, first_miss
from recorder.model import Build, Inputs, Listing


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image_name: str) -> Recorded:
    keep_apart(monkeypatch, tmp_path)
    return Recorded(tmp_path, image_name)


@pytest.mark.engine
def test_a_changed_file_is_the_cause_of_the_copy_that_takes_it(recorded: Recorded) -> None:
    word = unlike_any_other()
    lines = ("COPY package.txt lock.txt /srv/", f"RUN echo {word}", "COPY . /all/")
    recorded.write(*lines, **{"package.txt": word, "lock.txt": "1", "other.txt": "1"})
    recorded.build()
    (recorded.context / "lock.txt").write_text("2")
    (recorded.context / "other.txt").write_text("2")
    latest = recorded.build()
    cause = recorded.cause()
    assert (cause.kind, cause.names, cause.certain) == ("file", ("lock.txt",), True)
    assert cause.step.instruction == "COPY package.txt lock.txt /srv/"
    assert cause.words == "lock.txt changed"
    before = recorded.builds()[0]
    run = next(step for step in latest.steps if step.kind == "run")
    parent = cause_of(latest, before, run.position)
    assert (parent.kind, parent.root and parent.root.kind) == ("parent", "file")
    assert parent.words == "lock.txt changed"


@pytest.mark.engine
def test_a_changed_file_of_a_copy_in_the_form_of_a_list_is_its_cause(recorded: Recorded) -> None:
    recorded.write('COPY ["odd name.txt", "other.txt", "/srv/"]', **{"other.txt": "1"})
    for _ in range(2):
        (recorded.context / "odd name.txt").write_text(unlike_any_other())
        recorded.build()
    cause = recorded.cause()
    assert (cause.kind, cause.names, cause.certain) == ("file", ("odd name.txt",), True)


@pytest.mark.engine
def test_a_file_that_was_put_back_is_the_cause_of_what_never_ran_on_it(recorded) -> None:
    """The COPY of it comes from the cache, as an older build made it."""
    one, two, run = unlike_any_other(), unlike_any_other(), f"RUN echo {unlike_any_other()}"
    recorded.write("COPY a.txt /a", **{"a.txt": one})
    recorded.build()
    recorded.write("COPY a.txt /a", run, **{"a.txt": two})
    recorded.build()
    (recorded.context / "a.txt").write_text(one)
    latest = recorded.build()
    assert next(step for step in latest.steps if step.instruction == "COPY a.txt /a").cached
    cause = recorded.cause()
    assert (cause.kind, cause.root and cause.root.kind) == ("parent", "file")
    assert (cause.step.kind, cause.words) == ("run", "a.txt changed")


@pytest.mark.engine
@pytest.mark.parametrize("touch", ["time", "ignored", "elsewhere"])
def test_what_no_copy_takes_is_no_cause(recorded: Recorded, touch: str) -> None:
    """Neither a file's time, nor what `.dockerignore` keeps away, nor what no COPY names."""
    run = f"RUN echo {unlike_any_other()}"
    recorded.write("COPY sub /sub/", run, **{".dockerignore": "**/*.log"})
    (recorded.context / "sub").mkdir()
    (recorded.context / "sub/a.txt").write_text("1")
    recorded.build()
    if touch == "time":
        (recorded.context / "sub/a.txt").touch()
    elif touch == "ignored":
        (recorded.context / "sub/a.log").write_text("2")
    else:
        (recorded.context / "b.txt").write_text("2")
    latest = recorded.build()
    assert first_miss(latest, recorded.builds()[0]) is None
    assert latest.inputs.files == recorded.builds()[0].inputs.files


@pytest.mark.engine
def test_a_changed_mode_is_a_change_of_the_file(recorded: Recorded) -> None:
    recorded.write("COPY a.txt /a", **{"a.txt": unlike_any_other()})
    recorded.build()
    (recorded.context / "a.txt").chmod(0o755)
    recorded.build()
    assert (recorded.cause().kind, recorded.cause().names) == ("file", ("a.txt",))


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ("a1", "a2", "a changed"),
        ("a1", "b1", "b is new and a is gone"),
        ("a1 b1 c1", "a2 b2 d1 e1", "a and b changed, d and e are new and c is gone"),
        ("a1 b1 c1", "a2 b2 c2", "a, b and 1 more file changed"),
        ("a1", "a1 b1 c1 d1 e1", "b, c and 2 more files are new"),
    ],
)
def test_files_that_changed_came_or_went_are_told_each_with_its_own_word(
    before: str, now: str, words: str
) -> None:
    one, other = (
        _made("copy", "COPY . .", files=Listing("key", dict(text.split())))
        for text in (before, now)
    )
    cause = cause_of(other, one, 1)
    assert (cause.kind, cause.certain, cause.words) == ("file", True, words)


def _made(
    kind: str, text: str, build_args: Mapping[str, str] | None = None, **inputs: Any
) -> Build:
    steps = (step(1, text, kind=kind, instruction=text),)
    return build(steps=steps, build_args=build_args or {}, inputs=Inputs(graph=((),), **inputs))


@pytest.mark.parametrize(
    ("declared", "words", "certain"),
    [
        (("ARG A", "ARG B"), "the arguments A and B changed", True),
        (("ARG B",), "the argument B changed from `1` to `2`", True),
        ((), "one of A, B changed", False),
    ],
)
def test_arguments_that_changed_are_told_as_far_as_their_step_is_known_to_take_them(
    declared: tuple[str, ...], words: str, certain: bool
) -> None:
    """Where its Dockerfile was not seen, any of them may be declared."""
    settings = tuple(f"stage-0\t0\t{line}" for line in declared)
    one, other = (
        _made("run", "RUN make", {"A": value, "B": value}, settings=settings) for value in "12"
    )
    cause = cause_of(other, one, 1)
    assert (cause.kind, cause.words, cause.certain) == ("argument", words, certain)


@pytest.mark.engine
def test_a_changed_argument_is_the_cause_of_the_run_after_its_declaration(recorded) -> None:
    recorded.write("ARG COLOUR", "ARG OTHER", f"RUN echo {unlike_any_other()}")
    recorded.build("--build-arg", "COLOUR=red", "--build-arg", "OTHER=1")
    recorded.build("--build-arg", "COLOUR=blue", "--build-arg", "OTHER=1", "--build-arg", "NO=1")
    cause = recorded.cause()
    assert (cause.kind, cause.names, cause.certain) == ("argument", ("COLOUR",), True)
    assert (cause.before, cause.after) == ("red", "blue")
    assert cause.words == "the argument COLOUR changed from `red` to `blue`"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (("main", ""), ("main", "next")),
        (("main", "next"), ("main", "")),
        (("1", "2"), ("1", "3")),
        (("1", ""), ("1", "2")),
        (("main", ""), ("next", "")),
        (("", ""), ("", "next")),
    ],
)
@pytest.mark.parametrize(
    "line",
    ["COPY a.txt /{0}-$BRANCH", slow("WORKDIR /{0}/$BRANCH"), slow("RUN echo {0}")],
)
def test_an_argument_is_the_cause_by_its_default_too(recorded, old, new, line: str) -> None:
    """Also where its value is of one letter, which is not put back in the step's identity."""
    word = unlike_any_other()
    for default, given in (old, new):
        recorded.write(f"ARG BRANCH={default}", line.format(word), **{"a.txt": "1"})
        recorded.build(*(("--build-arg", f"BRANCH={given}") if given else ()))
    cause = recorded.cause()
    before, after = old[1] or old[0], new[1] or new[0]
    assert (cause.kind, cause.names) == ("argument", ("BRANCH",))
    assert (cause.before, cause.after) == (before, after)


@pytest.mark.engine
def test_an_argument_that_is_given_as_it_is_by_default_is_no_cause(recorded: Recorded) -> None:
    word = unlike_any_other()
    recorded.write("ARG BRANCH=main", "COPY main.c /$BRANCH", **{"main.c": word})
    recorded.build()
    (recorded.context / "main.c").write_text(unlike_any_other())
    recorded.build("--build-arg", "BRANCH=main")
    cause = recorded.cause()
    assert (cause.kind, cause.names) == ("file", ("main.c",))


@pytest.mark.engine
def test_an_edited_instruction_is_no_argument_though_one_changed(recorded: Recorded) -> None:
    word = unlike_any_other()
    for value in ("one", "two"):
        recorded.write("ARG COLOUR", f"WORKDIR /{word}/{value[::-1]}")
        recorded.build("--build-arg", f"COLOUR={value}")
    assert recorded.cause().kind == "instruction"


@pytest.mark.engine
def test_a_secret_argument_that_changed_shows_by_its_mask_alone(recorded) -> None:
    recorded.write("ARG API_TOKEN", f"RUN echo {unlike_any_other()}")
    recorded.build("--build-arg", "API_TOKEN=correct-horse-1")
    recorded.build("--build-arg", "API_TOKEN=battery-staple-2")
    cause = recorded.cause()
    assert (cause.kind, cause.names) == ("argument", ("API_TOKEN",))
    assert "[masked:" in cause.words
    assert "battery" not in cause.words
    assert "correct" not in cause.words


@pytest.mark.engine
def test_a_changed_base_is_the_cause_of_what_stands_on_it(recorded: Recorded) -> None:
    base = f"{recorded.image_name}-base"
    recorded.write(f"RUN echo {unlike_any_other()} > /x", shell=f"FROM {base}\n")
    for _ in range(2):
        folder = make_context(recorded.context.with_name("base"), SHELL + "COPY who /who\n")
        (folder / "who").write_text(unlike_any_other())
        docker("buildx", "build", "-q", "-t", base, str(folder))
        recorded.build()
    cause = recorded.cause()
    assert (cause.kind, cause.names) == ("base", (f"{base}:latest",))
    before, latest = recorded.builds()
    assert cause.before == before.inputs.bases[f"{base}:latest"]
    assert cause.after == latest.inputs.bases[f"{base}:latest"]
    assert cause.words.startswith(f"its base {base}:latest changed (")


@pytest.mark.engine
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("RUN echo {0} one", "RUN echo {0} two", "its instruction changed from `RUN echo {0} one`"),
        ("", "RUN echo {0} two", "`RUN echo {0} two` is new"),
        ("ENV A=1\nRUN echo {0}", "ENV A=2\nRUN echo {0}", "`ENV A=1` became `ENV A=2`"),
        ("RUN echo {0}", "ENV B=1\nRUN echo {0}", "`ENV B=1` is new"),
        (
            "RUN <<END\necho {0}\necho one\nEND",
            "RUN <<END\necho {0}\necho two\nEND",
            "the here-document of `RUN <<END` changed",
        ),
    ],
)
def test_a_changed_instruction_is_the_cause(recorded, old: str, new: str, words: str) -> None:
    word = unlike_any_other()
    recorded.write(old.format(word))
    recorded.build()
    recorded.write(new.format(word))
    recorded.build()
    cause = recorded.cause()
    assert (cause.kind, cause.words) == ("instruction", words.format(word))


@pytest.mark.engine
def test_an_env_after_a_run_is_not_its_cause(recorded: Recorded) -> None:
    word = unlike_any_other()
    recorded.write(f"RUN echo {word}", "ENV A=1", "COPY a.txt /a", **{"a.txt": word})
    recorded.build()
    recorded.write(f"RUN echo {word}", "ENV A=2", "COPY a.txt /a", **{"a.txt": "2"})
    recorded.build()
    cause = recorded.cause()
    assert (cause.kind, cause.names) == ("file", ("a.txt",))


@pytest.mark.engine
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--no-cache",), "--no-cache was given"),
        (("--no-cache-filter", "last"), "--no-cache-filter named last"),
    ],
)
def test_a_build_that_was_told_to_use_no_cache_says_so(recorded, words, said: str) -> None:
    recorded.write("RUN echo a", "FROM scratch AS last", "COPY busybox /bin/sh", "RUN echo b")
    recorded.build()
    recorded.build(*words)
    assert (recorded.cause().kind, recorded.cause().words) == ("no_cache", said)


@pytest.mark.engine
def test_a_cache_that_was_emptied_is_the_cause_when_all_else_is_equal(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    with second_engine() as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        recorded.write("ARG A", "COPY a.txt /a", f"RUN echo {unlike_any_other()}", **{"a.txt": "1"})
        recorded.build()
        docker("builder", "prune", "--all", "--force")
        recorded.build()
        cause = recorded.cause()
        assert (cause.kind, cause.certain) == ("evicted", False)


@pytest.mark.engine
def test_an_argument_that_was_given_before_and_is_declared_now_is_the_cause(recorded) -> None:
    text = f"RUN echo {unlike_any_other()}"
    recorded.write(text)
    recorded.build("--build-arg", "Z=1")
    recorded.write(f"ARG Z\n{text}")
    recorded.build("--build-arg", "Z=1")
    cause = recorded.cause()
    assert (cause.kind, cause.names, cause.certain) == ("argument", ("Z",), True)
    assert cause.words == "the argument Z changed from nothing to `1`"


@pytest.mark.engine
def test_without_the_files_of_either_build_it_says_that_it_cannot_know(recorded) -> None:
    recorded.write("COPY a.txt /a", **{"a.txt": unlike_any_other()})
    docker("buildx", "build", "-q", "-t", recorded.image_name, str(recorded.context))
    assert buildrec("sync", db=recorded.db).returncode == 0
    (recorded.context / "a.txt").write_text(unlike_any_other())
    recorded.build()
    cause = recorded.cause()
    assert cause.kind == "unknown"
    assert cause.words.endswith("the context was not seen when the build before it was recorded")


@pytest.mark.engine
def test_a_build_that_took_all_from_the_cache_missed_nothing(recorded: Recorded) -> None:
    recorded.write(f"RUN echo {unlike_any_other()}")
    recorded.build()
    latest = recorded.build()
    assert first_miss(latest, recorded.builds()[0]) is None
