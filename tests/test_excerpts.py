"""The failing lines of a Dockerfile, as BuildKit's own error has them."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder import database, store
from recorder.engine import control_pb2 as api
from recorder.engine.excerpts import excerpt
from recorder.model import Build
from recorder.times import now

RECORDED = Path(__file__).parent / "data" / "failed.error"


def an_error(text: str, first: int, last: int) -> bytes:
    status = api.DetailedStatus(code=2, message="it failed")
    place = {"start": {"line": first}, "end": {"line": last}}
    source = {"info": {"data": base64.b64encode(text.encode()).decode()}, "ranges": [place]}
    status.details.add(
        type_url="github.com/moby/buildkit/errdefs.Source+json", value=json.dumps(source).encode()
    )
    return status.SerializeToString()


def test_the_lines_around_the_failing_one_are_shown_with_their_numbers():
    assert excerpt(RECORDED.read_bytes()) == (
        "   2 |     COPY busybox /bin/sh\n"
        "   3 |     ENV DB_PASSWORD=hunter2\n"
        '   4 | >>> RUN ["/bin/sh","sh","-c","exit 3"]\n'
        '   5 |     RUN ["/bin/sh","true"]'
    )


def test_an_instruction_of_several_lines_is_marked_whole():
    text = "\n".join(f"line {number}" for number in range(1, 10))
    marked = [line for line in excerpt(an_error(text, 4, 6)).splitlines() if ">>>" in line]
    assert marked == ["   4 | >>> line 4", "   5 | >>> line 5", "   6 | >>> line 6"]


@pytest.mark.parametrize(("first", "last"), [(0, 0), (9, 9), (2, 9), (-1, 1)])
def test_a_place_outside_of_the_file_is_none(first, last):
    assert excerpt(an_error("FROM scratch\nRUN make\n", first, last)) is None


@given(st.binary(max_size=400))
def test_any_bytes_give_a_text_or_nothing(blob):
    assert excerpt(blob) is None or isinstance(excerpt(blob), str)


@given(st.integers(0, 4018), st.binary(min_size=1, max_size=8))
def test_a_broken_error_raises_nothing(at, noise):
    whole = RECORDED.read_bytes()
    excerpt(whole[:at] + noise + whole[at + len(noise) :])
    excerpt(whole[:at])


def test_a_secret_in_the_lines_is_not_stored(database_path):
    failed = Build(
        image_name="shop", build_duration=1.0, completed_at=now(), status="failed",
        error_excerpt=excerpt(RECORDED.read_bytes()),
    )  # fmt: skip
    with database.connect(database_path) as connection:
        store.record(connection, failed, b"key")
        (stored,) = connection.execute("SELECT error_excerpt FROM docker_builds").fetchone()
    assert "exit 3" in stored
    assert "hunter2" not in stored
