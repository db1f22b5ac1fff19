"""The columns of builds and steps that SQLite derives from others, whenever they are read."""

from recorder.tables import Column

_MILLISECONDS = "'.[0-9][0-9][0-9]'"
_MICROSECONDS = "'.[0-9][0-9][0-9][0-9][0-9][0-9]'"
_TO_YEAR_0 = 62_167_219_200_000_000  # microseconds before 1970, below which a quotient is no floor

# An offset is taken off as a modifier, for as part of an instant SQLite knows none above 14 hours.
_BACK = (
    "CASE WHEN substr(build_timestamp, -6) GLOB '[+-][0-9][0-9]:[0-9][0-9]' "
    "THEN iif(substr(build_timestamp, -6, 1) = '+', '-', '+') || substr(build_timestamp, -5) "
    "ELSE '+00:00' END"
)
# The fraction is copied, for SQLite reads it as a float and may come out a millisecond below.
_COMPLETED_AT = (
    "ifnull("
    f"strftime('%Y-%m-%dT%H:%M:%S', substr(build_timestamp, 1, 19), {_BACK}) || '.' || "
    f"iif(substr(build_timestamp, 20, 4) GLOB {_MILLISECONDS}, substr(build_timestamp, 21, 3), "
    "'000') || 'Z', build_timestamp)"
)
"""`build_timestamp` in UTC, to the millisecond; the text itself where it names no instant."""

_BEYOND = (
    f"iif(substr(build_timestamp, 20, 7) GLOB {_MICROSECONDS}, substr(build_timestamp, 24, 3), 0)"
)
_STARTED_US = (
    "CAST(strftime('%s', substr(completed_at, 1, 19)) AS INTEGER) * 1000000 "
    f"+ substr(completed_at, 21, 3) * 1000 + {_BEYOND} "
    "- CAST(round(build_duration * 1e6) AS INTEGER)"
)
_STARTED_AT = (
    "ifnull(strftime('%Y-%m-%dT%H:%M:%fZ', "
    f"(({_STARTED_US} + {_TO_YEAR_0}) / 1000 - {_TO_YEAR_0 // 1000}) / 1000.0, 'unixepoch'), "
    "completed_at)"
)
"""`build_duration` before `build_timestamp`, in UTC, cut to the millisecond."""

_STATUS = "CASE WHEN success THEN 'completed' WHEN canceled THEN 'canceled' ELSE 'failed' END"
_CACHE_CLASS = (
    "CASE WHEN cache_ratio = 0 THEN 'cold' WHEN cache_ratio = 1 THEN 'warm' "
    "WHEN cache_ratio IS NOT NULL THEN 'partial' END"
)
_SAVED_SECONDS = "saved_us / 1e6"
_CRITICAL_PATH_SECONDS = "critical_path_us / 1e6"

# What most steps are is 0 or 1, which SQLite keeps without a byte.
_CACHED = "marks & 3 IN (0, 2)"
_SHARED = "marks & 4 != 0"
_CRITICAL = "marks & 3 IN (1, 2)"


STATUS = Column("status", "TEXT NOT NULL", "`completed`, `failed` or `canceled`.", derived=_STATUS)
STARTED_AT = Column(
    "started_at", "TEXT NOT NULL", "When it began, UTC, fixed width.", derived=_STARTED_AT
)
COMPLETED_AT = Column(
    "completed_at", "TEXT NOT NULL", "When it finished, UTC, fixed width.", derived=_COMPLETED_AT
)
CACHE_CLASS = Column(
    "cache_class", "TEXT", "`cold` (none cached), `partial` or `warm` (all).", derived=_CACHE_CLASS
)
SAVED_SECONDS = Column(
    "saved_seconds",
    "REAL",
    "What its cached steps last took when they ran.",
    "seconds",
    derived=_SAVED_SECONDS,
)
CRITICAL_PATH_SECONDS = Column(
    "critical_path_seconds",
    "REAL",
    "The longest chain of dependent steps.",
    "seconds",
    derived=_CRITICAL_PATH_SECONDS,
)
CACHED = Column(
    "cached", "INTEGER NOT NULL", "1 when the result came from the cache.", derived=_CACHED
)
SHARED = Column(
    "shared", "INTEGER NOT NULL", "1 when a concurrent build had begun it.", derived=_SHARED
)
CRITICAL = Column(
    "critical", "INTEGER NOT NULL", "1 when it is on the critical path.", derived=_CRITICAL
)


def marks(*, cached: bool, shared: bool, critical: bool) -> int:
    """What `cached`, `shared` and `critical` are derived from."""
    found = 2 * critical if cached else 1 if critical else 3
    return found + 4 * shared
