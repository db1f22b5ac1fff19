"""Tells which builds a history holds already: by their ref, or else by their content."""

import sqlite3

from recorder import redact, times
from recorder.errors import BadValueError
from recorder.model import Build

_CONTENT = "image_name = ? AND completed_at = ? AND build_duration = ?"
_CLOCKS = 1.0
"""Seconds by which two records of one build may differ."""


class Pruned(Exception):  # noqa: N818 - no error: the build was here, and was removed on purpose
    """The build is of a day whose builds were pruned, and is counted there."""


class Known:
    """The builds that a history holds, asked for one after another inside one transaction.

    Equal builds without a ref are as many as there are: each that is found is taken off.
    """

    def __init__(self, connection: sqlite3.Connection, redactor: redact.Redactor) -> None:
        self._connection = connection
        self._redactor = redactor
        self._held: dict[tuple[str, str, float], list[int]] = {}
        self._pruned = set(connection.execute("SELECT image_name, day FROM pruned_days"))
        self._all_have_refs, self._last = connection.execute(
            "SELECT NOT EXISTS (SELECT 1 FROM docker_builds WHERE ref IS NULL), max(id) "
            "FROM docker_builds"
        ).fetchone()

    def find(self, build: Build) -> int | None:
        """The id of the row of `build`; None when it is new.

        Raises BadValueError when its ref is that of another build, Pruned when it was here.
        """
        if build.ref is not None:
            row = self._connection.execute(
                "SELECT id, completed_at FROM docker_builds WHERE ref = ?", (build.ref,)
            ).fetchone()
            if row:
                self.compare(build, row[1])
                return int(row[0])
        return self.find_content(build)

    def compare(self, build: Build, completed_at: str) -> None:
        """Raise BadValueError when the build with the same ref, of that time, is another one."""
        known = times.parse(completed_at)
        if abs((build.completed_at - known).total_seconds()) > _CLOCKS:
            raise BadValueError(
                f"the ref {build.ref} is that of a build that finished at {completed_at}",
                "see which of the two is right",
            )

    def find_content(self, build: Build) -> int | None:
        """The same for a build whose ref, if it has one, is new."""
        if build.ref is not None and self._all_have_refs and not self._pruned:
            return None
        finished = times.utc_text(build.completed_at)
        key = (self._redactor.text(build.image_name), finished, build.build_duration)
        if build.ref is None or not self._all_have_refs:
            if key not in self._held:
                self._held[key] = self._of_content(key)
            held = self._held[key]
            wanted = [n for n in held if build.ref is None or self._lacks_ref(n)]
            if wanted:
                held.remove(wanted[0])
                return wanted[0]
        if self._pruned and (key[0], finished[:10]) in self._pruned:
            raise Pruned
        return None

    def _of_content(self, key: tuple[str, str, float]) -> list[int]:
        """Ids of the rows, those without a ref first, that were here before."""
        query = (
            f"SELECT id FROM docker_builds WHERE {_CONTENT} AND id <= ? "
            "ORDER BY ref IS NOT NULL, id"
        )
        return [row[0] for row in self._connection.execute(query, (*key, self._last or 0))]

    def _lacks_ref(self, number: int) -> bool:
        query = "SELECT ref IS NULL FROM docker_builds WHERE id = ?"
        return bool(self._connection.execute(query, (number,)).fetchone()[0])
