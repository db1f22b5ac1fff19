"""What a table, a column and an index are: names, SQL and the sentence that documents them."""

from typing import NamedTuple


class Column(NamedTuple):
    """One column: its name, its SQL type with constraints, what it holds, since which version."""

    name: str
    sql: str
    about: str
    unit: str = ""
    since: int = 1


class Table(NamedTuple):
    """One table: what a row is, its columns, and what follows them in CREATE TABLE."""

    name: str
    about: str
    columns: tuple[Column, ...]
    constraints: tuple[str, ...] = ()
    suffix: str = ""
    since: int = 1

    def statements(self, version: int) -> list[str]:
        """What brings the table from the version before `version` to it."""
        if self.since > version:
            return []
        new = [column for column in self.columns if column.since == version]
        if self.since < version:
            add = f"ALTER TABLE {self.name} ADD COLUMN"
            return [f"{add} {column.name} {column.sql}" for column in new]
        first = [column for column in self.columns if column.since <= version]
        lines = [f"{column.name} {column.sql}".rstrip() for column in first]
        body = ",\n  ".join([*lines, *self.constraints])
        return [f"CREATE TABLE {self.name} (\n  {body}\n){self.suffix}"]


class Index(NamedTuple):
    """One index and the question that it answers."""

    name: str
    sql: str
    about: str
    since: int = 1
