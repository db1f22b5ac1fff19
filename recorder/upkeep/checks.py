"""What `buildrec doctor` looks at, one check a function."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from recorder import spool
from recorder.upkeep import derived, orphans, pages, places
from recorder.upkeep.findings import FIX, Finding

Check = Callable[[sqlite3.Connection, Path], Iterator[Finding]]


def place(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    """What the file lies on, and how it is written."""
    kind = places.file_system(path)
    if places.is_shared(kind):
        yield Finding(
            "place",
            f"{path.parent} is a {kind} file system, whose locks do not hold between hosts",
            "record on a local disk, and copy the history with `buildrec backup`",
            warning=True,
        )
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        problem = f"in {mode} mode a writer stops all readers; for a file that rests that is well"
        yield Finding("place", problem, FIX, warning=True)


def references(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Rows that refer to rows that are not there."""
    rows = connection.execute("PRAGMA foreign_key_check").fetchall()
    if rows:
        tables = ", ".join(sorted({row[0] for row in rows}))
        yield Finding("references", f"{len(rows)} rows of {tables} belong to nothing", FIX)


def statistics(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Whether `build_statistics` and its sums are what a query over all builds gives."""
    wrong = derived.wrong_statistics(connection)
    if wrong:
        problem = f"the statistics of {len(wrong)} images are off: {_some(wrong)}"
        yield Finding("statistics", problem, FIX)


def days(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Whether `build_days` is what a query over all builds gives."""
    wrong = derived.wrong_days(connection)
    if wrong:
        shown = _some([f"{day} of {image}" for image, day in wrong])
        yield Finding("days", f"the totals of {len(wrong)} days are off: {shown}", FIX)


def unused(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Names and images that no build needs any more; they do no harm but take room."""
    for table, count in orphans.count(connection).items():
        yield Finding("orphans", f"{count} rows of {table} belong to no build", FIX)


def waiting(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Builds in the spool that could not be stored when they ended."""
    if entries := spool.waiting(path):
        yield Finding("spool", f"{len(entries)} builds wait to be stored", FIX)
    if cut := spool.cut_off():
        problem = f"{len(cut)} files in {spool.folder()} were cut off while they were written"
        yield Finding("spool", problem, FIX)
    if unread := spool.unreadable():
        problem = f"{len(unread)} files in {spool.folder()} cannot be read"
        yield Finding("spool", problem, "look at them, then move them away")


CHECKS: dict[str, Check] = {
    "place": place,
    "integrity": pages.examine,
    "references": references,
    "statistics": statistics,
    "days": days,
    "orphans": unused,
    "spool": waiting,
}
"""By the name that is shown."""


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
