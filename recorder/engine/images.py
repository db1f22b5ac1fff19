"""Asks the engine for an image's size and digest; the only module that imports the docker SDK."""

import functools
import re
from dataclasses import replace
from typing import Any, NamedTuple

from recorder.engine import endpoints
from recorder.engine.endpoints import Endpoint
from recorder.errors import EngineUnreachableError, ImageGoneError
from recorder.model import Build, Layer

UNPACKED, CONTAINERD = "unpacked", "containerd"
_TIMEOUT = 10
_RUN_SHELL = re.compile(r"^RUN (?:\|\d+ .*? )?/bin/sh -c ", re.DOTALL)


class Image(NamedTuple):
    """An image as its store counts it.

    `kind` tells what `size` (bytes) is: `unpacked` is the sum of the layers in a graph driver,
    `containerd` the content and snapshots of the containerd store. Kinds do not compare. `layers`
    are the entries of its history, from the base up.
    """

    digest: str
    size: int
    kind: str
    layers: tuple[Layer, ...] = ()


def onto(build: Build, image: Image) -> Build:
    """The build with its image's size, layers and, where it tells none itself, digest."""
    return replace(
        build,
        image_size_bytes=image.size,
        size_kind=image.kind,
        image_digest=build.image_digest or image.digest,
        layers=image.layers,
    )


def inspect(*references: str, endpoint: Endpoint | None = None) -> Image:
    """The first image that the engine holds of `references` (digests or tags).

    Raises ImageGoneError when it holds none, EngineUnreachableError when it does not answer.
    """
    import docker.errors
    import requests

    where = endpoint or endpoints.current()
    try:
        client = _client(where)
        for reference in references:
            try:
                found: dict[str, Any] = client.inspect_image(reference)
            except docker.errors.NotFound:
                continue
            # Only the containerd store describes the image's top blob (API 1.48).
            kind = CONTAINERD if found.get("Descriptor") else UNPACKED
            layers = _layers(client.history(reference))
            return Image(found["Id"], int(found["Size"]), kind, layers)
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise EngineUnreachableError(
            f"the engine at {where.address} did not tell the image's size", "see whether it runs"
        ) from error
    raise ImageGoneError(
        f"the engine does not hold the image {', '.join(references)}", "load or pull it first"
    )


def _layers(history: list[dict[str, Any]]) -> tuple[Layer, ...]:
    """The entries of `docker history`, which names the newest first, from the base up."""
    return tuple(
        Layer(position, instruction(entry.get("CreatedBy") or ""), int(entry.get("Size") or 0))
        for position, entry in enumerate(reversed(history), 1)
    )


def instruction(created_by: str) -> str:
    """The Dockerfile's instruction in the words that an image's history wraps around it.

    BuildKit ends it with `# buildkit` and puts `|n ARG=value ... /bin/sh -c` into a RUN; the legacy
    builder writes `/bin/sh -c #(nop)` before what is no RUN.
    """
    text = created_by.strip().removesuffix("# buildkit").rstrip()
    if "#(nop)" in text:
        return text.partition("#(nop)")[2].strip()
    text = _RUN_SHELL.sub("RUN ", text, count=1)
    return f"RUN {text.removeprefix('/bin/sh -c ')}" if text.startswith("/bin/sh -c ") else text


@functools.lru_cache(maxsize=4)
def _client(endpoint: Endpoint) -> Any:
    import docker
    from docker.tls import TLSConfig

    tls: Any = False
    if endpoint.certificates is not None:
        folder = endpoint.certificates
        pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
        tls = TLSConfig(
            client_cert=pair if (folder / "cert.pem").exists() else None,
            ca_cert=str(folder / "ca.pem") if (folder / "ca.pem").exists() else None,
            verify=endpoint.verify,
        )
    # Ask for the engine's own API version, since the default lacks newer fields.
    return docker.APIClient(base_url=endpoint.address, tls=tls, version="auto", timeout=_TIMEOUT)
