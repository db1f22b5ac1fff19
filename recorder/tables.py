"""What a table, a column and an index are: names, SQL and the sentence that documents them."""

from typing import NamedTuple


class Column(NamedTuple):
    """One column: its name, its SQL type with constraints, what it holds, since which version.

    A `derived` one is the SQL expression that it is made of whenever it is read, and takes no room.
    """

    name: str
    sql: str
    about: str
    unit: str = ""
    since: int = 1
    derived: str = ""

    @property
    def definition(self) -> str:
        """The column as CREATE TABLE has it."""
        made = f"GENERATED ALWAYS AS ({self.derived}) VIRTUAL" if self.derived else ""
        return " ".join(filter(None, [self.name, self.sql, made]))


class Table(NamedTuple):
    """One table: what a row is, its columns, and what follows them in CREATE TABLE."""

    name: str
    about: str
    columns: tuple[Column, ...]
    constraints: tuple[str, ...] = ()
    suffix: str = ""
    since: int = 1

    @property
    def stored(self) -> tuple[str, ...]:
        """The names of the columns that are written; the others are derived from them."""
        return tuple(column.name for column in self.columns if not column.derived)

    def statements(self, version: int) -> list[str]:
        """What brings the table from the version before `version` to it."""
        if self.since > version:
            return []
        if self.since < version:
            new = [column for column in self.columns if column.since == version]
            return [f"ALTER TABLE {self.name} ADD COLUMN {column.definition}" for column in new]
        return [self.created(version)]

    def created(self, version: int) -> str:
        """The statement that makes the table as it is in `version`."""
        first = [column.definition for column in self.columns if column.since <= version]
        body = ",\n  ".join([*first, *self.constraints])
        return f"CREATE TABLE {self.name} (\n  {body}\n){self.suffix}"


class Index(NamedTuple):
    """One index and the question that it answers."""

    name: str
    sql: str
    about: str
    since: int = 1
