"""Merges another `docker_build_history.db`: a CI runner's, a colleague's, a container's."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from recorder import database, plain, schema, stored_builds
from recorder.copied_alerts import copy_alerts
from recorder.copied_benchmarks import copy_benchmarks
from recorder.copied_details import SCHEMA, CopiedDetails
from recorder.errors import BadValueError, ImportFailedError
from recorder.imports import older_database, scratch, untouched
from recorder.imports.known import Known, Pruned
from recorder.imports.reading import Progress, Reading
from recorder.store import Tally, Writer

_COLUMNS = ", ".join(f"i.{column.name}" for column in schema.TOLD)
_BUILDS = (
    f"SELECT m.id AS known_id, m.completed_at AS known_at, {_COLUMNS} "
    f"FROM {SCHEMA}.docker_builds AS i LEFT JOIN main.docker_builds AS m ON m.ref = i.ref "
    "ORDER BY i.id"
)
# A day that the history knew nothing of; where it knows something, sums might count a build twice.
_REMEMBER_DAYS = f"""
CREATE TEMP TABLE new_days AS
SELECT * FROM {SCHEMA}.pruned_days AS p
WHERE NOT EXISTS (
  SELECT 1 FROM main.pruned_days AS d WHERE d.image_name = p.image_name AND d.day = p.day)
AND NOT EXISTS (
  SELECT 1 FROM main.build_days AS d WHERE d.image_name = p.image_name AND d.day = p.day)
"""


@dataclass
class OtherHistory(Reading):
    """Another history, of which a consistent copy of the present version lies at `copy`."""

    copy: Path = Path()

    @contextmanager
    def beside(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Attach the copy, which cannot be done inside a transaction."""
        connection.execute(f"ATTACH ? AS {SCHEMA}", (str(self.copy),))
        yield
        # After an error a query may still be open, which would forbid it; then the connection goes.
        connection.execute(f"DETACH {SCHEMA}")

    def pour(self, connection: sqlite3.Connection, writer: Writer, progress: Progress) -> Tally:
        """Write the builds that are new with their details, and fill in what others lack."""
        known, tally, pruned = Known(connection, writer.redactor), Tally(), 0
        details = CopiedDetails(connection, writer.redactor)
        connection.execute(_REMEMBER_DAYS)
        (total,) = connection.execute(f"SELECT count(*) FROM {SCHEMA}.docker_builds").fetchone()
        cursor = connection.execute(_BUILDS)
        names = [column[0] for column in cursor.description]
        for done, values in enumerate(cursor, 1):
            if done % 100 == 0:
                progress(done, total)
            row = dict(zip(names, values, strict=True))
            try:
                build = plain.checked(stored_builds.of_row(row))
                if found := row["known_id"]:
                    known.compare(build, row["known_at"])
                else:
                    found = known.find_content(build)
            except BadValueError as error:
                self.rejected.append((row["id"], error.problem))
            except Pruned:
                pruned += 1
            else:
                if found is None:
                    tally.new += 1
                    details.add(row["id"], writer.write(build).id, new=True)
                else:
                    tally.known += 1
                    writer.complete(found, build)
                    details.add(row["id"], found, new=False)
        details.close()
        copy_benchmarks(connection, writer.redactor)
        copy_alerts(connection, writer.redactor)
        connection.execute("INSERT OR IGNORE INTO pruned_days SELECT * FROM temp.new_days")
        connection.execute("DROP TABLE temp.new_days")
        self.leave_out(pruned)
        return tally


@contextmanager
def read(path: Path, zone: str) -> Iterator[Reading]:
    """What the database at `path` holds, as long as this is open: another history or an older one.

    A history is read from a consistent copy, brought to the present version, so that the file is
    left as it is, whoever writes to it meanwhile. Raises a DatabaseError for one of a newer
    version, ImportFailedError for what is damaged or no history.
    """
    with scratch.folder() as folder:
        copy = folder / "incoming.db"
        try:
            with untouched.connect(path) as source:
                mark = source.execute("PRAGMA application_id").fetchone()[0]
                if mark == schema.APPLICATION_ID:
                    database.version_of(source, path)
                    _copy(source, copy)
                    reading: Reading = OtherHistory("a build history", copy=copy)
                else:
                    reading = older_database.read(source, zone)
        except sqlite3.Error as error:
            raise ImportFailedError(
                f"it cannot be read ({error})", "see whether the file is whole"
            ) from error
        if mark == schema.APPLICATION_ID:
            with database.connect(copy):  # this is what brings it to the present version
                pass
        yield reading


def _copy(source: sqlite3.Connection, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        problem = target.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise ImportFailedError(
            f"it is damaged ({problem})", "see what `buildrec --db FILE doctor` can do"
        )
