"""Reads `.dockerbuild` files: records of BuildKit's history in a gzipped OCI layout.

Docker Desktop, CI summaries and `docker buildx history export` write them. Each record is a
manifest: its config is the record as JSON, one of its layers the step trace. Nothing is unpacked
to disk, and what a file may make us read is limited, for it may come from anywhere.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

from recorder.engine import control_pb2 as api
from recorder.engine import excerpts, provenance, records
from recorder.engine.local_state import LocalState
from recorder.errors import BadValueError, ImportFailedError
from recorder.imports import layout
from recorder.imports.reading import Reading
from recorder.model import Build

_RECORD = "application/vnd.buildkit.historyrecord.v0"
_TRACE = "application/vnd.buildkit.status.v0"
_DEEPEST = 4  # indexes in indexes
_MOST_RECORDS = 10_000
_CURE = "export the build again with `docker buildx history export`"


def read(path: Path, zone: str) -> Reading:
    """The builds in the bundle at `path`; `zone` is the one to write their local times in.

    A record that is no ended build is passed over with a remark. Raises ImportFailedError when the
    file is cut off, damaged, larger than a bundle can be, or no bundle of build records.
    """
    blobs = layout.read(path)
    reading = Reading("dockerbuild, records of BuildKit")
    manifests = list(_manifests(blobs, _object(blobs.get("index.json", b""), "index.json"), 0))
    if not manifests:
        raise ImportFailedError("it holds no record of a build", _CURE)
    reading.take(_build(blobs, manifest, zone) for manifest in manifests)
    if passed := len(manifests) - len(reading.builds) - len(reading.rejected):
        reading.remarks.append(f"{passed} records of questions or of builds that had not ended")
    return reading


def record_of(values: Any) -> Any:
    """The history record that its JSON `values` tell, as the engine's own message.

    Raises BadValueError for values that are no record.
    """
    record = api.BuildHistoryRecord()
    try:
        _fill(record, values)
    except (TypeError, ValueError, AttributeError) as error:
        raise BadValueError(f"a record is not as BuildKit writes it ({error})", _CURE) from None
    if not record.Ref:
        raise BadValueError("a record has no ref", _CURE)
    return record


def trace_of(content: bytes) -> list[Any]:
    """The status responses in a trace: each after its length, a little-endian uint32.

    Raises ImportFailedError for what is no such list.
    """
    found = []
    at = 0
    while at < len(content):
        begin = at + 4
        at = begin + int.from_bytes(content[at:begin], "little")
        if at > len(content):
            raise ImportFailedError("the trace of a build is cut off", _CURE)
        try:
            found.append(api.StatusResponse.FromString(content[begin:at]))
        except Exception as error:
            # protobuf's DecodeError, whose library only control_pb2 imports.
            raise ImportFailedError("the trace of a build is damaged", _CURE) from error
    return found


def _manifests(
    blobs: Mapping[str, bytes], index: Mapping[str, Any], depth: int
) -> Iterator[Mapping[str, Any]]:
    """The manifests of all records that an index names, also through indexes in it."""
    if depth > _DEEPEST:
        raise ImportFailedError("its indexes go round in a circle", _CURE)
    named = index.get("manifests")
    if not isinstance(named, list) or len(named) > _MOST_RECORDS:
        raise ImportFailedError("its index is not that of a bundle", _CURE)
    for descriptor in named:
        found = _object(_blob(blobs, descriptor), "an index or a manifest")
        if "manifests" in found:
            yield from _manifests(blobs, found, depth + 1)
        elif _described(found.get("config")).get("mediaType") == _RECORD:
            yield found


def _build(blobs: Mapping[str, bytes], manifest: Mapping[str, Any], zone: str) -> Iterator[Build]:
    values = _object(_blob(blobs, manifest["config"]), "a record")
    record = record_of(values)
    if not records.is_build(record):
        return
    layers = manifest["layers"] if isinstance(manifest.get("layers"), list) else []
    trace = [
        part for layer in layers if _kind(layer) == _TRACE for part in trace_of(_blob(blobs, layer))
    ]
    about = records.Origin(source="import", zone=zone)
    attested = [_attested(blobs, digest) for digest in provenance.digests(record)]
    build = records.to_build(record, trace, _local_state(record.Ref, values), about, attested)
    errors = [_blob(blobs, layer) for layer in layers if _kind(layer) == excerpts.MEDIA_TYPE]
    yield replace(build, error_excerpt=next(filter(None, map(excerpts.excerpt, errors)), None))


def _attested(blobs: Mapping[str, bytes], digest: str) -> bytes:
    """A provenance blob; empty where the bundle was made without it."""
    algorithm, _, _ = digest.partition(":")
    there = f"blobs/{algorithm}/{digest.partition(':')[2]}" in blobs
    return _blob(blobs, {"digest": digest}) if there else b""


def _kind(layer: Any) -> Any:
    return _described(layer).get("mediaType")


def _local_state(ref: str, values: Mapping[str, Any]) -> LocalState | None:
    """What buildx knew of the build where it ran; the paths serve to make relative ones."""
    told = {name.lower(): value for name, value in values.items()}.get("localstate")
    if not isinstance(told, dict):
        return None
    state = {name.lower(): value for name, value in told.items() if isinstance(value, str)}
    return LocalState(
        ref=ref,
        builder="",
        target=state.get("target", ""),
        context=_posix(state.get("localpath", "")),
        dockerfile=_posix(state.get("dockerfilepath", "")),
        group=state.get("groupref", ""),
        written=0.0,
    )


def _posix(path: str) -> str:
    """`path` with the drive and the backslashes of Windows taken out, for our rules to hold."""
    windows = PureWindowsPath(path)
    return "/" + "/".join(windows.parts[1:]) if windows.drive else path


def _fill(message: Any, values: Any) -> None:
    """Set the fields of a protobuf `message` to the JSON `values` of the same names, in any case.

    The JSON is what Go's encoding/json makes of the message, so that protobuf's own reader of JSON,
    which wants times as text, does not take it.
    """
    if not isinstance(values, dict):
        raise TypeError(f"{type(values).__name__} where an object should be")
    names = {field.name.lower(): field.name for field in message.DESCRIPTOR.fields}
    for key, value in values.items():
        name = names.get(key.lower())
        if name is None or value is None:
            continue
        held = getattr(message, name)
        if hasattr(held, "GetEntryClass"):
            _fill_map(held, value)
        elif hasattr(held, "add"):
            for item in value:
                _fill(held.add(), item)
        elif hasattr(held, "DESCRIPTOR"):
            held.SetInParent()
            _fill(held, value)
        else:
            setattr(message, name, value)


def _fill_map(held: Any, values: Any) -> None:
    key_type = type(held.GetEntryClass()().key)
    for key, value in values.items():
        if hasattr(held, "get_or_create"):
            _fill(held[key_type(key)], value)
        elif value is not None:
            held[key_type(key)] = value


def _blob(blobs: Mapping[str, bytes], descriptor: Any) -> bytes:
    """The content that a descriptor names by its digest, and that has it."""
    algorithm, _, digest = str(_described(descriptor).get("digest")).partition(":")
    content = blobs.get(f"blobs/{algorithm}/{digest}")
    if content is None:
        raise ImportFailedError("a part of it is missing", _CURE)
    if algorithm != "sha256" or hashlib.sha256(content).hexdigest() != digest:
        raise ImportFailedError("a part of it does not have the digest it should have", _CURE)
    return content


def _described(descriptor: Any) -> Mapping[str, Any]:
    return descriptor if isinstance(descriptor, dict) else {}


def _object(content: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ImportFailedError(f"{what} in it is no JSON object", _CURE)
    return found
