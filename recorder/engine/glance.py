"""An image's size at a glance, for a hint that cannot wait until the docker SDK is loaded (0.1 s).

What is stored comes from `engine.images`.
"""

import json
import socket
from collections.abc import Iterable
from urllib.parse import quote

from recorder.engine.endpoints import Endpoint

_PATIENCE = 0.1


def size(references: Iterable[str], endpoint: Endpoint) -> int | None:
    """Bytes of the first image that the engine holds of `references`; None where it is not told.

    Only an engine on a unix socket is asked, as any other may be far away.
    """
    scheme, _, path = endpoint.address.partition("://")
    if scheme != "unix":
        return None
    try:
        for reference in references:
            found = _get(path, f"/images/{quote(reference)}/json")
            if isinstance(found, dict) and isinstance(found.get("Size"), int):
                return int(found["Size"])
    except (OSError, ValueError):
        pass
    return None


def _get(path: str, what: str) -> object:
    """The JSON that the engine answers; HTTP/1.0, so that it ends where the connection does."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(_PATIENCE)
        wire.connect(path)
        wire.sendall(f"GET {what} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
        answer = b""
        while part := wire.recv(65536):
            answer += part
    return json.loads(answer.partition(b"\r\n\r\n")[2])
