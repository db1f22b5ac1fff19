"""Ages, times, sizes and shares as people type them: what a text says, None where it is none."""

import re
from datetime import timedelta

_DAYS = {"h": 1 / 24, "d": 1, "w": 7, "y": 365}
_BYTES = {"kb": 10**3, "mb": 10**6, "gb": 10**9}
_NUMBER = r"(\d{1,12}(?:\.\d*)?)"
_TIME = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m(?:in)?)?(?:{_NUMBER}s?)?")


def age(text: str) -> timedelta | None:
    """A span of time such as `36h`, `90d`, `12w` or `2y` (of 365 days)."""
    match = re.fullmatch(r"(\d{1,6}) ?([hdwy])", text.strip().lower())
    return timedelta(days=int(match[1]) * _DAYS[match[2]]) if match else None


def seconds(text: str) -> float | None:
    """A duration such as `90`, `90s`, `5min` or `1h30m`, in seconds."""
    match = _TIME.fullmatch(text.lower().replace(" ", ""))
    if not match or not any(match.groups()):
        return None
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


def size(text: str) -> int | None:
    """A size such as `500MB` or `1.5GB`, of 10^6 and 10^9 bytes, in bytes."""
    found = _bytes(text, 1)
    return None if found is None else round(found)


def megabytes(text: str) -> float | None:
    """A size such as `250`, `250MB` or `1.5GB`, of 10^6 and 10^9 bytes, in MB of 10^6 bytes."""
    found = _bytes(text, 10**6)
    return None if found is None else found / 10**6


def share(text: str) -> float | None:
    """A share such as `0.8` or `80%`, from 0 to 1."""
    found = part(text)
    return found if found is not None and found <= 1 else None


def part(text: str) -> float | None:
    """A part of something such as `0.1`, `10%` or `250%`."""
    match = re.fullmatch(rf"{_NUMBER} ?(%?)", text.strip())
    return float(match[1]) / (100 if match[2] else 1) if match else None


def _bytes(text: str, unit: int) -> float | None:
    """The bytes that a text says, where `unit` bytes are meant if it names none."""
    match = re.fullmatch(rf"{_NUMBER} ?(|kb|mb|gb)", text.strip().lower())
    return float(match[1]) * _BYTES.get(match[2], unit) if match else None
