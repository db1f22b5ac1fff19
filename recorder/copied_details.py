"""Copies what hangs on builds from another history: in SQL, as it is stored the same way there."""

import sqlite3

from recorder import redact
from recorder.copied_inputs import copy_inputs

SCHEMA = "incoming"
"""The name under which the other history is attached; it is of the present version."""

_USED_NAMES = (
    "WHERE n.id IN (SELECT s.name_id FROM temp.taken AS t "
    "CROSS JOIN incoming.build_steps AS s ON s.build_id = t.source)"
)
_STEPS = """
INSERT INTO build_steps (build_id, position, name_id, marks, started_us, duration_us, bytes)
SELECT
  t.target,
  CAST(s.position AS INTEGER),
  n.target,
  CAST(s.marks AS INTEGER) & 7,
  CAST(s.started_us AS INTEGER),
  CAST(s.duration_us AS INTEGER),
  CAST(s.bytes AS INTEGER)
FROM temp.taken AS t
CROSS JOIN incoming.build_steps AS s ON s.build_id = t.source
JOIN temp.names AS n ON n.source = s.name_id
"""
_ERRORS = """
INSERT INTO step_errors (build_id, position, error)
SELECT t.target, CAST(e.position AS INTEGER), mask(e.error)
FROM temp.taken AS t
CROSS JOIN incoming.step_errors AS e ON e.build_id = t.source
"""
_WARNINGS = """
INSERT INTO build_warnings (build_id, position, rule, line, message)
SELECT t.target, CAST(w.position AS INTEGER), mask(w.rule), CAST(w.line AS INTEGER), mask(w.message)
FROM temp.taken AS t
CROSS JOIN incoming.build_warnings AS w ON w.build_id = t.source
WHERE NOT EXISTS (SELECT 1 FROM main.build_warnings AS k WHERE k.build_id = t.target)
"""
_IMAGES = """
INSERT INTO temp.pictures
SELECT id, image_digest FROM incoming.images
WHERE image_digest NOT IN (SELECT image_digest FROM main.images)
"""
_UNUSED_IMAGES = """
DELETE FROM temp.pictures WHERE image_digest NOT IN (
  SELECT image_digest FROM main.docker_builds WHERE image_digest IS NOT NULL)
"""
_INSTRUCTIONS = """
INSERT OR IGNORE INTO layer_instructions (instruction)
SELECT DISTINCT mask(n.instruction)
FROM temp.pictures AS p
JOIN incoming.image_layers AS l ON l.image_id = p.source
JOIN incoming.layer_instructions AS n ON n.id = l.instruction_id
"""
_LAYERS = """
INSERT INTO image_layers (image_id, position, instruction_id, bytes)
SELECT i.id, CAST(l.position AS INTEGER), m.id, CAST(l.bytes AS INTEGER)
FROM temp.pictures AS p
JOIN main.images AS i ON i.image_digest = p.image_digest
JOIN incoming.image_layers AS l ON l.image_id = p.source
JOIN incoming.layer_instructions AS n ON n.id = l.instruction_id
JOIN main.layer_instructions AS m ON m.instruction = mask(n.instruction)
"""
_LAST_RUNS = """
INSERT INTO step_last_runs (image_name, step_key, completed_at, duration_us)
SELECT mask(image_name), step_key, completed_at, CAST(duration_us AS INTEGER)
FROM incoming.step_last_runs WHERE true
ON CONFLICT (image_name, step_key) DO UPDATE SET
  completed_at = excluded.completed_at, duration_us = excluded.duration_us
  WHERE excluded.completed_at > step_last_runs.completed_at
"""


class CopiedDetails:
    """Copies steps, warnings and layers of builds that came from the attached history.

    `add` each of them inside a transaction, then `close` before it ends. Every text is masked once
    more, for the other file may have been written by other means.
    """

    def __init__(self, connection: sqlite3.Connection, redactor: redact.Redactor) -> None:
        self._connection = connection
        self._redactor = redactor
        self._taken: list[tuple[int, int]] = []
        connection.create_function("mask", 1, lambda text: redactor.text(str(text)))

    def add(self, source: int, target: int, *, new: bool) -> None:
        """Copy to the build `target` what hangs on the other history's build `source`.

        A build that is not `new` keeps the steps that it has.
        """
        query = "SELECT 1 FROM build_steps WHERE build_id = ? LIMIT 1"
        if new or not self._connection.execute(query, (target,)).fetchone():
            self._taken.append((target, source))

    def close(self) -> None:
        """Copy what was added, and what the cache hits of its images save."""
        run = self._connection.execute
        run("CREATE TEMP TABLE taken (target INTEGER PRIMARY KEY, source INTEGER NOT NULL)")
        run("CREATE TEMP TABLE names (source INTEGER PRIMARY KEY, target INTEGER NOT NULL)")
        run("CREATE TEMP TABLE pictures (source INTEGER PRIMARY KEY, image_digest TEXT NOT NULL)")
        self._connection.executemany("INSERT INTO temp.taken VALUES (?, ?)", self._taken)
        self._copy_names()
        run(_STEPS)
        run(_ERRORS)
        run(_WARNINGS)
        if run(_IMAGES).rowcount:
            run(_UNUSED_IMAGES)
            run("INSERT INTO images (image_digest) SELECT image_digest FROM temp.pictures")
            run(_INSTRUCTIONS)
            run(_LAYERS)
        run(_LAST_RUNS)
        copy_inputs(self._connection, self._redactor)
        for table in ("taken", "names", "pictures"):
            run(f"DROP TABLE temp.{table}")

    def _copy_names(self) -> None:
        (builds,) = self._connection.execute(
            "SELECT count(*) FROM incoming.docker_builds"
        ).fetchone()
        used = _USED_NAMES if len(self._taken) < builds else ""
        rows = self._connection.execute(
            "SELECT n.id, n.step_key, n.name, n.kind, n.stage, n.step, n.steps, n.platform, "
            f"n.instruction FROM incoming.step_names AS n {used}"
        ).fetchall()
        for source, *values in rows:
            # Masked, two names that differed may be one.
            clean = [
                self._redactor.text(value) if isinstance(value, str) else value for value in values
            ]
            self._connection.execute(
                "INSERT INTO step_names (step_key, name, kind, stage, step, steps, platform, "
                "instruction) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                clean,
            )
            self._connection.execute(
                "INSERT INTO temp.names "
                "SELECT ?, id FROM main.step_names WHERE step_key = ? AND name = ?",
                (source, *clean[:2]),
            )
