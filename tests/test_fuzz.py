"""Whatever a record, a bundle or an output holds, nothing but our own errors comes out of it."""

import gzip
import io
import json
import random
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import properties  # noqa: F401 - how property tests run
import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from recorder import database, store
from recorder import times as clock
from recorder.capture import plain_output
from recorder.engine import control_pb2 as api
from recorder.engine import records
from recorder.engine.local_state import LocalState
from recorder.engine.records import Origin
from recorder.errors import BadValueError, ImportFailedError, RecorderError
from recorder.imports import dockerbuild, files, layout
from recorder.model import Build

DATA = Path(__file__).parent / "data"
REAL = (DATA / "bundles" / "two.dockerbuild").read_bytes()
MEMBERS = layout.read(DATA / "bundles" / "two.dockerbuild")
TRACES = [data for data in MEMBERS.values() if b"[internal] load build context" in data[:5000]]
RECORDS = [json.loads(data) for data in MEMBERS.values() if data.startswith(b'{\n  "Ref"')]
LOCAL = LocalState("ref", "default", "default", "/src/app", "Dockerfile", "", 0.0)


@contextmanager
def only_our_errors() -> Iterator[None]:
    try:
        yield
    except RecorderError as error:
        told = str(error)
    else:
        return
    assert told.endswith(".")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "x.dockerbuild"


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "history.db"


def stored(history: Path, build: Build) -> None:
    """See that the database takes the build."""
    with database.connect(history) as connection:
        store.record(connection, build)


# Records and traces

words = st.text(max_size=40) | st.sampled_from(
    ["[base 1/2] FROM scratch", "[2/2] RUN x", "[internal] load build context", "transferring",
     "exporting to image", "[a b c 1/0] x", "[]", "[ 999999999999999999999/1] RUN y", "sha256:a"]
)  # fmt: skip
counts = st.integers(-(1 << 31), (1 << 31) - 1)
longs = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 1 << 33)
stamps = st.none() | st.builds(api.Vertex().started.__class__, seconds=longs, nanos=counts)
recent = st.builds(
    api.Vertex().started.__class__,
    seconds=st.integers(1795457400, 1795457500),
    nanos=st.integers(0, 999_999_999),
)
times = recent | stamps
names = st.dictionaries(
    words | st.sampled_from(["build-arg:A", "target", "filename", "platform", "vcs:revision"]),
    words, max_size=4,
)  # fmt: skip
vertices = st.builds(
    api.Vertex, digest=words, inputs=st.lists(words, max_size=3), name=words, cached=st.booleans(),
    started=times, completed=times, error=words,
    progressGroup=st.none() | st.builds(api.ProgressGroup, id=words, name=words),
)  # fmt: skip
ranges = st.builds(api.Range, start=st.builds(api.Position, line=counts))
responses = st.builds(
    api.StatusResponse,
    vertexes=st.lists(vertices, max_size=6),
    statuses=st.lists(st.builds(api.VertexStatus, ID=words, vertex=words, name=words,
                                current=longs, total=longs), max_size=4),
    warnings=st.lists(st.builds(api.VertexWarning, vertex=words, short=st.binary(max_size=20),
                                url=words, ranges=st.lists(ranges, max_size=2)), max_size=3),
)  # fmt: skip
descriptors = st.builds(api.Descriptor, media_type=words, digest=words, size=longs)
random_records = st.builds(
    api.BuildHistoryRecord, Ref=words, FrontendAttrs=names,
    Exporters=st.lists(st.builds(api.Exporter, Type=words, Attrs=names), max_size=2),
    error=st.none() | st.builds(api.Status, code=counts, message=words),
    CreatedAt=times, CompletedAt=times,
    ExporterResponse=names | st.just({"refs.platforms": "[" * 100_000}),
    Result=st.builds(api.BuildResultInfo, ResultDeprecated=descriptors,
                     Results=st.dictionaries(longs, descriptors, max_size=2)),
    numCachedSteps=counts, numTotalSteps=counts, numCompletedSteps=counts, numWarnings=counts,
)  # fmt: skip
local_states = st.none() | st.builds(
    LocalState, words, words, words, words, words, words, st.just(0.0)
)


@given(random_records, st.lists(responses, max_size=4), local_states)
def test_a_random_record_with_a_random_trace_is_a_build_or_an_error_of_ours(
    history: Path, record: Any, trace: list[Any], local: LocalState | None
) -> None:
    with only_our_errors():
        stored(history, records.to_build(record, trace, local, Origin("sync")))


def mutated(data: bytes, seed: int) -> bytes:
    """`data` with a few bytes flipped, cut out, doubled or overwritten."""
    chance = random.Random(seed)
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(changed) or 1)
        match chance.randrange(4):
            case 0 if changed:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                del changed[at : at + chance.randint(1, 20)]
            case 2:
                changed[at:at] = changed[at : at + chance.randint(1, 20)]
            case _:
                changed[at : at + 4] = chance.randbytes(4)
    return bytes(changed)


@given(st.sampled_from(TRACES), st.integers(0, 1 << 32))
def test_a_damaged_trace_is_read_or_refused(history: Path, trace: bytes, seed: int) -> None:
    with only_our_errors():
        parts = dockerbuild.trace_of(mutated(trace, seed))
        record = dockerbuild.record_of(RECORDS[0] | {"Ref": f"damaged-{seed}"})
        stored(history, records.to_build(record, parts, LOCAL, Origin("sync")))


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff\xff\xff\xff")
def test_random_bytes_are_a_trace_or_refused(content: bytes) -> None:
    with only_our_errors():
        dockerbuild.trace_of(content)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_random_bytes_that_protobuf_takes_are_a_build_or_an_error_of_ours(
    one: bytes, other: bytes
) -> None:
    try:
        record = api.BuildHistoryRecord.FromString(one)
        trace = [api.StatusResponse.FromString(other)]
    except DecodeError:
        return
    with only_our_errors():
        records.to_build(record, trace, None, Origin("sync"))


def test_a_mutated_real_record_is_a_build_or_an_error_of_ours(history: Path) -> None:
    messages = [dockerbuild.record_of(values).SerializeToString() for values in RECORDS]
    parsed = 0
    for seed in range(4000):
        try:
            record = api.BuildHistoryRecord.FromString(mutated(messages[seed % 2], seed))
        except DecodeError:
            continue
        parsed += 1
        with only_our_errors():
            records.is_build(record)
            records.to_build(record, [], LOCAL, Origin("sync"))
    assert parsed > 100


# Bundles

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*RECORDS[0], "Results", "error", "localState"]),
                       json_values, max_size=5))  # fmt: skip
def test_a_record_with_random_values_is_read_or_refused(changed: dict[str, Any]) -> None:
    with only_our_errors():
        record = dockerbuild.record_of(RECORDS[0] | changed)
        if records.is_build(record):
            records.to_build(record, [], None, Origin("import"))


def test_a_bundle_that_was_cut_off_anywhere_is_refused(path: Path) -> None:
    for length in range(2, len(REAL), 61):
        path.write_bytes(REAL[:length])
        with pytest.raises(ImportFailedError):
            files.read(path, "UTC")


def test_a_bundle_with_flipped_bits_is_read_or_refused(path: Path) -> None:
    for seed in range(800):
        path.write_bytes(b"\x1f\x8b" + mutated(REAL[2:], seed))
        with only_our_errors():
            files.read(path, "UTC")


def test_a_bundle_whose_archive_is_damaged_is_read_or_refused(path: Path) -> None:
    """The archive inside is damaged, and the checksum around it is right."""
    archive = gzip.decompress(REAL)
    for seed in range(800):
        chance = random.Random(seed)
        damaged = bytearray(archive)
        for _ in range(4):  # in the headers, which stand at multiples of 512
            at = chance.randrange(len(archive) // 512) * 512 + chance.randrange(512)
            damaged[at] = chance.randrange(256)
        path.write_bytes(gzip.compress(bytes(damaged), 1))
        with only_our_errors():
            files.read(path, "UTC")


def test_a_bundle_with_swapped_or_changed_members_is_read_or_refused(path: Path) -> None:
    for seed in range(400):
        chance = random.Random(seed)
        members = dict(MEMBERS)
        one, other = chance.sample(sorted(members), 2)
        if seed % 2:
            members[one], members[other] = members[other], members[one]
        else:
            members[one] = mutated(members[one], seed)
        write(path, members)
        with only_our_errors():
            files.read(path, "UTC")


@given(st.sampled_from(sorted(MEMBERS)), st.integers(0, 1 << 32))
def test_damage_that_its_digests_agree_with_is_read_or_refused(
    path: Path, history: Path, name: str, seed: int
) -> None:
    """As one who wrote the file by hand would have it: every digest fits what it names."""
    members = with_right_digests({**MEMBERS, name: mutated(MEMBERS[name], seed)}, name)
    write(path, members)
    with only_our_errors():
        files.take_in(history, path, "UTC")


def with_right_digests(members: dict[str, bytes], name: str) -> dict[str, bytes]:
    """The members with the changed one under its digest, and so those that name it."""
    import hashlib

    while name.startswith("blobs/"):
        old = name.rpartition("/")[2]
        data = members.pop(name)
        new = hashlib.sha256(data).hexdigest()
        members[f"blobs/sha256/{new}"] = data
        found = [other for other, content in members.items() if old.encode() in content
                 and (content.startswith(b"{\n  \"schema") or other == "index.json")]  # fmt: skip
        if not found:
            break
        name = found[0]
        members[name] = members[name].replace(old.encode(), new.encode())
    return members


def write(path: Path, members: dict[str, bytes]) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    path.write_bytes(gzip.compress(file.getvalue(), 1))


@given(st.binary(max_size=300))
def test_random_bytes_are_no_file_of_ours(path: Path, content: bytes) -> None:
    for start in (b"", b"\x1f\x8b", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"):
        path.write_bytes(start + content)
        with only_our_errors():
            files.read(path, "UTC")


# Plain output

OUTPUTS = [file.read_text() for file in sorted((DATA / "plain").glob("*.txt"))]
output_lines = st.sampled_from([line for text in OUTPUTS for line in text.splitlines()]) | st.text()
numbers = st.integers(0, 10**12).map(str)
steps_of_it = st.one_of(
    st.builds("Step {}/{} : {}".format, numbers, numbers, words),
    st.builds("[{}/{}] STEP {}/{}: {}".format, numbers, numbers, numbers, numbers, words),
    st.builds("STEP {}/{}: FROM {}".format, numbers, numbers, words),
    st.builds("{}--> {}".format, words, words),
)
seconds = st.floats(0, 1e7)


@given(
    st.lists(st.tuples(seconds, output_lines | steps_of_it), max_size=30),
    seconds,
    st.sampled_from([None, "", "it failed"]),
)
@pytest.mark.parametrize("read", [plain_output.read_legacy, plain_output.read_podman])
def test_random_output_tells_steps_or_none(
    history: Path, read: Any, lines: list[tuple[float, str]], end: float, failure: str | None
) -> None:
    output = read(lines, end, failure, {"WHO": "world"})
    with only_our_errors():
        stored(
            history,
            Build(image_name="app", build_duration=end, completed_at=clock.now(),
                  source="podman", steps=output.folded.steps),
        )  # fmt: skip
    assert len(output.folded.steps) <= len(lines) + 1


@given(st.integers(0, 1 << 32), st.sampled_from(OUTPUTS))
@pytest.mark.parametrize("read", [plain_output.read_legacy, plain_output.read_podman])
def test_damaged_real_output_tells_steps_or_none(read: Any, seed: int, text: str) -> None:
    damaged = mutated(text.encode(), seed).decode(errors="replace")
    lines = [(float(at), line) for at, line in enumerate(damaged.split("\n"))]
    for failure in (None, "", "it failed"):
        read(lines, float(len(lines)), failure)


def test_the_real_bundle_itself_is_read(path: Path) -> None:
    path.write_bytes(REAL)
    one, other = files.read(path, "UTC").builds
    assert (one.image_name, one.status, other.image_name, other.status) == (
        "hello:dev", "completed", "app", "failed"
    )  # fmt: skip
    assert dict(one.build_args) == {"WHO": "moon"}
    assert (other.dockerfile_path, other.error_message[-12:]) == ("Failing", "exit code: 3")
    with pytest.raises(BadValueError):
        dockerbuild.record_of({})
