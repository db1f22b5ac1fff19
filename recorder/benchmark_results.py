"""The one door for benchmarks: writes runs with what they measured, masked, and finds them."""

import json
import sqlite3
import statistics
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from recorder import redact, times
from recorder.benchmark_tables import BENCHMARK_RUNS
from recorder.database import transaction
from recorder.errors import BadValueError, BuildNotFoundError

Row = dict[str, Any]
Raw = tuple[tuple[float, ...], ...]

_GIVEN = frozenset(column.name for column in BENCHMARK_RUNS.columns) - {"id", "ref"}
# The images of a project: of builds from the same remote, or none of both has one.
_IMAGES = """
INSERT INTO benchmark_images (run_id, image_name, ref, built_at, build_duration, image_size_mb)
SELECT ?1, b.image_name, b.ref, b.completed_at, b.build_duration, b.image_size_mb
FROM (SELECT image_name FROM build_statistics ORDER BY last_build_timestamp DESC LIMIT 200) AS s
JOIN docker_builds AS b ON b.id = (
  SELECT id FROM docker_builds AS l
  WHERE l.image_name = s.image_name AND l.success = 1
  ORDER BY l.completed_at DESC, l.id DESC LIMIT 1)
WHERE ?2 OR b.git_remote IS ?3
"""
_RESULT_COLUMNS = (
    "run_id", "suite", "benchmark", "status", "reason", "unit", "n", "mean", "median", "stdev",
    "min", "max", "loops", "processes", "peak_memory_bytes", "cpu_seconds", "figures", "unstable",
    "raw",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What one benchmark measured: `raw` are the values in seconds, by process.

    `summary` stands in for the figures of `raw` where not all values are kept.
    """

    suite: str
    benchmark: str
    status: str = "completed"
    reason: str | None = None
    raw: Raw = ()
    loops: int | None = None
    processes: int | None = None
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    unstable: tuple[str, ...] = ()
    summary: Mapping[str, float] = field(default_factory=dict)

    @property
    def values(self) -> list[float]:
        """All values, of whatever process."""
        return [value for values in self.raw for value in values]

    def spread(self) -> Row:
        """n, mean, median, stdev, min and max."""
        values = self.values
        return {
            "n": len(values),
            "mean": statistics.fmean(values) if values else None,
            "median": statistics.median(values) if values else None,
            "stdev": statistics.stdev(values) if len(values) > 1 else None,
            "min": min(values, default=None),
            "max": max(values, default=None),
            **self.summary,
        }


def begin(connection: sqlite3.Connection, facts: Mapping[str, Any]) -> int:
    """Write a run that begins, with the images of its project as they are; gives its id.

    `facts` are values of `benchmark_runs` by their column; texts are masked.
    """
    unknown = set(facts) - _GIVEN
    if unknown:
        raise BadValueError(f"benchmark_runs has no column {sorted(unknown)}", "leave them out")
    redactor = redact.Redactor(redact.load_key())
    row = {
        "ref": uuid.uuid4().hex,
        "kind": "suites",
        "mode": "solo",
        "copies": 1,
        "quick": 0,
        "status": "running",
        "started_at": times.utc_text(times.now()),
        **facts,
        "versions": json.dumps(facts.get("versions") or {}, sort_keys=True),
    }
    row = {name: _masked(redactor, value) for name, value in row.items()}
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    with transaction(connection):
        cursor = connection.execute(
            f"INSERT INTO benchmark_runs ({names}) VALUES ({marks})", tuple(row.values())
        )
        number = cursor.lastrowid
        assert number is not None
        remote = row.get("git_remote")
        if not connection.execute(_IMAGES, (number, False, remote)).rowcount:
            # None is known to be of this project: then the file is this project's.
            connection.execute(_IMAGES, (number, True, None))
    return number


def add(connection: sqlite3.Connection, run_id: int, *results: Result) -> None:
    """Write results of a run, each in place of one that it had of the same benchmark."""
    redactor = redact.Redactor(redact.load_key())
    marks = ", ".join("?" * len(_RESULT_COLUMNS))
    with transaction(connection):
        connection.executemany(
            f"INSERT OR REPLACE INTO benchmark_measurements ({', '.join(_RESULT_COLUMNS)}) "
            f"VALUES ({marks})",
            [_row(run_id, result, redactor) for result in results],
        )


def end(
    connection: sqlite3.Connection, run_id: int, status: str, load_after: float | None = None
) -> None:
    """Write how a run ended: `completed`, `failed` or `interrupted`."""
    with transaction(connection):
        connection.execute(
            "UPDATE benchmark_runs SET status = ?, completed_at = ?, load_after = ? WHERE id = ?",
            (status, times.utc_text(times.now()), load_after, run_id),
        )


def find(connection: sqlite3.Connection, wanted: str) -> Row:
    """A run of suites by its id, `latest`, `previous`, or the beginning of its commit.

    Of several runs of a commit the latest counts. Raises BuildNotFoundError.
    """
    query = (
        "SELECT * FROM benchmark_runs WHERE kind = 'suites' {} ORDER BY started_at DESC, id DESC"
    )
    if wanted in ("latest", "previous"):
        rows = _rows(connection, query.format("") + " LIMIT 2", ())
        rows = rows[1:] if wanted == "previous" else rows
    else:
        rows = []
        if wanted.isdecimal() and len(wanted) < 19:
            rows = _rows(connection, "SELECT * FROM benchmark_runs WHERE id = ?", (int(wanted),))
        if not rows and len(wanted) >= 4:
            where = "AND git_commit >= ?1 AND git_commit < ?1 || '{{'"
            rows = _rows(connection, query.format(where) + " LIMIT 1", (wanted.lower(),))
    if not rows:
        raise BuildNotFoundError(
            f"there is no run of benchmarks {wanted!r}",
            "see `buildrec bench runs` for those there are, or run `buildrec bench run`",
        )
    return rows[0]


def runs(connection: sqlite3.Connection, limit: int = 20) -> list[Row]:
    """The latest runs, newest first: rows of `benchmark_runs` with the number of their results."""
    return _rows(
        connection,
        "SELECT r.*, (SELECT count(*) FROM benchmark_measurements AS b "
        "WHERE b.run_id = r.id AND b.status = 'completed') AS results "
        "FROM benchmark_runs AS r ORDER BY started_at DESC, id DESC LIMIT ?",
        (limit,),
    )


def results(connection: sqlite3.Connection, run_id: int) -> list[Row]:
    """What a run measured: rows of `benchmark_measurements` with their JSON read."""
    rows = _rows(
        connection,
        "SELECT * FROM benchmark_measurements WHERE run_id = ? ORDER BY suite, benchmark",
        (run_id,),
    )
    return [
        {**row, **{name: _read(row[name]) for name in ("figures", "unstable", "raw")}}
        for row in rows
    ]


def exported(
    connection: sqlite3.Connection, since: datetime | None = None, until: datetime | None = None
) -> Iterator[Row]:
    """What was measured, newest first, for the JSON of older tools; in seconds and bytes."""
    cursor = connection.execute(
        "SELECT r.started_at, b.suite, b.benchmark, r.kind, r.mode, r.copies, r.quick, b.n, "
        "b.mean, b.median, b.stdev, b.min, b.max, b.cpu_seconds, b.peak_memory_bytes, b.figures, "
        "r.git_commit FROM benchmark_runs AS r JOIN benchmark_measurements AS b ON b.run_id = r.id "
        "WHERE b.status = 'completed' AND r.started_at >= ? AND r.started_at < ? "
        "ORDER BY r.started_at DESC, r.id DESC, b.suite, b.benchmark",
        (times.utc_text(since) if since else "", times.utc_text(until) if until else "~"),
    )
    names = ("timestamp", *(column[0] for column in cursor.description[1:]))
    cursor.row_factory = None
    for values in cursor:
        row = dict(zip(names, values, strict=True))
        yield {**row, "figures": _read(row["figures"])}


def _row(run_id: int, result: Result, redactor: redact.Redactor) -> tuple[Any, ...]:
    figures = {
        name: _masked(redactor, value) if isinstance(value, str) else value
        for name, value in result.figures.items()
    }
    row = {
        "run_id": run_id,
        "suite": redactor.text(result.suite),
        "benchmark": redactor.text(result.benchmark),
        "status": result.status,
        "reason": result.reason and redactor.text(result.reason[:2000]),
        "unit": "s",
        **result.spread(),
        "loops": result.loops,
        "processes": result.processes,
        "peak_memory_bytes": result.peak_memory_bytes,
        "cpu_seconds": result.cpu_seconds,
        "figures": json.dumps(figures, ensure_ascii=False),
        "unstable": json.dumps([redactor.text(line) for line in result.unstable]),
        # Six digits are more than any clock's truth.
        "raw": json.dumps(
            [[float(f"{value:.6g}") for value in values] for values in result.raw],
            separators=(",", ":"),
        ),
    }
    return tuple(row[name] for name in _RESULT_COLUMNS)


def _masked(redactor: redact.Redactor, value: Any) -> Any:
    return redactor.text(value) if isinstance(value, str) else value


def _read(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):  # another program wrote the row
        return None


def _rows(connection: sqlite3.Connection, query: str, values: Any) -> list[Row]:
    cursor = connection.execute(query, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
