"""Writes what hangs on a build's row: its steps, its warnings, the layers of its image."""

import sqlite3
from itertools import product
from typing import Any

from recorder import masking, redact, schema
from recorder.derived_columns import marks
from recorder.input_store import InputWriter
from recorder.model import MICRO, Build, Step
from recorder.step_names import INSTRUCTIONS

_STEP_COLUMNS = schema.BUILD_STEPS.stored
_INSERT_STEP = (
    f"INSERT INTO build_steps ({', '.join(_STEP_COLUMNS)}) "
    f"VALUES ({', '.join('?' * len(_STEP_COLUMNS))})"
)
_INSERT_ERROR = "INSERT INTO step_errors (build_id, position, error) VALUES (?, ?, ?)"
_MARKS = {
    switches: marks(cached=switches[0], shared=switches[1], critical=switches[2])
    for switches in product((False, True), repeat=3)
}


class Details:
    """Writes the details of builds inside one transaction; remembers names between them.

    `close` must be called before the transaction ends.
    """

    def __init__(self, connection: sqlite3.Connection, redactor: redact.Redactor) -> None:
        self._connection = connection
        self._redactor = redactor
        self._name_ids: dict[tuple[str, str], int] = {}
        self._last_runs = _LastRuns(connection)
        self._inputs = InputWriter(connection, redactor)

    def write(self, number: int, build: Build, completed_at: str) -> None:
        """Write all of a build that is new; `number` is its row's id."""
        if build.steps:
            self._write_steps(number, build.steps)
            self._last_runs.note(build, completed_at)
        if build.lints:
            self._write_warnings(number, build)
        self._write_layers(build)
        self._inputs.write(number, build)

    def complete(self, number: int, build: Build, completed_at: str) -> None:
        """Write what a known build lacks."""
        query = "SELECT 1 FROM build_steps WHERE build_id = ? LIMIT 1"
        if build.steps and not self._connection.execute(query, (number,)).fetchone():
            self._write_steps(number, build.steps)
            self._last_runs.note(build, completed_at)
            self._write_warnings(number, build)
        self._write_layers(build)
        self._inputs.write(number, build)

    def saved_seconds(self, build: Build) -> float | None:
        """What the cached steps of a build last took; None where it has no step that counts."""
        return self._last_runs.saved(build)

    def close(self) -> None:
        """Write what was kept back to be written once."""
        self._last_runs.close()

    def _write_steps(self, number: int, steps: tuple[Step, ...]) -> None:
        self._connection.executemany(_INSERT_STEP, self._step_rows(number, steps))
        errors = [
            (number, step.position, self._redactor.text(step.error))
            for step in steps
            if step.error is not None
        ]
        if errors:
            self._connection.executemany(_INSERT_ERROR, errors)

    def _step_rows(self, number: int, steps: tuple[Step, ...]) -> list[tuple[Any, ...]]:
        known = self._name_ids
        return [
            (
                number,
                step.position,
                known.get((step.step_key, step.name)) or self._name_id(step),
                _MARKS[step.cached, step.shared, step.critical],
                None if step.started is None else round(step.started * MICRO),
                None if step.duration is None else round(step.duration * MICRO),
                step.bytes,
            )
            for step in steps
        ]

    def _name_id(self, step: Step) -> int:
        clean = masking.mask_step(step, self._redactor)
        query = "SELECT id FROM step_names WHERE step_key = ? AND name = ?"
        found = self._connection.execute(query, (clean.step_key, clean.name)).fetchone()
        number = int(found[0]) if found else self._new_name(clean)
        self._name_ids[step.step_key, step.name] = number
        return number

    def _new_name(self, clean: Step) -> int:
        cursor = self._connection.execute(
            "INSERT INTO step_names (step_key, name, kind, stage, step, steps, platform, "
            "instruction) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (clean.step_key, clean.name, clean.kind, clean.stage, clean.step, clean.steps,
             clean.platform, clean.instruction),
        )  # fmt: skip
        return int(cursor.lastrowid or 0)

    def _write_warnings(self, number: int, build: Build) -> None:
        self._connection.executemany(
            "INSERT OR IGNORE INTO build_warnings (build_id, position, rule, line, message) "
            "VALUES (?, ?, ?, ?, ?)",
            [
                (number, position, lint.rule, lint.line, self._redactor.text(lint.message))
                for position, lint in enumerate(build.lints, 1)
            ],
        )

    def _write_layers(self, build: Build) -> None:
        if not build.layers or not build.image_digest:
            return
        cursor = self._connection.execute(
            "INSERT INTO images (image_digest) VALUES (?) ON CONFLICT DO NOTHING",
            (build.image_digest,),
        )
        if not cursor.rowcount:
            return
        image = cursor.lastrowid
        for layer in build.layers:
            instruction = self._redactor.text(layer.instruction)
            self._connection.execute(
                "INSERT INTO layer_instructions (instruction) VALUES (?) ON CONFLICT DO NOTHING",
                (instruction,),
            )
            self._connection.execute(
                "INSERT INTO image_layers (image_id, position, instruction_id, bytes) "
                "SELECT ?, ?, id, ? FROM layer_instructions WHERE instruction = ?",
                (image, layer.position, layer.bytes, instruction),
            )


class _LastRuns:
    """How long each step of a series last took, read when asked for and written at the end."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], tuple[str, int] | None] = {}
        self._changed: set[tuple[str, str]] = set()

    def note(self, build: Build, completed_at: str) -> None:
        """Learn from the steps of a build that really ran, unless a later build is known."""
        known, image = self._known, build.image_name
        for step in build.steps:
            if step.cached or step.duration is None or step.kind not in INSTRUCTIONS:
                continue
            key = (image, step.step_key)
            last = known[key] if key in known else self._get(key)
            if last is None or last[0] <= completed_at:
                whole = step.duration - min(step.started or 0.0, 0.0)
                known[key] = (completed_at, round(whole * MICRO))
                self._changed.add(key)

    def saved(self, build: Build) -> float | None:
        """What the cached steps last took, in seconds; None where no step counts."""
        saved, counted = 0, False
        for step in build.steps:
            if step.kind in INSTRUCTIONS:
                counted = True
                if step.cached and (last := self._get((build.image_name, step.step_key))):
                    saved += last[1]
        return saved / MICRO if counted else None

    def close(self) -> None:
        self._connection.executemany(
            "INSERT INTO step_last_runs (image_name, step_key, completed_at, duration_us) "
            "VALUES (?, ?, ?, ?) ON CONFLICT (image_name, step_key) DO UPDATE SET "
            "completed_at = excluded.completed_at, duration_us = excluded.duration_us",
            [(*key, *(self._known[key] or ())) for key in self._changed],
        )
        self._changed.clear()

    def _get(self, key: tuple[str, str]) -> tuple[str, int] | None:
        if key not in self._known:
            row = self._connection.execute(
                "SELECT completed_at, duration_us FROM step_last_runs "
                "WHERE image_name = ? AND step_key = ?",
                key,
            ).fetchone()
            self._known[key] = (row[0], row[1]) if row else None
        return self._known[key]
