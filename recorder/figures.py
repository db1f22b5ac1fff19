"""Words for figures: durations, sizes and shares as people read them."""

import re

_BEYOND_MILLISECONDS = re.compile(r"(\.\d{3})\d+")

_AS_USUAL, _LEAST_SECONDS = 0.1, 0.5


def is_as_usual(value: float, usual: float) -> bool:
    """Whether seconds are as usual: by less than a tenth, or half a second, another."""
    return abs(value - usual) < max(_AS_USUAL * usual, _LEAST_SECONDS)


def duration(seconds: float | None) -> str:
    """Seconds for people: `40 ms`, `12.3 s`, `4 m 05 s`, `1 h 02 m`, `1,204 h`; a dash for none."""
    if seconds is None:
        return "—"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    minutes = round(seconds / 60)
    if minutes >= 100 * 60:
        return f"{round(seconds / 3600):,} h"
    return f"{minutes // 60} h {minutes % 60:02d} m"


def megabytes(size: float | None) -> str:
    """MB of 10^6 bytes for people: `84.3 kB`, `1.98 MB`, `1.24 GB`; a dash for none."""
    if not size:
        return "—"
    for limit, unit, factor in ((0.001, "B", 1e6), (1, "kB", 1e3), (1000, "MB", 1.0)):
        scaled = float(f"{size * factor:.3g}")
        if size < limit and scaled < 1000:
            return f"{scaled:.10g} {unit}"
    return f"{size / 1000:.3g} GB"


def percent(share: float | None) -> str:
    """A share from 0 to 1 as a percentage; a dash for none."""
    return "—" if share is None else f"{share:.0%}"


def precise_time(stamp: str) -> str:
    """A stored local timestamp for people, to the millisecond."""
    return _BEYOND_MILLISECONDS.sub(r"\1", stamp.replace("T", " "))


def clock_time(stamp: str | None) -> str:
    """A stored local timestamp for people: day, time to the second, offset; a dash for none."""
    return f"{stamp[:10]} {stamp[11:19]} {stamp[-6:]}" if stamp else "—"


def precise(seconds: float | None) -> str:
    """Seconds to three digits, however short: `61.2 µs`, `1.24 ms`, `12.3 s`; a dash for none."""
    if seconds is None:
        return "—"
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "\N{MICRO SIGN}s"), (1e9, "ns")):
        scaled = float(f"{seconds * factor:.3g}")
        if abs(scaled) >= 1 or unit == "ns":
            return f"{scaled:,.10g} {unit}"
    raise AssertionError("the last unit takes all")
