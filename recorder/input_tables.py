"""The tables of what went into a build: bases, arguments, files, and how its steps depend."""

from recorder.tables import Index, Table

INPUT_TABLES: tuple[Table, ...] = ()

INPUT_INDEXES: tuple[Index, ...] = ()
