"""Asks the engine for an image's size and digest; the only module that imports the docker SDK."""

import functools
from typing import Any, NamedTuple

from recorder.engine import endpoints
from recorder.engine.endpoints import Endpoint
from recorder.errors import EngineUnreachableError, ImageGoneError

UNPACKED, CONTAINERD = "unpacked", "containerd"
_TIMEOUT = 10


class Image(NamedTuple):
    """An image as its store counts it.

    `kind` tells what `size` (bytes) is: `unpacked` is the sum of the layers in a graph driver,
    `containerd` the content and snapshots of the containerd store. Kinds do not compare.
    """

    digest: str
    size: int
    kind: str


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
            return Image(found["Id"], int(found["Size"]), kind)
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise EngineUnreachableError(
            f"the engine at {where.address} did not tell the image's size", "see whether it runs"
        ) from error
    raise ImageGoneError(
        f"the engine does not hold the image {', '.join(references)}", "load or pull it first"
    )


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
