"""What a table, a column and an index are: names, SQL and the sentence that documents them."""

from typing import NamedTuple


class Column(NamedTuple):
    """One column: its name, its SQL type with constraints, and what it holds."""

    name: str
    sql: str
    about: str
    unit: str = ""


class Table(NamedTuple):
    """One table: what a row is, its columns, and what follows them in CREATE TABLE."""

    name: str
    about: str
    columns: tuple[Column, ...]
    constraints: tuple[str, ...] = ()
    suffix: str = ""

    @property
    def create(self) -> str:
        """The CREATE TABLE statement."""
        lines = [f"{column.name} {column.sql}".rstrip() for column in self.columns]
        body = ",\n  ".join([*lines, *self.constraints])
        return f"CREATE TABLE {self.name} (\n  {body}\n){self.suffix}"


class Index(NamedTuple):
    """One index and the question that it answers."""

    name: str
    sql: str
    about: str
