"""The lines of a Dockerfile that failed, out of the error that a builder keeps of a build."""

import base64
import json
from typing import Any

from google.protobuf.message import DecodeError

from recorder.engine import control_pb2 as api

MEDIA_TYPE = "application/vnd.googeapis.google.rpc.status+proto"
"""What BuildKit calls such a blob, spelled as it spells it."""

_SOURCE = "errdefs.Source+json"
_AROUND = 2
_MOST_LINES = 30


def excerpt(blob: bytes) -> str | None:
    """The failing lines with their numbers, marked by `>>>`, and two lines around them.

    `blob` is a `google.rpc.Status` as BuildKit writes it (`externalError` of a record). One of its
    details is JSON that holds the Dockerfile and the place. None where it tells no place.
    """
    try:
        for detail in api.DetailedStatus.FromString(blob).details:
            if detail.type_url.endswith(_SOURCE):
                source = json.loads(detail.value)
                text = base64.b64decode(source["info"]["data"]).decode(errors="replace")
                found = _lines(text.splitlines(), source.get("ranges") or [])
                if found:
                    return found
    except (DecodeError, ValueError, KeyError, TypeError, AttributeError):
        pass  # another BuildKit's way to tell it: the message itself is recorded all the same
    return None


def _lines(text: list[str], places: list[dict[str, Any]]) -> str | None:
    numbers = [
        place[edge]["line"] for place in places for edge in ("start", "end") if edge in place
    ]
    if not numbers or not 1 <= min(numbers) <= max(numbers) <= len(text):
        return None
    shown = range(max(min(numbers) - _AROUND, 1), min(max(numbers) + _AROUND, len(text)) + 1)
    return "\n".join(
        f"{number:4} | {'>>>' if min(numbers) <= number <= max(numbers) else '   '} "
        f"{text[number - 1]}".rstrip()
        for number in shown[:_MOST_LINES]
    )
