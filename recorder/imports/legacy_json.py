"""Reads `docker_build_times.json` in each of the forms that older tools wrote (A to F).

The forms are told apart by shape; `docs/imports.md` shows each.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from recorder import times
from recorder.errors import BadValueError, ImportFailedError
from recorder.imports.reading import Reading, build
from recorder.model import Build


def read(text: str, written: datetime, zone: str) -> Reading:
    """The builds in the JSON `text`; `written` is when the file was last changed.

    `zone` is that of timestamps that name none. Raises ImportFailedError when the text is not
    JSON, or not of a form that is known.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ImportFailedError(f"it is not JSON ({error})", "see that the file is whole") from None
    if isinstance(document, list):
        return Reading("D, a bare list").take(_row(row, zone) for row in document)
    if isinstance(document, dict) and isinstance(document.get("history"), list):
        averages = document.get("averages")
        objects = isinstance(averages, dict) and any(isinstance(v, dict) for v in averages.values())
        form = "C, history and objects" if objects else "B, history and averages"
        return Reading(form).take(_row(row, zone) for row in document["history"])
    if isinstance(document, dict) and "avg_duration" in document:
        return Reading(
            "A, one average",
            remarks=[f"an average of {document['avg_duration']} s, without builds to take in"],
        )
    if isinstance(document, dict) and document:
        return _by_image(document, written, zone)
    raise ImportFailedError(
        "it holds no build times", "name a docker_build_times.json of an older tool"
    )


def _row(row: Any, zone: str) -> Iterator[Build]:
    if not isinstance(row, dict):
        raise BadValueError(f"{row!r} is not a row", "see the file")
    yield from build(row, zone)


def _by_image(document: dict[str, Any], written: datetime, zone: str) -> Reading:
    """Forms E (the last build and an average of each image) and F (durations without times)."""
    if any(isinstance(value, dict) for value in document.values()):
        reading = Reading("E, the last build of each image")
        reading.take(_last_build(image, value, zone) for image, value in document.items())
        for image, value in document.items():
            if isinstance(value, dict) and value.get("total_builds") not in (None, 1):
                reading.remarks.append(
                    f"{image}: {value['total_builds']} builds with an average of "
                    f"{value.get('average_build_duration')} s, of which only the last is told"
                )
        return reading
    reading = Reading("F, durations without times")
    reading.take(_durations(image, value, written, zone) for image, value in document.items())
    if reading.builds:
        reading.remarks.append("the durations have no times: the file's own stands for them")
    elif reading.rejected:
        raise ImportFailedError(
            "it holds no build times", "name a docker_build_times.json of an older tool"
        )
    return reading


def _last_build(image: str, value: Any, zone: str) -> Iterator[Build]:
    if not isinstance(value, dict):
        raise BadValueError(f"{value!r} is not a build", "see the file")
    row = {
        "image": image,
        "duration": value.get("build_duration"),
        "timestamp": value.get("last_build_on"),
    }
    yield from build(row, zone)


def _durations(image: str, value: Any, written: datetime, zone: str) -> Iterator[Build]:
    for number, duration in enumerate(value if isinstance(value, list) else [value]):
        row = {"image": image, "duration": duration, "timestamp": times.utc_text(written)}
        # Not known by its time, which is the file's and changes with it, but by its place.
        place = json.dumps([image, number, duration]).encode()
        ref = f"import:{hashlib.sha256(place).hexdigest()[:24]}"
        for made in build(row, zone):
            yield replace(made, ref=ref)
