"""Reads the rows of a table whose pages are damaged: all but those that nobody can read."""

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence

from recorder.tables import Table
from recorder.upkeep.keys import primary_key

Row = tuple[object, ...]
_BEYOND = 10_000
"""How far past the last key that is known one is looked for, where the end is damaged."""
_LARGEST = 40


class Damaged:
    """One table of a damaged file. Rows may come twice, and one may be made of what is damaged."""

    def __init__(
        self, connection: sqlite3.Connection, table: Table, columns: Sequence[str]
    ) -> None:
        keys = primary_key(table)
        self._connection = connection
        self._key = keys[0]
        # Not by another index, whose rows would be looked up in the same pages.
        self._select = f"SELECT {keys[0]}, {', '.join(columns)} FROM {table.name} NOT INDEXED"
        self._order = {way: ", ".join(f"{key} {way}" for key in keys) for way in ("ASC", "DESC")}
        self._numbered = any(c.name == keys[0] and "INTEGER" in c.sql for c in table.columns)

    def rows(self, names: Iterable[str]) -> Iterator[Row]:
        """Every row that can be read; `names` are keys to try where keys are texts."""
        if self._numbered:
            yield from self._between(0, self._highest())
            return
        for way in ("ASC", "DESC"):
            whole, _ = yield from self._read("", (), way)
            if whole:
                return
        for name in names:
            yield from self._read(f"WHERE {self._key} = ?", (name,), "ASC")

    def _between(self, low: int, high: int) -> Iterator[Row]:
        """The rows of these keys: from below up to the damage, from above down to it, and so on."""
        where = f"WHERE {self._key} BETWEEN ? AND ?"
        whole, below = yield from self._read(where, (low, high), "ASC")
        if whole:
            return
        first = low if below is None else below  # some of its rows may be behind the damage
        whole, above = yield from self._read(where, (first, high), "DESC")
        if whole or low == high:
            return
        low = low if below is None else below + 1
        high = high if above is None else above - 1
        if low <= high:
            middle = (low + high) // 2
            yield from self._between(low, middle)
            yield from self._between(middle + 1, high)

    def _highest(self) -> int:
        """A number that no key is above, or that is well above those that can be seen."""
        known = 0
        for power in range(_LARGEST):
            query = f"{self._select} WHERE {self._key} >= ? ORDER BY {self._key} LIMIT 1"
            try:
                row = self._connection.execute(query, (2**power,)).fetchone()
            except sqlite3.DatabaseError:
                continue
            if row is None:
                break
            known = int(row[0])
        return 2 * known + _BEYOND

    def _read(
        self, where: str, bounds: tuple[object, ...], way: str
    ) -> Generator[Row, None, tuple[bool, int | None]]:
        """Rows until the end or the damage; gives whether that was the end, and the last key."""
        last = None
        try:
            query = f"{self._select} {where} ORDER BY {self._order[way]}"
            for row in self._connection.execute(query, bounds):
                last = row[0]
                yield row[1:]
        except sqlite3.DatabaseError:
            return False, last
        return True, last
