"""What went into a build: how its steps depend, its bases, settings and files; how it is kept."""

import json
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import properties  # noqa: F401 - the settings of property tests
import pytest
from engine_help import docker, make_context
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_help import buildrec, keep_apart, unlike_any_other
from test_traces import NAMES, build_of
from travel_help import NOON, texts
from upkeep_help import fill, query, some_builds

from recorder import (
    critical_path,
    database,
    dockerfile,
    dockerfile_settings,
    input_texts,
    plain,
    store,
    stored_builds,
)
from recorder.engine import provenance
from recorder.exports import files as exports
from recorder.imports import files as imports
from recorder.model import NOTHING_KNOWN, Build, Inputs, Listing, Step
from recorder.upkeep import doctor, orphans, prune

paths = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
hashes = st.sampled_from(["0a1b2c3d", "~0a1b2c3d", "?", "ffffffff"])
listings = st.builds(
    Listing,
    st.just("0123abcd"),
    st.dictionaries(paths, hashes, max_size=8),
    st.none() | st.just("it has more than 3 files"),
)
STEPS = tuple(
    Step(position=place, name=f"[{place}/4] RUN {place}", step_key=key, kind="run")
    for place, key in enumerate(("d", "b", "a", "c"), 1)
)
inputs = st.builds(
    Inputs,
    graph=st.sampled_from([(), ((), (1,), (1, 2), (3,)), ((2, 3), (), (), (1, 3))]),
    bases=st.dictionaries(st.sampled_from(["a:1", "b"]), st.just("sha256:00"), max_size=2),
    options=st.dictionaries(st.sampled_from(["no-cache", "hostname"]), paths, max_size=2),
    settings=st.lists(paths, max_size=3).map(tuple),
    files=st.none() | listings,
)


def made(found: Inputs, ref: str = "r", **fields: object) -> Build:
    """A build of four steps with these inputs."""
    return Build(image_name="shop", build_duration=1, completed_at=NOON, ref=ref, steps=STEPS,
                 inputs=found, **fields)  # type: ignore[arg-type]  # fmt: skip


def read(path: Path) -> list[Build]:
    """All builds of a history."""
    with database.connect_to_read(path) as connection:
        return list(stored_builds.read(connection))


# The graph


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_gives_the_critical_path_that_was_recorded(name: str) -> None:
    build = build_of(name)
    chain = critical_path.of_steps(build.steps, build.inputs.graph, build.build_duration)
    assert chain.seconds == build.critical_path_seconds
    assert {build.steps[i].position for i in chain.members} == {
        step.position for step in build.steps if step.critical
    }


def test_the_graph_says_what_a_build_would_take_with_a_step_from_the_cache() -> None:
    build = build_of("cold")
    chain = critical_path.of_steps(build.steps, build.inputs.graph)
    slow = max(build.steps, key=lambda step: step.duration or 0)
    steps = tuple(replace(step, duration=0.0) if step is slow else step for step in build.steps)
    without = critical_path.of_steps(steps, build.inputs.graph)
    assert chain.seconds - without.seconds == pytest.approx(slow.duration, abs=1e-6)


def test_a_step_of_the_trace_needs_the_steps_of_its_inputs() -> None:
    build = build_of("stages")
    names = {step.position: step.name for step in build.steps}
    needs = {
        names[place]: {names[other] for other in others}
        for place, others in enumerate(build.inputs.graph, 1)
    }
    (last,) = (name for name in needs if "COPY --from=left" in name)
    assert {name.split("]")[0] for name in needs[last]} == {"[left 1/1", "[stage-2 1/2"}
    assert needs["[internal] load build context"] == set()


# The texts


@given(inputs)
def test_inputs_come_back_from_their_texts(found: Inputs) -> None:
    back = input_texts.of_texts(input_texts.texts(found, STEPS), STEPS)
    assert back == (replace(found, settings=found.settings if any(found.settings) else ()))


@given(inputs)
def test_the_order_in_which_steps_began_changes_no_text(found: Inputs) -> None:
    order = (2, 0, 3, 1)
    place = {old + 1: new for new, old in enumerate(order, 1)}
    steps = tuple(replace(STEPS[old], position=new) for new, old in enumerate(order, 1))
    graph = found.graph and tuple(
        tuple(sorted(place[need] for need in found.graph[old])) for old in order
    )
    moved = replace(found, graph=graph)
    assert input_texts.texts(moved, steps) == input_texts.texts(found, STEPS)


@given(listings, listings)
def test_a_difference_of_files_gives_them_back(one: Listing, other: Listing) -> None:
    old, new = (input_texts.texts(Inputs(files=it), ())["files"] for it in (one, other))
    assert input_texts.applied(old, input_texts.difference(old, new)) == new
    assert input_texts.difference(new, new) == ""


# The file


@settings(max_examples=30)
@given(st.lists(inputs, max_size=4))
def test_inputs_are_stored_exported_merged_and_spooled(found: list[Inputs]) -> None:
    builds = [made(it, f"r{number}") for number, it in enumerate(found)]
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        fill(here / "source.db", builds)
        stored = [build.inputs for build in read(here / "source.db")]
        assert [build.inputs.graph for build in builds] == [it.graph for it in stored]
        assert [build.inputs.bases for build in builds] == [it.bases for it in stored]
        exports.export(here / "source.db", here / "out.ndjson", exports.Wish("ndjson"))
        imports.take_in(here / "lines.db", here / "out.ndjson", "UTC")
        imports.take_in(here / "merged.db", here / "source.db", "UTC")
        assert [build.inputs for build in read(here / "lines.db")] == stored
        assert [build.inputs for build in read(here / "merged.db")] == stored
        for name in ("source.db", "lines.db", "merged.db"):
            assert not [it for _, found in doctor.examine(here / name, secrets_too=True)
                        for it in found]  # fmt: skip
    for build in builds:
        assert plain.from_plain(json.loads(json.dumps(plain.to_plain(build)))).inputs == (
            input_texts.of_texts(input_texts.texts(build.inputs, STEPS), STEPS)
        )


def test_what_repeats_is_stored_once(database_path: Path) -> None:
    files = {f"src/{number}.py": "00000000" for number in range(50)}
    same = Inputs(graph=((), (1,), (2,), (3,)), bases={"a:1": "sha256:00"},
                  settings=("\t0\tARG A",), files=Listing("k", files))  # fmt: skip
    fill(database_path, [made(same, f"r{number}") for number in range(20)])
    assert query(database_path, "SELECT count(*) FROM input_parts") == [(4,)]
    assert query(database_path, "SELECT count(*), max(files_id) FROM build_inputs") == [(20, 4)]


def test_files_that_changed_are_stored_as_a_difference(database_path: Path) -> None:
    builds = []
    for number in range(4):
        files = {f"src/{n}.py": f"{number if n == 7 else 0:08x}" for n in range(50)}
        builds.append(made(Inputs(files=Listing("k", files)), f"r{number}"))
    fill(database_path, builds)
    rows = query(database_path, "SELECT base_id, content FROM input_parts ORDER BY id")
    assert [base for base, _ in rows] == [None, 1, 2, 3]
    assert [content for _, content in rows[1:]] == [f"{n:08x} src/7.py" for n in (1, 2, 3)]
    assert [build.inputs for build in read(database_path)] == [build.inputs for build in builds]


def test_secrets_go_from_every_text(database_path: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    told = Inputs(
        options={"context:x": f"https://user:{token}@example.com/x.git"},
        settings=(f"\t0\tENV KEY={token}", "\t0\tENV B=hunter2222"),
        files=Listing("k", {f"{token}.txt": "0", "hunter2222": "1"}),
    )
    fill(database_path, [made(told), made(told, "s", secrets=frozenset({"hunter2222"}))])
    content = query(database_path, "SELECT group_concat(content) FROM input_parts")[0][0]
    assert token not in content
    clean = query(database_path, "SELECT content FROM input_parts AS p JOIN build_inputs AS i "
                  "ON p.id IN (i.settings_id, i.files_id) WHERE i.build_id = 2")  # fmt: skip
    assert "hunter2222" not in str(clean)


def test_a_merge_masks_the_texts_of_the_other_history(tmp_path: Path) -> None:
    fill(tmp_path / "other.db", [made(Inputs(settings=("\t0\tENV A=b",)))])
    with sqlite3.connect(tmp_path / "other.db") as plain_connection:
        plain_connection.execute("UPDATE input_parts SET content = '\t0\tENV API_TOKEN=hunter2222'")
    imports.take_in(tmp_path / "mine.db", tmp_path / "other.db", "UTC")
    (build,) = read(tmp_path / "mine.db")
    assert build.inputs.settings[0].startswith("\t0\tENV API_TOKEN=[masked:")


def test_inputs_go_with_their_builds(database_path: Path) -> None:
    builds = []
    for number, build in enumerate(some_builds(12)):
        files = {f"{n}": f"{number if n == 1 else 0:08x}" for n in range(30)}
        builds.append(replace(build, inputs=Inputs(files=Listing("k", files))))
    fill(database_path, builds)
    prune.prune(database_path, prune.Rules(keep=1))
    (kept,) = query(database_path, "SELECT count(*) FROM docker_builds")[0]
    assert query(database_path, "SELECT count(*) FROM build_inputs") == [(kept,)]
    # A part that tells a difference keeps what it tells it from.
    assert all(len(build.inputs.files.files) == 30 for build in read(database_path))  # type: ignore[union-attr]
    assert not [it for _, found in doctor.examine(database_path, secrets_too=False) for it in found]
    with database.connect(database_path) as connection:
        store.delete(connection, range(1, 13))
        orphans.sweep(connection)
    assert query(database_path, "SELECT count(*) FROM input_parts") == [(0,)]


def test_no_chain_of_differences_grows_without_end(database_path: Path) -> None:
    listings = [
        Listing("k", {f"{n}": f"{number if n == 1 else 0:08x}" for n in range(30)})
        for number in range(120)
    ]
    fill(database_path, [made(Inputs(files=it), f"r{n}") for n, it in enumerate(listings)])
    wholes = query(database_path, "SELECT id FROM input_parts WHERE base_id IS NULL")
    assert wholes == [(1,), (52,), (103,)]
    assert [build.inputs.files for build in read(database_path)] == listings


def test_doctor_lets_go_of_parts_that_damage_has_taken(database_path: Path) -> None:
    fill(database_path, [made(Inputs(bases={"a": "b"}, settings=("\t0\tARG A",)))])
    with sqlite3.connect(database_path) as plain_connection:
        plain_connection.execute("DELETE FROM input_parts WHERE kind = 'bases'")
    assert [it for _, found in doctor.examine(database_path, secrets_too=False) for it in found]
    doctor.fix(database_path, secrets_too=False)
    assert not [it for _, found in doctor.examine(database_path, secrets_too=False) for it in found]
    assert read(database_path)[0].inputs == Inputs(settings=("\t0\tARG A",))


def test_a_known_build_is_given_what_it_lacked(database_path: Path) -> None:
    fill(database_path, [made(Inputs(bases={"a": "b"}))])
    fill(database_path, [made(Inputs(bases={"a": "c"}, files=Listing("k", {"x": "0"})))])
    (build,) = read(database_path)
    assert build.inputs == Inputs(bases={"a": "b"}, files=Listing("k", {"x": "0"}))
    fill(database_path, [made(NOTHING_KNOWN)])
    assert read(database_path)[0].inputs == build.inputs


# The Dockerfile


def test_the_settings_of_a_dockerfile_are_its_lines_that_are_no_steps() -> None:
    text = """\ufeff# syntax=docker/dockerfile:1
# escape=`
ARG BASE=alpine
FROM $BASE AS Build
# a comment
ENV A=1 `
    # another
    B=2
RUN <<-"END" cat && `
  echo
    FROM nothing
\tEND
USER me
COPY a b

FROM build
run echo `
  hello
SHELL ["/bin/sh"]
"""
    found = dockerfile_settings.settings(dockerfile.parse(text))
    assert [line.split("\t")[:3] for line in found] == [
        ["", "0", "ARG BASE=alpine"],
        ["build", "0", "FROM $BASE AS Build"],
        ["build", "0", "ENV A=1 B=2"],
        ["build", "0", 'RUN <<-"END" cat && echo'],
        ["build", "1", "USER me"],
        ["stage-1", "0", "FROM build"],
        ["stage-1", "1", 'SHELL ["/bin/sh"]'],
    ]
    assert [len(line.split("\t")) for line in found] == [3, 3, 3, 4, 3, 3, 3]


@given(st.text("FROMRUNARG <>\\\n#=`\"'END\t", max_size=80) | st.lists(texts).map("\n".join))
def test_no_dockerfile_is_an_obstacle(text: str) -> None:
    dockerfile_settings.read(dockerfile_settings.settings(dockerfile.parse(text)))


# What BuildKit attests


def test_provenance_of_both_versions_tells_bases_and_the_dockerfile() -> None:
    material = {"uri": "pkg:docker/alpine@3.19?platform=linux%2Famd64", "digest": {"sha256": "0a"}}
    own = {"uri": "pkg:docker/localhost%3A5000/x@1", "digest": {"sha256": "0b"}}
    source = {"source": {"infos": [{"filename": "Dockerfile", "data": "RlJPTSB4Cg=="}]}}
    old = {
        "materials": [material, own],
        "metadata": {"https://mobyproject.org/buildkit@v1#metadata": source},
    }
    new = {
        "buildDefinition": {"resolvedDependencies": [material, own]},
        "runDetails": {"metadata": {"buildkit_metadata": source}},
    }
    expected = ({"alpine:3.19": "sha256:0a", "localhost:5000/x:1": "sha256:0b"}, "FROM x\n")
    for told in (old, new, {"predicate": old}, {"predicate": new}):
        assert provenance.read([json.dumps(told).encode()]) == expected


@given(st.binary(max_size=40) | st.sampled_from([
    b"[]", b'{"materials": 3}', b'{"materials": [{}]}', b'{"materials": [], "metadata": 1}',
    b'{"buildDefinition": {}}', b'{"predicate": null}', b'{"materials": [{"digest": {}}]}',
]))  # fmt: skip
def test_provenance_that_is_none_tells_nothing(blob: bytes) -> None:
    assert provenance.read([blob]) == ({}, None)


@pytest.mark.engine
def test_sync_and_a_bundle_tell_what_provenance_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image_name: str
) -> None:
    keep_apart(monkeypatch, tmp_path)
    base, db = f"{image_name}-base", tmp_path / "history.db"
    context = make_context(tmp_path / "base", "FROM scratch\nCOPY busybox /bin/sh\n")
    docker("buildx", "build", "-q", "-t", base, str(context))
    text = f"FROM {base}\nARG A\nRUN echo {unlike_any_other()}\n"
    context = make_context(tmp_path / "context", text)
    docker("buildx", "build", "-q", "-t", image_name, "--add-host", "db:10.0.0.1", str(context))
    assert buildrec("sync", db=db).returncode == 0
    latest = read(db)[-1]
    assert latest.inputs.settings == (f"stage-0\t0\tFROM {base}", "stage-0\t0\tARG A")
    assert list(latest.inputs.bases) == [f"{base}:latest"]
    assert latest.inputs.bases[f"{base}:latest"].startswith("sha256:")
    assert latest.inputs.options == {"add-hosts": "db=10.0.0.1"}
    assert latest.inputs.files is None
    assert len(latest.inputs.graph) == len(latest.steps)
    bundle = tmp_path / "a.dockerbuild"
    docker("buildx", "history", "export", "-o", str(bundle), str(latest.ref))
    imports.take_in(tmp_path / "other.db", bundle, "UTC")
    (build,) = read(tmp_path / "other.db")
    assert build.inputs == latest.inputs


@pytest.mark.engine
def test_run_sees_the_files_of_each_build_that_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: Callable[..., Path]
) -> None:
    keep_apart(monkeypatch, tmp_path)
    word = unlike_any_other()
    folder = context(f"FROM scratch\nCOPY busybox /bin/sh\nRUN echo {word} && busybox sleep 0.5\n")
    db = tmp_path / "history.db"
    words = ("run", "--", "sh", "-c", f"cd {folder} && docker buildx build -q .")
    assert buildrec(*words, db=db).returncode == 0
    (build,) = read(db)
    assert build.inputs.files is not None
    assert list(build.inputs.files.files) == ["busybox"]
