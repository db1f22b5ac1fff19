"""Which columns name a row of a table."""

from recorder.tables import Table


def primary_key(table: Table) -> list[str]:
    """The columns of the table's primary key, in its order."""
    for constraint in table.constraints:
        if constraint.startswith("PRIMARY KEY"):
            return [name.strip() for name in constraint.partition("(")[2].rstrip(")").split(",")]
    return [next(c.name for c in table.columns if "PRIMARY KEY" in c.sql)]
