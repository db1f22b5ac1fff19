"""Causes that lie beyond a step itself: its place, other stages, images that it takes from."""

from pathlib import Path

import pytest
from causes_help import SHELL, Recorded
from engine_help import docker, make_context
from recording_help import keep_apart, unlike_any_other

from recorder.explain.causes import cause_of

pytestmark = pytest.mark.engine


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image_name: str) -> Recorded:
    keep_apart(monkeypatch, tmp_path)
    return Recorded(tmp_path, image_name)


def _new_image(recorded: Recorded, name: str) -> None:
    folder = make_context(recorded.context.with_name("base"), SHELL + "COPY who /who\n")
    (folder / "who").write_text(unlike_any_other())
    docker("buildx", "build", "-q", "-t", name, str(folder))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (("1", "2"), ("2", "1"), "`RUN echo {0} 1` no longer stands before it"),
        (("0", "1", "2"), ("1", "2"), "`RUN echo {0} 0` before it is gone"),
    ],
)
def test_instructions_that_stand_before_a_step_no_more_are_its_cause(recorded, old, new, words):
    word = unlike_any_other()
    for numbers in (old, new):
        recorded.write(*(f"RUN echo {word} {number}" for number in numbers))
        recorded.build()
    cause = recorded.cause()
    assert (cause.kind, cause.certain) == ("instruction", True)
    assert cause.words == words.format(word)


@pytest.mark.parametrize(
    "line", ["COPY --from={0} /who /elsewhere", "RUN --mount=from={0},target=/m echo"]
)
def test_an_image_that_a_step_takes_from_is_its_cause_if_it_changed(recorded, line: str) -> None:
    other = f"{recorded.image_name}-other"
    recorded.write(line.format(other), f"RUN echo {unlike_any_other()}")
    for _ in range(2):
        _new_image(recorded, other)
        recorded.build()
    cause = recorded.cause()
    assert (cause.kind, cause.names) == ("base", (f"{other}:latest",))
    assert cause.words.startswith(f"the image {other}:latest changed (")


def test_an_image_of_which_the_same_was_taken_is_no_cause_of_what_follows(recorded) -> None:
    other = f"{recorded.image_name}-other"
    recorded.write(f"COPY --from={other} /bin/sh /bin/other", "COPY a.txt /a")
    for _ in range(2):
        _new_image(recorded, other)
        (recorded.context / "a.txt").write_text(unlike_any_other())
        recorded.build()
    cause = recorded.cause()
    assert (cause.kind, cause.names) == ("file", ("a.txt",))


def test_a_stage_that_ran_and_gave_the_same_is_no_cause_of_what_follows(recorded) -> None:
    word = unlike_any_other()
    lines = (f"RUN echo {word} > /out; cat /source", "FROM scratch", "COPY busybox /bin/sh")
    lines = (
        "COPY source /source",
        *lines,
        "COPY --from=0 /out /out",
        "COPY a.txt /a",
        "RUN echo 1",
    )
    recorded.write(*lines)
    for _ in range(2):
        (recorded.context / "source").write_text(unlike_any_other())
        (recorded.context / "a.txt").write_text(unlike_any_other())
        latest = recorded.build()
    before = recorded.builds()[0]
    found = {step.instruction: step for step in latest.steps}
    assert found["COPY --from=0 /out /out"].cached
    cause = cause_of(latest, before, found["RUN echo 1"].position)
    assert (cause.kind, cause.words) == ("parent", "a.txt changed")


def test_a_stage_that_was_not_needed_before_is_not_called_new(recorded: Recorded) -> None:
    word = unlike_any_other()
    lines = (
        f"RUN echo {word} 1",
        "FROM scratch AS two",
        "COPY busybox /bin/sh",
        f"RUN echo {word}",
    )
    for stage in ("one", "two"):
        shell = SHELL.replace("scratch", "scratch AS one")
        recorded.write(*lines, f"FROM {stage}", f"RUN echo {word} 3", shell=shell)
        recorded.build()
    before, latest = recorded.builds()
    place = next(step.position for step in latest.steps if step.instruction == f"RUN echo {word}")
    assert (
        cause_of(latest, before, place).words == "the build before it had no need of the stage two"
    )


def test_a_stage_that_is_not_the_named_one_is_not_called_uncached(recorded: Recorded) -> None:
    """Of a stage that stands alone, steps do not tell the name; the Dockerfile does."""
    shell = SHELL.replace("scratch", "scratch AS one")
    recorded.write(f"RUN echo {unlike_any_other()}", shell=shell)
    recorded.build()
    recorded.write(f"RUN echo {unlike_any_other()}", shell=shell)
    recorded.build("--no-cache-filter", "other")
    assert recorded.cause().kind == "instruction"
    recorded.build("--no-cache-filter", "ONE,other")
    assert recorded.cause().words == "--no-cache-filter named one"


def test_a_stage_that_was_renamed_is_no_new_instruction(recorded: Recorded) -> None:
    lines = ("COPY a.txt /a", "FROM scratch", "COPY --from=0 /a /a")
    for stage in ("one", "two"):
        shell = SHELL.replace("scratch", f"scratch AS {stage}")
        recorded.write(*lines, shell=shell, **{"a.txt": unlike_any_other()})
        recorded.build()
    assert (recorded.cause().kind, recorded.cause().words) == ("file", "a.txt changed")


def test_an_env_line_is_the_cause_of_a_copy_that_its_value_stands_in(recorded: Recorded) -> None:
    word = unlike_any_other()
    for number in (1, 2):
        recorded.write(f"ENV V={number}", f"COPY a.txt /{word}-$V", **{"a.txt": "1"})
        recorded.build()
    cause = recorded.cause()
    assert (cause.kind, cause.words) == ("instruction", "`ENV V=1` became `ENV V=2`")


def test_another_default_of_an_argument_that_is_given_is_no_cause(recorded: Recorded) -> None:
    word = unlike_any_other()
    for default, host in (("1", "one"), ("2", "two")):
        recorded.write(f"ARG A={default}", f"RUN echo {word}")
        recorded.build("--build-arg", "A=3", "--add-host", f"{host}:10.0.0.1")
    cause = recorded.cause()
    assert cause.words == "the option --add-host changed from `one=10.0.0.1` to `two=10.0.0.1`"


def test_files_that_an_ignore_file_keeps_away_are_called_gone(recorded: Recorded) -> None:
    word = unlike_any_other()
    recorded.write("COPY sub /sub/", a=word)
    (recorded.context / "sub").mkdir()
    for name in ("a.log", "b.log", "c.txt"):
        (recorded.context / "sub" / name).write_text(word)
    recorded.build()
    (recorded.context / ".dockerignore").write_text("**/*.log")
    recorded.build()
    assert recorded.cause().words == "sub/a.log and sub/b.log are gone"


def test_an_env_line_of_a_stage_that_an_argument_names_is_a_cause(recorded: Recorded) -> None:
    lines = ("FROM ${V}", f"RUN echo {unlike_any_other()}")
    for number in (1, 2):
        shell = "ARG V=one\n" + SHELL.replace("scratch", "scratch AS one")
        recorded.write(f"ENV A={number}", *lines, shell=shell)
        recorded.build()
    cause = recorded.cause()
    assert (cause.kind, cause.words) == ("instruction", "`ENV A=1` became `ENV A=2`")


def test_a_step_that_two_stages_share_hides_no_line_after_it(recorded: Recorded) -> None:
    word = unlike_any_other()
    two = ("FROM scratch AS two", "COPY busybox /bin/sh", f"RUN echo {word}")
    last = (f"RUN echo {word} 2", "COPY --from=one /bin/sh /x")
    for number in (1, 2):
        shell = SHELL.replace("scratch", "scratch AS one")
        recorded.write(f"RUN echo {word}", *two, f"ENV A={number}", *last, shell=shell)
        recorded.build()
    cause = recorded.cause()
    assert (cause.kind, cause.words) == ("instruction", "`ENV A=1` became `ENV A=2`")


def test_a_step_that_moved_to_another_stage_has_no_new_base(recorded: Recorded) -> None:
    """Both stages are from one image, which is there once, under the name of one of them."""
    base, word = f"{recorded.image_name}-base", unlike_any_other()
    _new_image(recorded, base)
    run = f"RUN echo {word}"
    one, two = (f"FROM {base} AS one", "COPY a.txt /x"), (f"FROM {base}", "COPY --from=one /x /x")
    for lines in ((*one, *two, run), (*one, run, *two)):
        recorded.write(*lines, shell="", **{"a.txt": word})
        recorded.build()
    assert recorded.cause().words == "it moved from the stage stage-1 to one"
