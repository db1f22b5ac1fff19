"""Time zones and timestamps: one instant, written in UTC and in the zone of the people."""

import functools
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import cast

from recorder.errors import BadValueError

DEFAULT_ZONE = "Asia/Singapore"
_DAY = timedelta(days=1)
_LOG = logging.getLogger("recorder.times")


def zone_name(asked: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """The IANA name of the zone to record in.

    `asked` (an option or an argument) wins over `BUILDREC_TIMEZONE`, then `TZ`, then
    Asia/Singapore. An unknown name falls back to UTC with a warning, and UTC is what the row says.
    """
    wanted = asked or environ.get("BUILDREC_TIMEZONE") or environ.get("TZ", "").lstrip(":")
    if not wanted:
        return DEFAULT_ZONE
    marker = "zoneinfo/"
    if wanted.startswith("/") and marker in wanted:
        wanted = wanted.split(marker, 1)[1]
    if _lookup(wanted) is None:
        _LOG.warning("unknown time zone %r: recording in UTC instead", wanted)
        return "UTC"
    return str(zone(wanted))  # pytz takes any case, other readers of the row do not


def zone(name: str) -> tzinfo:
    """The pytz zone called `name`; UTC for a name that pytz does not know."""
    found = _lookup(name)
    return UTC if found is None else found


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def utc_text(moment: datetime) -> str:
    """`moment` in UTC as `2025-07-10T08:56:04.193Z`: fixed width, so text order is time order.

    Truncated to milliseconds, as a record that sorts must never round into its successor.
    """
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.isoformat(timespec='milliseconds')[:-6]}Z"


def local_text(moment: datetime, name: str) -> str:
    """`moment` in zone `name` as ISO 8601 with its offset, in milliseconds or in microseconds."""
    precision = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(zone(name)).isoformat(timespec=precision)


def parse(text: str, naive_zone: str = DEFAULT_ZONE) -> datetime:
    """The instant that an ISO 8601 `text` names, in UTC; without an offset it is in `naive_zone`.

    A naive time that a clock change skips or repeats is read as standard time.
    Raises BadValueError for anything that is not a timestamp.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            home = zone(naive_zone)
            localize = getattr(home, "localize", None)
            moment = localize(moment, is_dst=False) if localize else moment.replace(tzinfo=home)
        instant = moment.astimezone(UTC)
        _ = instant - _DAY, instant + _DAY  # every zone must be able to write it
    except (ValueError, OverflowError, AttributeError) as error:
        raise BadValueError(
            f"{text!r} is not a timestamp", "write it as 2025-07-10T08:56:04+08:00"
        ) from error
    return instant


def before(moment: datetime, seconds: float) -> datetime:
    """The instant `seconds` before `moment`, or the earliest that can be written.

    Raises BadValueError for a duration longer than recorded time.
    """
    try:
        return moment - timedelta(seconds=seconds)
    except OverflowError as error:
        raise BadValueError(
            f"a duration of {seconds:g} s is longer than the calendar",
            "give the duration in seconds",
        ) from error


@functools.lru_cache(maxsize=64)
def _lookup(name: str) -> tzinfo | None:
    import pytz  # here, as most modules that import this one need no zone

    try:
        if name == DEFAULT_ZONE:  # pytz.timezone would first open the files of all 600 zones
            from pytz.tzfile import build_tzinfo

            with pytz.open_resource(name) as file:  # type: ignore[attr-defined]
                return cast(tzinfo, build_tzinfo(name, file))
        return cast(tzinfo, pytz.timezone(name))
    except (pytz.UnknownTimeZoneError, UnicodeEncodeError, AttributeError, OSError):
        return None
