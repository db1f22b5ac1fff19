"""Builds as traces, in the eyes of a collector that takes OTLP over HTTP."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from collector_help import Receiver, receiver
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.semconv._incubating.attributes import (
    cicd_attributes,
    container_attributes,
    vcs_attributes,
)
from opentelemetry.semconv.attributes import error_attributes
from publication_help import NOON, build, record, step
from recording_help import COMMAND, buildrec, run

from recorder import database, queries, store
from recorder.exports import build_spans, otel

CI = "https://ci.example/runs/7"
NANO = 1_000_000_000


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")


def spans(collector: Receiver) -> list[Span]:
    """All spans that a collector was sent, in order."""
    found = []
    for path, headers, body in collector.posts:
        assert (path, headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = values(resource.resource)
            assert about["service.name"] == "buildrec"
            found += [span for scope in resource.scope_spans for span in scope.spans]
    return found


def values(holder: Any) -> dict[str, Any]:
    """The attributes of a span or a resource as plain values."""

    def plain(value: Any) -> Any:
        kind = value.WhichOneof("value")
        if kind == "array_value":
            return [plain(item) for item in value.array_value.values]
        return getattr(value, kind)

    return {attribute.key: plain(attribute.value) for attribute in holder.attributes}


def record_a_failure(path: Path) -> None:
    """A build of 20 s that failed, with a step of each sort."""
    record(
        path,
        build(
            "shop/api",
            seconds=20,
            status="failed",
            ref="ref1",
            ci_url=CI,
            ci_run="github 7",
            builder="desktop",
            image_tags=("shop/api:latest", "reg.example:5000/shop/api:1", "reg.example:5000/shop"),
            git_branch="main",
            git_commit="c" * 40,
            git_remote="https://git.example/shop",
            image_size_bytes=5_000_000,
            cache_ratio=0.5,
            error_message="process did not complete: exit code: 137",
            steps=(
                step(0, "[1/4] COPY . .", kind="copy", cached=True, started=None, duration=None),
                step(1, "[2/4] RUN make", started=0.5, duration=3.25, critical=True),
                step(2, "[3/4] RUN test", started=4, duration=2, error="exit code: 137"),
                step(3, "[other] RUN wait", started=4, duration=2, error="x: context canceled"),
                step(4, "[other] RUN long", started=5, duration=None),
                step(5, "[shared] RUN big", started=-3, duration=1, shared=True),
                step(6, "[4/4] RUN never", started=None, duration=None),
            ),
        ),
    )


def test_a_build_is_a_trace_and_its_steps_are_the_spans_in_it(database_path: Path) -> None:
    record_a_failure(database_path)
    with receiver() as collector:
        assert otel.send(database_path, otel.Wish(endpoint=collector.url)) == 1
    root, *steps = spans(collector)
    assert (root.name, root.kind, root.parent_span_id) == (
        "BUILD shop/api", Span.SPAN_KIND_SERVER, b"",
    )  # fmt: skip
    begin = round((NOON - timedelta(seconds=20)).timestamp()) * NANO
    assert (root.start_time_unix_nano, root.end_time_unix_nano) == (begin, begin + 20 * NANO)
    assert root.status.code == Status.STATUS_CODE_ERROR
    assert root.status.message.endswith("exit code: 137")
    assert values(root) == {
        "cicd.pipeline.action.name": "BUILD",
        "cicd.pipeline.result": "failure",
        "error.type": "exit_code_137",
        "cicd.pipeline.name": "shop/api",
        "cicd.pipeline.run.id": "ref1",
        "cicd.pipeline.run.url.full": CI,
        "cicd.worker.name": "desktop",
        "container.image.name": "shop/api",
        "container.image.tags": ["latest", "1"],
        "vcs.ref.head.name": "main",
        "vcs.ref.head.type": "branch",
        "vcs.ref.head.revision": "c" * 40,
        "vcs.repository.url.full": "https://git.example/shop",
        "buildrec.ci.run": "github 7",
        "buildrec.source": "record",
        "buildrec.image.size": 5_000_000,
        "buildrec.cache.ratio": 0.5,
        "buildrec.cache.class": "partial",
        "buildrec.cache.saved_seconds": 0.0,
    }
    assert {span.trace_id for span in steps} == {root.trace_id}
    assert {span.parent_span_id for span in steps} == {root.span_id}
    assert {span.kind for span in steps} == {Span.SPAN_KIND_INTERNAL}
    told = {
        span.name: (
            (span.start_time_unix_nano - begin) / NANO,
            (span.end_time_unix_nano - begin) / NANO,
            values(span)["cicd.pipeline.task.run.result"],
            span.status.code == Status.STATUS_CODE_ERROR,
            values(span).get("error.type"),
        )
        for span in steps
    }
    assert told == {
        "[1/4] COPY . .": (0, 0, "success", False, None),
        "[2/4] RUN make": (0.5, 3.75, "success", False, None),
        "[3/4] RUN test": (4, 6, "failure", True, "exit_code_137"),
        "[other] RUN wait": (4, 6, "cancellation", False, None),
        "[other] RUN long": (5, 20, "cancellation", False, None),
        "[shared] RUN big": (0, 1, "success", False, None),
    }
    copied, made = values(steps[0]), values(steps[1])
    assert (copied["buildrec.step.cached"], made["buildrec.step.cached"]) == (True, False)
    assert made["buildrec.step.critical"] is True
    assert made["cicd.pipeline.task.run.url.full"] == CI


def test_every_name_outside_our_own_is_one_of_the_conventions(database_path: Path) -> None:
    known = {
        value
        for module in (cicd_attributes, container_attributes, vcs_attributes, error_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    record_a_failure(database_path)
    with database.connect_to_read(database_path) as connection:
        row = queries.find_build(connection)
        found = build_spans.of_build(row, queries.steps(connection, row["id"]), "https://b.example")
    names = {name for span in found for name in span.attributes}
    assert {name for name in names if not name.startswith("buildrec.")} <= known
    results = {value.value for value in cicd_attributes.CicdPipelineResultValues}
    assert set(build_spans._RESULTS.values()) <= results


def test_every_name_is_in_the_docs(database_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs/monitoring.md").read_text()
    record_a_failure(database_path)
    with database.connect_to_read(database_path) as connection:
        row = dict.fromkeys(queries.find_build(connection), "0") | queries.find_build(connection)
        full = {name: "[]" if value is None else value for name, value in row.items()}
        found = build_spans.of_build(
            full, queries.steps(connection, row["id"]), "https://b.example"
        )
    missing = {name for span in found for name in span.attributes if f"`{name}`" not in page}
    assert not missing


def test_what_was_sent_is_not_sent_again_and_what_comes_is(database_path: Path) -> None:
    record(database_path, build(ref="ref1"), build(hours=1, ref="ref2"))
    with receiver() as collector:
        wish = otel.Wish(endpoint=collector.url)
        assert [otel.send(database_path, wish) for _ in range(2)] == [2, 0]
        record(database_path, build(hours=-5, ref="ref3"))
        assert otel.send(database_path, wish) == 1
    sent = [values(span)["cicd.pipeline.run.id"] for span in spans(collector)]
    assert sent == ["ref1", "ref2", "ref3"]


def test_a_build_that_takes_the_number_of_a_removed_one_is_sent(database_path: Path) -> None:
    record(database_path, build(ref="ref1"), build(hours=1, ref="ref2"))
    with receiver() as collector:
        wish = otel.Wish(endpoint=collector.url)
        otel.send(database_path, wish)
        with database.connect(database_path) as connection:
            store.delete(connection, [queries.find_build(connection, "ref2")["id"]])
        record(database_path, build(hours=2, ref="ref4"))
        otel.send(database_path, wish)
        assert otel.send(database_path, wish) == 0
    assert values(spans(collector)[-1])["cicd.pipeline.run.id"] == "ref4"


@pytest.mark.parametrize(
    ("written", "tags"),
    [
        ("app:1.2", ["1.2"]),
        ("app", None),
        ('"app:1.2"', ["1.2"]),
        ('["a:1", "b:1", 7, null]', ["1"]),
        ("{'a': 1}", None),
        ("7", None),
        ("[" * 5000, None),
    ],
)
def test_of_the_tags_that_another_program_wrote_those_are_told_that_are_some(
    database_path: Path, written: str, tags: list[str] | None
) -> None:
    record(database_path, build(ref="ref1"))
    with closing(sqlite3.connect(database_path)) as connection:
        connection.execute("UPDATE docker_builds SET image_tags = ?", (written,))
        connection.commit()
    with receiver() as collector:
        assert otel.send(database_path, otel.Wish(endpoint=collector.url)) == 1
    (root,) = spans(collector)
    assert values(root).get("container.image.tags") == tags


@pytest.mark.parametrize(
    "change",
    [
        "build_timestamp = 'garbage'",
        "build_timestamp = '1960-01-01T00:00:00+08:00'",
        "build_duration = printf('%.9999c', 'x')",  # a text, of which no multiple has room
        "build_duration = -5",
        "build_duration = 1e15",
        "build_duration = 1e300",
    ],
)
def test_a_build_without_a_time_is_left_out_and_the_others_go(
    database_path: Path, change: str
) -> None:
    record(database_path, *(build(hours=n, ref=f"ref{n}") for n in range(5)))
    with closing(sqlite3.connect(database_path)) as connection:
        connection.execute(f"UPDATE docker_builds SET {change} WHERE id IN (2, 5)")
        connection.commit()
    with receiver() as collector:
        words = ("otel", "--endpoint", collector.url)
        printed = buildrec(*words, "--format", "json", db=database_path)
        said = buildrec(*words, db=database_path)
        again = buildrec(*words, db=database_path)
    remark = "left out 2 builds whose time no trace can tell, the first of them build 2\n"
    assert (printed.returncode, printed.stderr.decode()) == (0, remark)
    assert (said.returncode, said.stderr.decode()) == (0, remark + "sent 3 builds\n")
    assert again.stderr == b"sent 0 builds\n"
    sent = [values(span)["cicd.pipeline.run.id"] for span in spans(collector)]
    assert sent == ["ref0", "ref2", "ref3"]


def test_a_history_of_which_no_build_has_a_time_sends_nothing(database_path: Path) -> None:
    record(database_path, build(ref="ref1"))
    with closing(sqlite3.connect(database_path)) as connection:
        connection.execute("UPDATE docker_builds SET build_timestamp = 'garbage'")
        connection.commit()
    with receiver() as collector:
        assert otel.send(database_path, otel.Wish(endpoint=collector.url)) == 0
    assert not collector.posts


def test_each_collector_gets_every_build(database_path: Path) -> None:
    record(database_path, build(ref="ref1"))
    with receiver() as one, receiver() as other:
        for collector in (one, other):
            assert otel.send(database_path, otel.Wish(endpoint=collector.url)) == 1
    assert one.posts[0][2] == other.posts[0][2]


def test_a_build_that_is_sent_twice_is_the_same_trace(database_path: Path) -> None:
    record_a_failure(database_path)
    with receiver() as collector:
        for _ in range(2):
            since = buildrec(
                "otel", "--since", "2025-01-01", "--endpoint", collector.url, db=database_path
            )
            assert (since.returncode, since.stderr) == (0, b"sent 1 build\n")
    first, second = (body for _, _, body in collector.posts)
    assert first == second


def test_since_leaves_out_what_finished_before(database_path: Path) -> None:
    record(database_path, *(build(hours=n, ref=f"ref{n}") for n in range(4)))
    with receiver() as collector:
        said = buildrec("otel", "--since", "2025-07-10T06:00:00Z", "--endpoint", collector.url,
                        db=database_path)  # fmt: skip
        assert said.stderr == b"sent 2 builds\n"
        assert buildrec("otel", "--endpoint", collector.url, db=database_path).stderr == (
            b"sent 0 builds\n"
        )


def test_a_collector_that_fails_halfway_gets_the_rest_the_next_time(database_path: Path) -> None:
    many = tuple(step(n, f"[{n}/300] RUN make", started=n / 100) for n in range(300))
    record(database_path, *(build(hours=n, ref=f"ref{n}", steps=many) for n in range(6)))
    with receiver(200, 400, 200) as collector:
        wish = otel.Wish(endpoint=collector.url)
        with pytest.raises(otel.CollectorError, match=r"127\.0\.0\.1:\d+ answered 400"):
            otel.send(database_path, wish)
        assert otel.send(database_path, wish) == 4
    roots = [span for span in spans(collector) if not span.parent_span_id]
    names = [values(span)["cicd.pipeline.run.id"] for span in roots]
    assert names == ["ref0", "ref1", "ref2", "ref3", "ref2", "ref3", "ref4", "ref5"]


def test_a_dead_collector_is_one_sentence(database_path: Path) -> None:
    record(database_path, build(ref="ref1"))
    with receiver() as gone:
        address = f"http://me:s3cret@127.0.0.1:{gone.port}"
    said = buildrec("otel", "--endpoint", address, db=database_path)
    assert said.returncode == 1
    assert said.stdout == b""
    assert said.stderr.decode() == (
        f"error: the collector at 127.0.0.1:{gone.port} is away: see that it runs and takes OTLP "
        "over HTTP, or name another with --endpoint.\n"
    )


@pytest.mark.parametrize("address", ["collector:4317", "grpc://x:1", "", "http://"])
def test_what_is_no_address_is_a_wrong_usage(database_path: Path, address: str) -> None:
    said = buildrec("otel", "--endpoint", address or "http:", db=database_path)
    assert (said.returncode, said.stderr.count(b"\n")) == (2, 1)


def test_the_usual_environment_variables_count(
    database_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(database_path, build(ref="ref1"))
    with receiver() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=ci")
        assert buildrec("otel", db=database_path).returncode == 0
    ((_, headers, body),) = collector.posts
    assert headers["authorization"] == "Bearer x"
    about = values(ExportTraceServiceRequest.FromString(body).resource_spans[0].resource)
    assert about["deployment.environment.name"] == "ci"


def test_the_json_is_what_is_sent_and_nothing_is_remembered(database_path: Path) -> None:
    record_a_failure(database_path)
    with receiver() as collector:
        words = ("otel", "--endpoint", collector.url)
        printed = buildrec(*words, "--format", "json", db=database_path)
        assert not collector.posts
        assert buildrec(*words, db=database_path).stderr == b"sent 1 build\n"
    (line,) = printed.stdout.splitlines()
    told = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    sent = spans(collector)
    assert [span["traceId"] for span in told] == [span.trace_id.hex() for span in sent]
    assert [span["name"] for span in told] == [span.name for span in sent]
    assert told[0]["kind"] == int(Span.SPAN_KIND_SERVER)
    assert told[0]["startTimeUnixNano"] == str(sent[0].start_time_unix_nano)


def test_a_link_leads_to_the_page_of_the_build(database_path: Path) -> None:
    record(database_path, build(ref="ref1", steps=(step(0, "[1/1] RUN x"),)), build())
    with receiver() as collector:
        words = ("--endpoint", collector.url, "--url", "https://b.example/base/")
        assert buildrec("otel", *words, db=database_path).returncode == 0
    base = "https://b.example/base/docker_build_history"
    known, part, unknown = (values(span) for span in spans(collector))
    assert known["buildrec.page"] == f"{base}/steps_of_build?build=ref1"
    assert part["cicd.pipeline.task.run.url.full"] == known["buildrec.page"]
    assert unknown["buildrec.page"] == f"{base}/docker_builds/2"


def test_masks_stay_masks(database_path: Path) -> None:
    secret = "hunter2-and-more"
    record(
        database_path,
        build(
            ref="ref1",
            build_args={"API_TOKEN": secret},
            steps=(
                replace(step(0, f"[1/1] RUN curl {secret}", error=f"no {secret}"), step_key="k"),
            ),
            status="failed",
            error_message=f"with {secret}: failed",
        ),
    )
    with receiver() as collector:
        otel.send(database_path, otel.Wish(endpoint=collector.url))
    (_, _, body) = collector.posts[0]
    assert secret.encode() not in body
    assert b"[masked:" in body


def test_without_the_libraries_the_extra_is_named(database_path: Path, tmp_path: Path) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry/__init__.py").write_text("raise ImportError('not here')")
    said = run(COMMAND, "--db", database_path, "otel", environ={"PYTHONPATH": str(tmp_path)})
    assert said.returncode == 1
    assert b"pip install 'buildrec[otel]'" in said.stderr


seconds = st.floats(0, 1e5, allow_nan=False)


@given(
    duration=seconds,
    parts=st.lists(st.tuples(st.none() | st.floats(-100, 1e4), st.none() | seconds, st.booleans())),
)
def test_no_span_begins_before_its_parent_or_ends_before_it_begins(
    duration: float, parts: list[tuple[float | None, float | None, bool]]
) -> None:
    nothing: Callable[[], dict[str, Any]] = lambda: dict.fromkeys(  # noqa: E731
        ("ref", "ci_url", "error_message", "image_tags", "git_branch", "builder", "image_digest",
         "git_commit", "git_remote", "ci_run", "source", "dockerfile_path", "platform", "target",
         "image_size_bytes", "size_kind", "cache_ratio", "cache_class", "saved_seconds",
         "total_steps", "cached_steps", "critical_path_seconds", "warnings", "error", "stage",
         "bytes", "kind", "step_key")
    )  # fmt: skip
    row = nothing() | {
        "id": 1, "image_name": "x", "completed_at": "2025-07-10T04:00:00.000Z",
        "started_at": "2025-07-10T03:00:00.000Z", "build_duration": duration, "status": "completed",
    }  # fmt: skip
    steps = [
        nothing() | {"position": n, "name": "s", "started": started, "duration": took,
                     "cached": cached, "shared": 0, "critical": 0}
        for n, (started, took, cached) in enumerate(parts)
    ]  # fmt: skip
    root, *found = build_spans.of_build(row, steps)
    assert root.began <= root.ended
    assert len({span.number for span in (root, *found)}) == len(found) + 1
    assert all(root.began <= span.began <= span.ended for span in found)
