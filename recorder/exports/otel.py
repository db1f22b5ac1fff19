"""Sends builds as traces to an OpenTelemetry collector; the only importer of its libraries."""

import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from recorder import __version__, database, queries, spool, written_whole
from recorder.errors import BadValueError, CollectorError, MissingExtraError
from recorder.exports import build_spans
from recorder.exports.build_spans import Row, Span
from recorder.quiet import quiet
from recorder.selection import ALL, Selection

_LOG = logging.getLogger("recorder.exports")
_SPANS = 512
"""Spans in a request; the default of OpenTelemetry's own batches."""
_PATH = "/v1/traces"
_REMEMBERED = ("id", "created_at", "completed_at", "ref")
_SAME = " AND ".join(f"{name} IS :{name}" for name in _REMEMBERED)
_Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Wish:
    """Which builds to send: those not sent yet, or all of a selection, sent before or not.

    `endpoint` is a collector's base address; None is what `OTEL_EXPORTER_OTLP_ENDPOINT` says, or
    http://localhost:4318. `pages` is the address of a publication to link to.
    """

    selection: Selection = ALL
    endpoint: str | None = None
    pages: str | None = None


def send(source: Path, wish: Wish, progress: _Progress | None = None) -> int:
    """Send builds of the database `source` as traces; gives how many.

    What the collector has taken is remembered after each request, so that the next run goes on
    there. Raises CollectorError, MissingExtraError, BadValueError or a DatabaseError.
    """
    with database.connect_to_read(source) as connection, _exporter(wish.endpoint) as deliver:
        memory = _Memory(source, deliver.endpoint)
        numbers = _numbers(connection, wish, memory)
        done = sent = 0
        for builds, spans in _batches(connection, numbers, wish.pages):
            if spans:
                deliver(spans)
            memory.keep(builds[-1])
            done += len(builds)
            sent += sum(span.parent is None for span in spans)
            if progress:
                progress(done, len(numbers))
    return sent


def lines(source: Path, wish: Wish) -> Iterator[str]:
    """What `send` would send, a request a line in the protocol's JSON; nothing is remembered.

    Raises MissingExtraError, BadValueError or a DatabaseError.
    """
    library = _library()
    with database.connect_to_read(source) as connection:
        numbers = _numbers(connection, wish, _Memory(source, _address(wish.endpoint)))
        for _, spans in _batches(connection, numbers, wish.pages):
            if not spans:
                continue
            message = library.encode(library.readable(spans))
            yield json.dumps(library.as_json(message), ensure_ascii=False)


class _Memory:
    """The last build that a collector has taken, kept beside the spool.

    Not in the database, as reading commands leave that alone, and copies of it go elsewhere.
    """

    def __init__(self, source: Path, endpoint: str) -> None:
        name = hashlib.sha256(f"{source.absolute()}\0{endpoint}".encode(errors="replace"))
        self._file = spool.folder().parent / f"otel-{name.hexdigest()[:16]}.json"

    def last(self) -> Row | None:
        """What is remembered of the build; None when none was sent."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return {name: kept[name] for name in _REMEMBERED}
        return None

    def keep(self, build: Row) -> None:
        """Remember a build, unless a later one is remembered."""
        last = self.last()
        if last and (last["created_at"], last["id"]) > (build["created_at"], build["id"]):
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with written_whole.file(self._file) as fresh:
            text = json.dumps({name: build[name] for name in _REMEMBERED})
            fresh.write_text(text, encoding="utf-8")


def _numbers(connection: sqlite3.Connection, wish: Wish, memory: _Memory) -> list[int]:
    """The ids of the builds to send, in the order in which they came in."""
    where: str
    values: Row
    where, values = wish.selection.where()
    last = memory.last()
    if wish.selection.is_all and last:
        same = f"SELECT 1 FROM docker_builds WHERE {_SAME}"
        # Ids of removed builds are given out again: then the time of writing tells what is new.
        is_there = connection.execute(same, last).fetchone()
        where = "WHERE id > :id" if is_there else "WHERE created_at >= :created_at"
        values = last
    query = f"SELECT id FROM docker_builds {where} ORDER BY id"
    return [row[0] for row in connection.execute(query, values)]


def _batches(
    connection: sqlite3.Connection, numbers: Iterable[int], pages: str | None
) -> Iterator[tuple[list[Row], list[Span]]]:
    """Whole builds, as many as a request takes: their rows, and their spans.

    One that cannot be told has no spans; how many there were is said at the end.
    """
    builds: list[Row] = []
    spans: list[Span] = []
    untold: list[int] = []
    for number in numbers:
        row = connection.execute("SELECT * FROM docker_builds WHERE id = ?", (number,)).fetchone()
        if row is None:  # removed meanwhile
            continue
        builds.append(dict(row))
        try:
            spans += build_spans.of_build(row, queries.steps(connection, number), pages)
        except BadValueError:
            untold.append(number)
        if len(spans) >= _SPANS:
            yield builds, spans
            builds, spans = [], []
    if builds:
        yield builds, spans
    if untold:
        count = f"{len(untold)} build{'' if len(untold) == 1 else 's'}"
        first = f"the first of them build {untold[0]}"
        _LOG.warning("left out %s whose time no trace can tell, %s", count, first)


class _Delivery:
    """Hands requests to a collector, and tells in one sentence why it did not take one."""

    def __init__(self, library: "_Library", endpoint: str) -> None:
        import requests

        self.endpoint = endpoint
        self._library = library
        self._answer: requests.Response | None = None
        session = requests.Session()
        session.hooks["response"].append(self._remember)
        self._exporter: Any = library.exporter(endpoint=endpoint, session=session)

    def __call__(self, spans: Sequence[Span]) -> None:
        """Send one request; raises CollectorError."""
        self._answer = None
        taken = self._exporter.export(self._library.readable(spans))
        if taken is not self._library.success:
            where = urlsplit(self.endpoint)
            said = f"answered {self._answer.status_code}" if self._answer is not None else "is away"
            raise CollectorError(
                f"the collector at {where.hostname}:{where.port or where.scheme} {said}",
                "see that it runs and takes OTLP over HTTP, or name another with --endpoint",
            )

    def close(self) -> None:
        """Let go of the connection."""
        self._exporter.shutdown()

    def _remember(self, answer: Any, *_: Any, **__: Any) -> None:
        self._answer = answer


@contextmanager
def _exporter(endpoint: str | None) -> Iterator[_Delivery]:
    delivery = _Delivery(_library(), _address(endpoint))
    try:
        with quiet("opentelemetry"):
            yield delivery
    finally:
        delivery.close()


def _address(endpoint: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Where the collector takes traces.

    Source: opentelemetry.io/docs/specs/otel/protocol/exporter, "Endpoint URLs for OTLP/HTTP".
    """
    if endpoint is None and (whole := environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        return whole
    base = endpoint or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318"
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadValueError(
            "that is no collector's address", "write it as http://localhost:4318, for OTLP/HTTP"
        )
    return base if parts.path.endswith(_PATH) else f"{base.rstrip('/')}{_PATH}"


class _Library:
    """What is needed of OpenTelemetry's libraries."""

    def __init__(self) -> None:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.sdk.trace.export import SpanExportResult
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self.exporter = OTLPSpanExporter
        self.encode = encode_spans
        self.success = SpanExportResult.SUCCESS
        self._trace = trace
        self._span = ReadableSpan
        about = {"service.name": "buildrec", "service.version": __version__}
        # Not Resource.create, which may give each process an id of its own.
        self._resource = Resource(about).merge(OTELResourceDetector().detect())
        self._scope = InstrumentationScope("buildrec", __version__)

    def readable(self, spans: Sequence[Span]) -> list[Any]:
        """The spans as the library has them."""
        return [self._readable(span) for span in spans]

    def _readable(self, span: Span) -> Any:
        trace = self._trace
        around = None if span.parent is None else self._context(span.trace, span.parent)
        code = trace.StatusCode.UNSET if span.error is None else trace.StatusCode.ERROR
        return self._span(
            span.name,
            context=self._context(span.trace, span.number),
            parent=around,
            resource=self._resource,
            attributes=dict(span.attributes),
            kind=trace.SpanKind.SERVER if span.parent is None else trace.SpanKind.INTERNAL,
            status=trace.Status(code, span.error),
            start_time=span.began,
            end_time=span.ended,
            instrumentation_scope=self._scope,
        )

    def _context(self, number: int, span: int) -> Any:
        sampled = self._trace.TraceFlags(self._trace.TraceFlags.SAMPLED)
        return self._trace.SpanContext(number, span, is_remote=False, trace_flags=sampled)

    @staticmethod
    def as_json(message: Any) -> Any:
        """A request in the protocol's JSON, where ids are hexadecimal.

        Source: opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding".
        """
        import base64

        from google.protobuf.json_format import MessageToDict

        document = MessageToDict(message, use_integers_for_enums=True)
        for resource in document.get("resourceSpans", ()):
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    for name in {"traceId", "spanId", "parentSpanId"} & span.keys():
                        span[name] = base64.b64decode(span[name]).hex()
        return document


def _library() -> _Library:
    try:
        return _Library()
    except ImportError:
        raise MissingExtraError(
            "traces need OpenTelemetry's libraries", "run `pip install 'buildrec[otel]'`"
        ) from None
