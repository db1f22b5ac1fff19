"""Reads what BuildKit attests of a build: the images it was made of, and its Dockerfile. Pure.

Source: moby/buildkit solver/llbsolver/provenance, SLSA provenance 0.2 and 1.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from recorder.base_names import familiar

_PREDICATE = "in-toto.io/predicate-type"
_SLSA = "https://slsa.dev/provenance/"
_IMAGE = "pkg:docker/"
_METADATA = "https://mobyproject.org/buildkit@v1#metadata"
_MOST_BYTES = 8_000_000


class Provenance(NamedTuple):
    """The digest of each image, checkout or download that went in, and the Dockerfile's text."""

    bases: dict[str, str]
    dockerfile: str | None = None


def digests(record: Any) -> list[str]:
    """The blobs in which a record's provenance is, one for each platform."""
    results = [record.Result, *(record.Results[key] for key in sorted(record.Results))]
    found = [
        descriptor.digest
        for result in results
        for descriptor in result.Attestations
        if descriptor.annotations.get(_PREDICATE, "").startswith(_SLSA)
        and 0 < descriptor.size <= _MOST_BYTES
    ]
    return list(dict.fromkeys(found))


def read(blobs: Iterable[bytes]) -> Provenance:
    """What the blobs tell; what is not as BuildKit writes it is passed over."""
    bases: dict[str, str] = {}
    text = None
    for blob in blobs:
        try:
            told = json.loads(blob)
            told = told.get("predicate", told)
            materials = told.get("materials")
            if materials is None:
                materials = told["buildDefinition"].get("resolvedDependencies") or ()
            found = dict(_digests(materials))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        for name, digest in found.items():
            if bases.setdefault(name, digest) != digest:  # another platform's
                bases[name] = ",".join(sorted({*bases[name].split(","), digest}))
        text = text or _dockerfile(told)
    return Provenance(bases, text)


def _digests(materials: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for material in materials:
        algorithm, digest = [*material["digest"].items(), ("", "")][0]
        uri = str(material["uri"])
        if uri.startswith(_IMAGE):
            name, _, tag = unquote(uri.removeprefix(_IMAGE).partition("?")[0]).partition("@")
            uri = familiar(f"{name}:{tag}" if tag else name)
        if digest:
            yield uri, f"{algorithm}:{digest}"


def _dockerfile(told: Mapping[str, Any]) -> str | None:
    """The text of the Dockerfile, which BuildKit keeps beside the steps that came of its lines."""
    try:
        if "metadata" in told:
            source = told["metadata"][_METADATA]["source"]
        else:
            source = told["runDetails"]["metadata"]["buildkit_metadata"]["source"]
        return base64.b64decode(source["infos"][0]["data"]).decode(errors="replace")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None
