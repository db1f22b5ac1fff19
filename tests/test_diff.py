"""Two builds side by side: steps, layers, arguments, bases, warnings; also of two histories."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from publication_help import build, record, step
from recording_help import buildrec

from recorder import database, schema
from recorder.explain import aligned, difference, facts, layer_steps, rows, sizes
from recorder.model import Build, Inputs, Layer, Lint, Step

OLDER = Path(__file__).parent / "data" / "schemas" / "2.sql"
BASE = "FROM docker.io/library/alpine:3@sha256:"


def numbered(*steps: Step) -> tuple[Step, ...]:
    """The steps in their order."""
    return tuple(replace(step, position=place) for place, step in enumerate(steps, 1))


def named(pairs: Sequence[aligned.Pair[Step]]) -> list[tuple[str | None, str | None]]:
    return [(pair.before and pair.before.name, pair.now and pair.now.name) for pair in pairs]


def test_steps_of_one_identity_are_paired_wherever_they_stand() -> None:
    before = numbered(step(0, "COPY . ."), step(0, "RUN make"))
    now = numbered(step(0, "RUN new"), step(0, "RUN make"), step(0, "COPY . ."))
    assert named(aligned.steps(before, now)) == [
        (None, "RUN new"), ("RUN make", "RUN make"), ("COPY . .", "COPY . ."),
    ]  # fmt: skip


def test_an_edited_instruction_is_paired_with_what_it_was() -> None:
    before = numbered(step(0, "RUN apt-get install curl git"), step(0, "RUN make"))
    now = numbered(step(0, "RUN apt-get install curl git jq"), step(0, "COPY a b", kind="copy"))
    assert named(aligned.steps(before, now)) == [
        ("RUN apt-get install curl git", "RUN apt-get install curl git jq"),
        ("RUN make", None),
        (None, "COPY a b"),
    ]


def test_another_base_of_the_same_stage_is_the_same_step() -> None:
    before = numbered(step(0, "[app 1/2] FROM node:20", kind="from", stage="app"))
    now = numbered(step(0, "[app 1/2] FROM debian:12", kind="from", stage="app"))
    assert named(aligned.steps(before, now)) == [
        ("[app 1/2] FROM node:20", "[app 1/2] FROM debian:12")
    ]


def staged(name: str, number: int, of: int, text: str, **more: Any) -> Step:
    kind = text.split(maxsplit=1)[0].lower()
    usual = {"stage": name, "step": number, "steps": of, "instruction": text, "kind": kind}
    return step(0, f"[{name} {number}/{of}] {text}", **usual | more)


STAGES = ("base\t0\tFROM scratch AS base", "tests\t0\tFROM base AS tests",
          "app\t0\tFROM base AS app")  # fmt: skip


def one_target(target: str, *layers: Layer, settings: Sequence[str] = STAGES) -> Build:
    """A build of one of two stages that are from a third."""
    own = {
        "tests": (
            staged("tests", 1, 2, "COPY spec /spec"),
            staged("tests", 2, 2, "RUN check spec"),
        ),
        "app": (staged("app", 1, 2, "COPY data /data"), staged("app", 2, 2, "RUN check data")),
    }
    return build(
        "my-app", target=target, inputs=Inputs(settings=tuple(settings)), layers=layers,
        steps=numbered(staged("base", 1, 1, "COPY lib /lib"), *own[target]),
        image_size_bytes=sum(layer.bytes for layer in layers),
        image_digest=f"sha256:{abs(hash(layers)):064x}",
    )  # fmt: skip


TESTS = one_target("tests", Layer(1, "COPY lib /lib", 1), Layer(2, "COPY spec /spec", 20),
                   Layer(3, "RUN check spec", 300))  # fmt: skip
APP = one_target("app", Layer(1, "COPY lib /lib", 1), Layer(2, "COPY data /data", 40),
                 Layer(3, "ENV A=b", 0), Layer(4, "RUN check data", 500))  # fmt: skip


def test_steps_of_two_stages_that_both_dockerfiles_have_are_not_one_edited() -> None:
    assert [tuple(map(bool, pair)) for pair in aligned.of_builds(TESTS, APP)] == [
        (True, True), (True, False), (True, False), (False, True), (False, True),
    ]  # fmt: skip
    told = {change.name: (change.before, change.now) for change in facts.changes(TESTS, APP)}
    assert told == {"target": ("tests", "app")}


def test_a_step_that_moved_to_another_stage_is_still_that_step() -> None:
    before = [staged("tests", 1, 1, "RUN install")]
    now = [staged("app", 1, 1, "RUN install")]
    [pair] = aligned.steps(before, now, {"tests", "app"})
    assert pair == (before[0], now[0])


def test_the_layers_of_two_targets_are_paired_by_the_steps_that_made_them() -> None:
    size = sizes.compare(TESTS, APP)
    assert size
    assert size.difference == sum(part.difference for part in size.parts)
    assert [(part.kind, part.instruction, part.difference) for part in size.parts] == [
        ("added", "RUN check data", 500),
        ("gone", "RUN check spec", -300),
        ("added", "COPY data /data", 40),
        ("gone", "COPY spec /spec", -20),
    ]


def test_a_layer_whose_instruction_was_edited_is_paired_with_what_it_was() -> None:
    text = "COPY --chown=1000:1000 data /data"
    steps = tuple(
        replace(step, instruction=text, step_key="edited") if step.kind == "copy" and
        step.stage == "app" else step for step in APP.steps
    )  # fmt: skip
    layers = (APP.layers[0], Layer(2, text, 70), *APP.layers[2:])
    size = sizes.compare(APP, replace(APP, steps=steps, layers=layers, image_size_bytes=571))
    assert size
    assert [(part.kind, part.instruction) for part in size.parts] == [("grown", text)]


def test_where_the_stages_are_not_known_the_text_of_a_layer_tells() -> None:
    builds = (one_target(one.target or "", *one.layers, settings=()) for one in (TESTS, APP))
    size = sizes.compare(*builds)
    assert size
    assert ("grown", "RUN check data") in [(part.kind, part.instruction) for part in size.parts]


def test_only_layers_above_a_step_that_is_missing_are_known_by_their_steps() -> None:
    """One that another stage has, too, is there once, under the name of either."""
    one = replace(APP, steps=tuple(step for step in APP.steps if step.stage != "base"))
    assert [*layer_steps.of_build(one)] == [4, 2]
    short = replace(APP, steps=tuple(step for step in APP.steps if step.step != 1))
    assert [*layer_steps.of_build(short)] == [4]
    assert [*layer_steps.of_build(APP)] == [4, 2, 1]


def test_what_another_base_image_sets_is_no_edit_of_the_dockerfile() -> None:
    def on(base: str, command: str) -> Build:
        layers = (Layer(1, "", 9), Layer(2, f"LABEL vendor={base}", 0), Layer(3, "RUN make", 5),
                  Layer(4, f'CMD ["{command}"]', 0))  # fmt: skip
        return build(
            "my-app", inputs=Inputs(bases={base: ""}, settings=(f"stage-0\t0\tFROM {base}",)),
            steps=numbered(replace(step(0, "[2/2] RUN make"), step=2, steps=2)), layers=layers,
        )  # fmt: skip

    found = facts.changes(on("debian:12", "sh"), on("debian:13", "bash"))
    assert [(change.before, change.now) for change in found if change.what == "instruction"] == [
        ("FROM debian:12", "FROM debian:13"),
        ('CMD ["sh"]', 'CMD ["bash"]'),
    ]


def test_an_argument_in_a_label_is_told_as_an_argument_alone() -> None:
    one, other = (
        written(copied("COPY a /a"), image=f"LABEL version={value}", build_args={"VERSION": value})
        for value in ("1.2", "1.3")
    )
    assert [(change.what, change.name) for change in facts.changes(one, other)] == [
        ("argument", "VERSION")
    ]


def a_build(hours: float = 0, seconds: float = 20.0, digest: str = "1", **more: object) -> Build:
    values = {
        "steps": numbered(
            step(0, f"[1/3] {BASE}{digest * 64}", kind="from", duration=1.0),
            step(0, "[2/3] COPY . .", kind="copy", started=1.0, duration=1.0),
            step(0, "[3/3] RUN make", started=2.0, duration=seconds - 2),
        ),
        "image_size_bytes": 50_000_000 + round(seconds) * 1_000_000,
        "image_digest": f"sha256:{round(seconds):064x}",
        "layers": (Layer(0, "ADD rootfs", 50_000_000),
                   Layer(1, "RUN make", round(seconds) * 1_000_000)),
        **more,
    }  # fmt: skip
    return build("my-app", hours=hours, seconds=seconds, **values)


def test_arguments_bases_facts_and_warnings_that_changed_are_told() -> None:
    before = a_build(build_args={"A": "1", "B": "2"}, git_commit="a" * 40)
    now = a_build(
        digest="2", build_args={"A": "3", "C": "4"}, git_commit="b" * 40,
        lints=(Lint("stage-name-casing", "Stage name should be lowercase", 1),),
    )  # fmt: skip
    found = [(c.what, c.name, c.before, c.now) for c in facts.changes(before, now)]
    assert ("argument", "A", "1", "3") in found
    assert ("argument", "B", "2", None) in found
    assert ("argument", "C", None, "4") in found
    alpine = "alpine:3"
    assert ("base", alpine, f"sha256:{'1' * 64}", f"sha256:{'2' * 64}") in found
    assert ("fact", "git_commit", "a" * 40, "b" * 40) in found
    assert [what for what, *_ in found].count("warning") == 1
    assert facts.changes(now, now) == ()


def test_a_fact_that_reads_the_same_on_both_sides_did_not_change() -> None:
    before, almost, more = (a_build(context_bytes=size) for size in (3_961, 3_962, 4_100))
    assert facts.changes(before, almost) == ()
    [change] = facts.changes(before, more)
    assert facts.shown(change) == ("3.96 kB", "4.1 kB")


def written(*steps: Step, settings: Sequence[str] = (), image: str = "", **more: Any) -> Build:
    """A build of a Dockerfile of which the steps, the other lines and what the image has differ."""
    layers = (Layer(0, "COPY a /a", 5), Layer(1, image, 0)) if image else ()
    return build(
        "my-app", steps=numbered(*steps), inputs=Inputs(settings=tuple(settings)), layers=layers,
        image_digest=f"sha256:{abs(hash(image)):064x}", **more,
    )  # fmt: skip


def copied(text: str) -> Step:
    return step(0, f"[2/2] {text}", kind="copy", cached=True, instruction=text)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            written(copied("COPY --from=tool /tool /")),
            written(copied("COPY --from=tool /tool /tool2")),
            ("COPY --from=tool /tool /", "COPY --from=tool /tool /tool2"),
        ),
        (
            written(copied("COPY a  /a")),
            written(copied("COPY a /a")),
            ("COPY a  /a", "the same but for blanks"),
        ),
        (
            written(settings=["app\t0\tFROM a AS app", "app\t0\tUSER 1"]),
            written(settings=["app\t0\tFROM a AS app", "app\t0\tUSER root"]),
            ("USER 1", "USER root"),
        ),
        (
            written(settings=["app\t0\tFROM a", "app\t0\tENV A=1"]),
            written(settings=["app\t0\tFROM a", "app\t0\tENV A=1", "app\t1\tENV B=1"]),
            ("", "ENV B=1"),
        ),
        (
            written(settings=["app\t0\tFROM a", "app\t0\tRUN <<EOF\t1234"]),
            written(settings=["app\t0\tFROM a", "app\t0\tRUN <<EOF\t5678"]),
            ("RUN <<EOF", "another here-document"),
        ),
        (
            written(image='CMD ["cat" "/h"]'),
            written(image='/bin/sh -c #(nop)  CMD ["sh"]'),
            ('CMD ["cat", "/h"]', 'CMD ["sh"]'),
        ),
    ],
)
def test_an_instruction_that_reads_otherwise_is_told_with_both_texts(
    old: Build, new: Build, told: tuple[str, str]
) -> None:
    [change] = facts.changes(old, new)
    assert (change.what, facts.shown(change)) == ("instruction", told)
    assert facts.changes(new, new) == ()


@pytest.mark.parametrize(
    ("old", "new", "values"),
    [
        ("=red", "=blue", ("red", "blue")),
        ("", "=blue", (None, "blue")),
        ("=red", "=red", ("red", "green")),
    ],
)
def test_an_argument_is_told_by_its_value_be_it_given_or_the_default(
    old: str, new: str, values: tuple[str | None, str]
) -> None:
    def made(default: str, value: str | None) -> Build:
        given = {"COLOUR": value} if value == "green" else {}
        lines = ["\t0\tARG BASE=a", "app\t0\tFROM ${BASE} AS app", f"app\t0\tARG COLOUR{default}"]
        paint = copied(f"COPY a /{value or ''}/a")
        return written(paint, settings=lines, build_args=given)

    [change] = facts.changes(made(old, values[0]), made(new, values[1]))
    assert (change.what, change.name) == ("argument", "COLOUR")
    assert (change.before, change.now) == values


def test_without_its_dockerfile_a_build_tells_of_no_default(database_path: Path) -> None:
    seen = written(settings=["app\t0\tFROM a", "app\t1\tARG COLOUR=red"])
    assert facts.changes(seen, written()) == facts.changes(written(), seen) == ()


@pytest.mark.parametrize("style", ["table", "markdown"])
def test_long_instructions_are_cut_around_where_they_differ(
    database_path: Path, style: str
) -> None:
    def made(hours: float, count: int) -> Build:
        text = f"COPY {'a/long/path ' * 20} --count={count} {'b/long/path ' * 20} /"
        return written(copied(text), hours=hours)

    record(database_path, made(1, 3), made(2, 5))
    shown = buildrec("diff", "--format", style, db=database_path).stdout.decode()
    [line] = [line for line in shown.splitlines() if "instruction" in line]
    before, now = line.split("→")
    assert "--count=3" in before
    assert "--count=5" in now
    assert len(line) < 450


@pytest.mark.parametrize("names", [(), ("[1/3] FROM docker.io/library/alpine:3", "[2/3] COPY . .")])
def test_what_a_failed_build_never_came_to_tell_did_not_change(names: tuple[str, ...]) -> None:
    """A syntax error leaves no step; a later one no digest, which comes with what is built."""
    lints = (Lint("stage-name-casing", "Stage name should be lowercase", 1),)
    inputs = Inputs(bases={"alpine:3": "sha256:1"})
    worked = a_build(context_bytes=3_961, lints=lints, inputs=inputs)
    steps = numbered(*(step(0, name, kind=name.split()[1].lower()) for name in names))
    failed = build("my-app", status="failed", steps=steps)
    for sides in ((worked, failed), (failed, worked)):
        assert [change.name for change in facts.changes(*sides)] == ["status"]


def test_another_base_and_context_of_a_failed_build_are_told() -> None:
    steps = numbered(step(0, "[1/2] FROM docker.io/library/alpine:4", kind="from"))
    failed = build("my-app", status="failed", steps=steps, context_bytes=136)
    found = {change.name: facts.shown(change) for change in facts.changes(a_build(), failed)}
    assert found["alpine:4"] == ("", "digest unknown")
    assert found["context_bytes"] == ("", "136 B")
    assert "alpine:3" not in found


def test_a_warning_whose_line_moved_did_not_change() -> None:
    one, moved, other = (
        a_build(lints=(Lint("json-args-recommended", f"JSON arguments for {what} (line {n})", n),))
        for what, n in (("CMD", 3), ("CMD", 5), ("ENTRYPOINT", 5))
    )
    assert facts.changes(one, moved) == ()
    assert [facts.shown(change) for change in facts.changes(one, other)] == [
        ("was there", "gone"), ("", "new"),
    ]  # fmt: skip


@pytest.mark.parametrize("style", ["table", "markdown"])
def test_a_step_whose_difference_shows_as_nothing_is_unchanged(
    database_path: Path, style: str
) -> None:
    def made(hours: float, seconds: float) -> Build:
        return a_build(hours, 10.0, steps=numbered(step(0, "RUN a", duration=seconds)))

    record(database_path, made(1, 8.0), made(2, 8.0004), made(3, 8.0006))
    shown = [
        buildrec("diff", "1", b, "--format", style, db=database_path).stdout.decode()
        for b in ("2", "3")
    ]
    assert ["unchanged" in text for text in shown] == [True, False]
    assert ["slower" in text for text in shown] == [False, True]


def test_a_step_of_several_platforms_is_told_with_its_own(database_path: Path) -> None:
    def both(seconds: float) -> Build:
        names = (f"[linux/{arch} 1/1] COPY a.txt /a" for arch in ("amd64", "arm64"))
        steps = [
            step(place, name, duration=seconds if place == 2 else 1.0, kind="copy")
            for place, name in enumerate(names, 1)
        ]
        steps = [
            replace(each, platform=each.name[1:12], instruction="COPY a.txt /a") for each in steps
        ]
        return build("app", hours=seconds, seconds=seconds + 1, steps=steps)

    record(database_path, both(1), both(9))
    said = json.loads(buildrec("diff", db=database_path).stdout)["sentence"]
    assert "`[linux/arm64] COPY a.txt /a` took longer (+8.0 s)" in said


def test_a_and_b_have_defaults(database_path: Path) -> None:
    record(database_path, a_build(1), build("other", hours=2), a_build(3, seconds=30.0))
    found = json.loads(buildrec("diff", db=database_path).stdout)
    assert (found["a"]["id"], found["b"]["id"]) == (1, 3)
    assert found["sentence"] == (
        "Build 3 took 30.0 s, 10.0 s longer than build 1 (20.0 s): `[3/3] RUN make` took longer "
        "(+10.0 s)."
    )
    assert found["difference"] == sum(part["difference"] for part in found["parts"]) == 10
    assert found["size"]["difference"] == 10_000_000
    assert [step["words"] for step in found["steps"]] == ["ran in both"] * 3


def test_a_build_that_did_not_complete_is_the_one_before_where_no_other_is(
    database_path: Path,
) -> None:
    def failed(hours: float) -> Build:
        return build("my-app", hours=hours, status="failed", error_message="parse error")

    record(database_path, failed(1), a_build(2), a_build(3), failed(4), a_build(5))
    befores = [
        json.loads(buildrec("diff", "", str(b), db=database_path).stdout)["a"]["id"] for b in (2, 5)
    ]
    assert befores == [1, 3]


def test_a_step_that_came_or_went_is_told_however_quick_it_was(database_path: Path) -> None:
    def stepped(hours: int, *texts: str, **more: object) -> Build:
        steps = [step(0, text, started=n, duration=0.0) for n, text in enumerate(texts)]
        return a_build(hours=hours, steps=numbered(*steps), **more)

    record(
        database_path,
        stepped(1, "RUN make", "RUN test"),
        stepped(2, "WORKDIR /w", "RUN make"),
        stepped(3, "WORKDIR /w", status="failed"),
        stepped(4, "WORKDIR /w", "RUN make", "RUN oops all of it", status="failed"),
        stepped(5, "WORKDIR /w", "RUN make", "RUN well then"),
    )

    def told(*words: str) -> list[tuple[str, str, str]]:
        found = json.loads(buildrec("diff", *words, db=database_path).stdout)
        return [(change["what"], change["before"], change["now"]) for change in found["changes"]
                if change["what"] == "instruction"]  # fmt: skip

    assert told("1", "2") == [
        ("instruction", None, "WORKDIR /w"), ("instruction", "RUN test", None),
    ]  # fmt: skip
    assert told("2", "3") == [], "what was not reached has not gone"
    assert told("2", "4") == [("instruction", None, "RUN oops all of it")]
    assert told("3", "5") == [], "what was not reached has not come"


def test_of_a_build_that_did_not_complete_it_says_that_and_not_what_it_saved(
    database_path: Path,
) -> None:
    record(database_path, a_build(hours=1), a_build(hours=2, status="failed", seconds=0.5))
    text = buildrec("diff", "--format", "table", db=database_path).stdout.decode()
    assert text.startswith("Build 2 failed after 500 ms, build 1 completed after ")
    assert text.splitlines()[0].endswith("; what was not reached counts as gone.")


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (("completed", "canceled"), "Build 2 was canceled after 20.0 s, build 1 completed; gone."),
        (("failed", "completed"), "Build 2 completed after 20.0 s, build 1 failed; new."),
        (("failed", "failed"), "Build 2 failed after 20.0 s, build 1 failed; gone or new."),
    ],
)
def test_what_one_build_did_not_reach_counts_as_the_table_has_it(
    database_path: Path, statuses: tuple[Any, Any], said: str
) -> None:
    record(database_path, *(a_build(hours, status=it) for hours, it in enumerate(statuses, 1)))
    sentence = json.loads(buildrec("diff", "1", "2", db=database_path).stdout)["sentence"]
    assert sentence == said.replace(";", " after 20.0 s; what was not reached counts as")


def test_builds_of_two_images_are_compared(database_path: Path) -> None:
    record(database_path, a_build(1), build("other", hours=2, seconds=5.0))
    found = json.loads(buildrec("diff", "my-app", "other", db=database_path).stdout)
    assert found["sentence"].startswith("other (build 2) took 5.0 s, 15.0 s less than my-app")
    table = buildrec("diff", "my-app", "other", "--format", "table", db=database_path)
    assert "image: my-app → other" in table.stdout.decode()


def test_a_build_beside_itself_is_called_that(database_path: Path) -> None:
    record(database_path, a_build(1), a_build(2))
    found = json.loads(buildrec("diff", "my-app", "2", db=database_path).stdout)
    assert found["sentence"] == "Build 2 took 20.0 s; it is compared with itself."


def test_the_only_build_is_compared_with_nothing(database_path: Path) -> None:
    record(database_path, a_build())
    found = json.loads(buildrec("diff", db=database_path).stdout)
    assert found["sentence"] == (
        "Build 1 took 20.0 s; there is no build before it to compare with."
    )


def test_b_may_be_of_another_history_which_is_not_touched(
    database_path: Path, tmp_path: Path
) -> None:
    record(database_path, a_build())
    folder = tmp_path / "other"
    folder.mkdir()
    other = folder / "other.db"
    with database.connect(other):
        pass
    record(other, a_build(5, seconds=50.0))
    before = other.read_bytes()
    found = json.loads(
        buildrec("diff", "my-app", "my-app", "--db2", other, db=database_path).stdout
    )
    assert found["b"]["build_duration"] == 50.0
    assert "build 1 of the other history" in found["sentence"].lower()
    assert other.read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["other.db"]


def another(path: Path, *builds: Build) -> Path:
    with database.connect(path):
        pass
    record(path, *builds)
    return path


def test_what_the_other_history_has_is_not_looked_for_in_this_one(
    database_path: Path, tmp_path: Path
) -> None:
    """An id says nothing there; an image that is built there alone has no build before it."""
    record(database_path, a_build())
    other = another(tmp_path / "other.db", build("other", hours=5, seconds=50.0))
    ended = buildrec("diff", "--db2", other, db=database_path)
    assert ended.returncode == 1
    assert ended.stderr.decode().startswith("error: there is no build of 'other' here from before")
    ended = buildrec("diff", "1", "my-app", "--db2", other, db=database_path)
    assert b"there is no build 'my-app' in the other history: " in ended.stderr


def test_sizes_that_count_something_else_are_told_apart(
    database_path: Path, tmp_path: Path
) -> None:
    def made(kind: str, size: float) -> Build:
        return build("app", image_size_mb=size, image_size_bytes=int(size * 1e6), size_kind=kind)

    record(database_path, made("unpacked", 4.0))
    other = another(tmp_path / "other.db", made("containerd", 6.0))
    for style in ("table", "markdown"):
        said = buildrec("diff", "1", "1", "--db2", other, "--format", style, db=database_path)
        shown = said.stdout.decode().replace("`", "")
        assert "Their sizes do not compare: 4 MB (unpacked) and 6 MB (containerd)" in shown


def test_a_backtick_in_a_name_takes_no_code_apart(database_path: Path) -> None:
    record(database_path, a_build(), build("it`s", hours=2))
    said = buildrec("diff", "1", "2", "--format", "markdown", db=database_path).stdout.decode()
    assert said.startswith("it's (build 2) took 10.0 s, 10.0 s less than my-app (build 1)")


def test_an_older_history_is_compared_in_a_copy(database_path: Path, tmp_path: Path) -> None:
    record(database_path, a_build())
    older = tmp_path / "older.db"
    with closing(sqlite3.connect(older)) as connection:
        connection.executescript(OLDER.read_text())
        connection.commit()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        (any_image,) = connection.execute("SELECT image_name FROM docker_builds").fetchone()
    assert version < schema.VERSION
    ended = buildrec("diff", "my-app", any_image, "--db2", older, db=database_path)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["b"]["image_name"] == any_image
    with closing(sqlite3.connect(older)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == version


@pytest.mark.parametrize("what", ["nothing there", "a text"])
def test_another_history_that_is_none_is_an_error_with_a_cure(
    database_path: Path, tmp_path: Path, what: str
) -> None:
    record(database_path, a_build())
    path = tmp_path / "x.db"
    if what == "a text":
        path.write_text("no database" * 500)
    ended = buildrec("diff", "1", "1", "--db2", path, db=database_path)
    assert ended.returncode == 1
    assert ended.stderr.decode().startswith("error: ")
    assert str(path) in ended.stderr.decode()


def test_an_unknown_build_is_an_error(database_path: Path) -> None:
    record(database_path, a_build())
    ended = buildrec("diff", "1", "77", db=database_path)
    assert ended.returncode == 1
    assert b"there is no build '77'" in ended.stderr


def test_the_json_has_stable_columns(database_path: Path) -> None:
    record(database_path, a_build(1), a_build(2))
    with database.connect_to_read(database_path) as connection:
        found = rows.of_difference(difference.difference(connection, "1", "2"))
    assert list(found) == ["sentence", "a", "b", "difference", "parts", "steps", "size", "changes"]


def test_a_snapshot_in_a_folder_that_cannot_be_written_is_read(
    database_path: Path, tmp_path: Path
) -> None:
    record(database_path, a_build())
    folder = tmp_path / "frozen"
    folder.mkdir()
    shutil.copy(database_path, folder / "b.db")
    folder.chmod(0o500)
    try:
        ended = buildrec("diff", "1", "1", "--db2", folder / "b.db", db=database_path)
    finally:
        folder.chmod(0o700)
    assert ended.returncode == 0, ended.stderr
