"""`buildrec doctor`: examines the file and what is around it, and mends what can be mended."""

import math
import sqlite3
import statistics as figures
from collections.abc import Callable, Iterator
from pathlib import Path

from recorder import database, redact, spool, statistics, times
from recorder.upkeep import secrets
from recorder.upkeep.findings import Finding

FIX = "run `buildrec doctor --fix`"
Check = Callable[[sqlite3.Connection, Path], Iterator[Finding]]


def integrity(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    """The file's pages and indexes, by SQLite's own check."""
    for (line,) in connection.execute("PRAGMA integrity_check(5)"):
        if line != "ok":
            cure = f"restore {path.name} from a backup, or copy out what `buildrec export` can read"
            yield Finding("integrity", f"the file is damaged: {line}", cure)


def references(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Rows that refer to rows that are not there."""
    rows = connection.execute("PRAGMA foreign_key_check").fetchall()
    if rows:
        tables = ", ".join(sorted({row[0] for row in rows}))
        yield Finding("references", f"{len(rows)} rows of {tables} belong to nothing", FIX)


def sums(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Whether `build_statistics` is what a query over all builds gives."""
    wrong = wrong_statistics(connection)
    if wrong:
        shown = ", ".join(wrong[:3]) + (" ..." if len(wrong) > 3 else "")
        yield Finding("statistics", f"the statistics of {len(wrong)} images are off: {shown}", FIX)


def orphans(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Names and images that no build needs any more; they do no harm but take room."""
    for table, query in _ORPHANS.items():
        (count,) = connection.execute(f"SELECT count(*) FROM {table} WHERE {query}").fetchone()
        if count:
            yield Finding("orphans", f"{count} rows of {table} belong to no build", FIX)


def waiting(connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Builds in the spool that could not be stored when they ended."""
    entries = spool.waiting(path)
    if entries:
        yield Finding("spool", f"{len(entries)} builds wait to be stored", FIX)
    unread = spool.unreadable()
    if unread:
        yield Finding(
            "spool",
            f"{len(unread)} files in {spool.folder()} cannot be read",
            "look at them, then move them away",
        )


CHECKS: dict[str, Check] = {
    "integrity": integrity,
    "references": references,
    "statistics": sums,
    "orphans": orphans,
    "spool": waiting,
}
_ORPHANS = {
    "step_names": "id NOT IN (SELECT name_id FROM build_steps)",
    "images": "image_digest NOT IN "
    "(SELECT image_digest FROM docker_builds WHERE image_digest IS NOT NULL)",
    "layer_instructions": "id NOT IN (SELECT instruction_id FROM image_layers)",
}


def examine(path: Path, *, secrets_too: bool) -> Iterator[tuple[str, list[Finding]]]:
    """Each check by its name, with what it found; `secrets_too` looks at every text, slowly.

    Raises a DatabaseError when the file cannot be opened at all.
    """
    with database.connect_to_read(path) as connection:
        for name, check in CHECKS.items():
            yield name, list(check(connection, path))
        if secrets_too:
            yield "secrets", secrets.find(connection, redact.load_key())


def fix(path: Path, *, secrets_too: bool) -> None:
    """Mend what can be: references, statistics, orphans, the spool and, if asked, secrets."""
    with database.connect(path) as connection:
        spool.drain(connection, path)
        if secrets_too:
            secrets.clean(connection, redact.load_key())
        connection.execute("PRAGMA foreign_keys = OFF")
        with database.transaction(connection):
            for table, rowid, _, _ in connection.execute("PRAGMA foreign_key_check").fetchall():
                if rowid is not None:
                    connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))
            connection.execute(
                "DELETE FROM build_steps WHERE build_id NOT IN (SELECT id FROM docker_builds)"
            )
            connection.execute(
                "DELETE FROM build_warnings WHERE build_id NOT IN (SELECT id FROM docker_builds)"
            )
            for table in ("images", "step_names"):
                connection.execute(f"DELETE FROM {table} WHERE {_ORPHANS[table]}")
            connection.execute(
                "DELETE FROM image_layers WHERE image_id NOT IN (SELECT id FROM images)"
            )
            query = _ORPHANS["layer_instructions"]
            connection.execute(f"DELETE FROM layer_instructions WHERE {query}")
            now = times.utc_text(times.now())
            statistics.rebuild(connection, wrong_statistics(connection), now)


def wrong_statistics(connection: sqlite3.Connection) -> list[str]:
    """The images whose row in `build_statistics` is not what their builds give."""
    cursor = connection.execute(statistics.DEFINITION)
    names = [column[0] for column in cursor.description]
    derived = {row[0]: dict(zip(names, row, strict=True)) for row in cursor}
    kept = {}
    cursor = connection.execute("SELECT * FROM build_statistics")
    names = [column[0] for column in cursor.description]
    for row in cursor:
        values = dict(zip(names, row, strict=True))
        kept[values["image_name"]] = values
    wrong = set(derived) ^ set(kept)
    for image in set(derived) & set(kept):
        expected = derived[image] | _latest(connection, image)
        if not all(_equal(kept[image][name], value) for name, value in expected.items()):
            wrong.add(image)
    return sorted(wrong)


def _latest(connection: sqlite3.Connection, image: str) -> dict[str, float | None]:
    recent = [
        row[0]
        for row in connection.execute(
            "SELECT build_duration FROM docker_builds WHERE image_name = ? AND success = 1 "
            "ORDER BY completed_at DESC, id DESC LIMIT ?",
            (image, statistics.WINDOW),
        )
    ]
    return {
        "median_duration": figures.median(recent) if recent else None,
        "p95_duration": statistics.nearest_rank(recent, 0.95),
    }


def _equal(kept: object, derived: object) -> bool:
    if isinstance(kept, float) and isinstance(derived, int | float):
        return math.isclose(kept, derived, rel_tol=1e-9, abs_tol=1e-6)
    return kept == derived
