"""`buildrec doctor`: examines the file and what is around it, and mends what can be mended."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from recorder import database, input_store, redact, spool, statistics, times
from recorder.errors import DamagedDatabaseError
from recorder.upkeep import derived, orphans, pages, secrets
from recorder.upkeep.checks import CHECKS
from recorder.upkeep.findings import Finding

_LOST = "(lost)"
_PLACEHOLDERS = f"""
INSERT INTO step_names (id, step_key, name, kind)
  SELECT DISTINCT name_id, 'lost ' || name_id, '{_LOST}', 'internal' FROM build_steps
  WHERE name_id NOT IN (SELECT id FROM step_names);
INSERT INTO layer_instructions (id, instruction)
  SELECT DISTINCT instruction_id, '{_LOST} ' || instruction_id FROM image_layers
  WHERE instruction_id NOT IN (SELECT id FROM layer_instructions)
"""
"""For names that damage has taken: durations and bytes are worth keeping without them."""


def examine(path: Path, *, secrets_too: bool) -> Iterator[tuple[str, list[Finding]]]:
    """Each check by its name, with what it found; `secrets_too` looks at every text, slowly.

    Raises a DatabaseError when the file cannot be opened at all.
    """
    try:
        with database.connect_to_read(path) as connection:
            for name, check in CHECKS.items():
                try:
                    yield name, list(check(connection, path))
                except sqlite3.DatabaseError as error:
                    yield name, [_failed(name, error, path)]
            if secrets_too:
                yield "secrets", secrets.find(connection, redact.load_key())
    except DamagedDatabaseError as error:
        problem = f"{error.problem} where it lists its tables, and nothing of it can be read"
        yield "integrity", [Finding("integrity", problem, "restore a backup")]


def fix(path: Path, *, secrets_too: bool) -> None:
    """Mend what can be: indexes, references, statistics, orphans, the spool, if asked secrets."""
    with database.connect(path) as connection:
        database.use_wal(connection, database.TIMEOUT)
        # A damaged table cannot be read for a new index either, and is for `salvage`.
        with contextlib.suppress(sqlite3.DatabaseError):
            if pages.only_indexes(connection):
                connection.execute("REINDEX")
        spool.mend()
        spool.drain(connection, path)
        if secrets_too:
            secrets.clean(connection, redact.load_key())
        mend_rows(connection)


def mend_rows(connection: sqlite3.Connection) -> None:
    """Delete what belongs to nothing, and derive again what is off."""
    connection.execute("PRAGMA foreign_keys = OFF")
    with database.transaction(connection):
        for table, parent in (
            ("build_steps", "docker_builds"),
            ("step_errors", "docker_builds"),
            ("build_warnings", "docker_builds"),
            ("build_inputs", "docker_builds"),
            ("image_layers", "images"),
            ("benchmark_measurements", "benchmark_runs"),
            ("benchmark_images", "benchmark_runs"),
        ):
            child = {"images": "image_id", "benchmark_runs": "run_id"}.get(parent, "build_id")
            connection.execute(
                f"DELETE FROM {table} WHERE {child} NOT IN (SELECT id FROM {parent})"
            )
        input_store.forget_lost(connection)
        for statement in _PLACEHOLDERS.split(";"):
            connection.execute(statement)
        wrong = {*derived.wrong_statistics(connection)}
        wrong |= {image for image, _ in derived.wrong_days(connection)}
        statistics.rebuild(connection, sorted(wrong), times.utc_text(times.now()))
    orphans.sweep(connection)


def _failed(name: str, error: sqlite3.DatabaseError, path: Path) -> Finding:
    problem = database.explain(error, path)
    cure = "see integrity" if isinstance(problem, DamagedDatabaseError) else problem.cure
    return Finding(name, f"this could not be examined, as {problem.problem}", cure)
