"""Tables whose stored columns have changed: what they were, and how their rows come over."""

from collections.abc import Sequence

from recorder.derived_columns import COMPLETED_AT
from recorder.tables import Index, Table

SINCE = 4
"""The version that rebuilt them."""

_ERROR = ("error", "TEXT", "Why the step failed.")
_WERE = {"source": "TEXT NOT NULL"}

# Between the two ends of a build, each cut to its millisecond, lies its duration, which is known to
# the microsecond: so many microseconds must be added to its end for its start to stay as it is.
_BEYOND = (
    "(CAST(strftime('%s', substr(started_at, 1, 19)) AS INTEGER) "
    "- CAST(strftime('%s', substr(completed_at, 1, 19)) AS INTEGER)) * 1000000 "
    "+ (substr(started_at, 21, 3) - substr(completed_at, 21, 3)) * 1000 "
    "+ CAST(round(build_duration * 1e6) AS INTEGER)"
)
_STAMP = (
    f"CASE WHEN {COMPLETED_AT.derived} IS NOT completed_at "
    "THEN replace(completed_at, 'Z', '+00:00') "
    "WHEN substr(build_timestamp, 20, 5) GLOB '.[0-9][0-9][0-9][+-]' "
    f"AND {_BEYOND} BETWEEN 1 AND 999 "
    f"THEN substr(build_timestamp, 1, 23) || substr('00' || ({_BEYOND}), -3) "
    "|| substr(build_timestamp, 24) ELSE build_timestamp END"
)
TAKEN_OVER = {
    "docker_builds": {
        "build_timestamp": _STAMP,
        "canceled": "status = 'canceled'",
        "saved_us": "CAST(round(saved_seconds * 1e6) AS INTEGER)",
        "critical_path_us": "CAST(round(critical_path_seconds * 1e6) AS INTEGER)",
    },
    "build_steps": {
        "marks": "iif(cached, iif(critical, 2, 0), iif(critical, 1, 3)) + iif(shared, 4, 0)",
    },
}
"""What a column is made of where it is not the one of the same name before."""

_ERRORS = (
    "INSERT INTO step_errors (build_id, position, error) "
    "SELECT build_id, position, error FROM build_steps WHERE error IS NOT NULL"
)
_STAMPS = (
    "UPDATE build_statistics AS s SET last_build_timestamp = ifnull(("
    "SELECT build_timestamp FROM docker_builds AS b WHERE b.image_name = s.image_name "
    "ORDER BY completed_at DESC, id DESC LIMIT 1), last_build_timestamp)"
)


def before(table: Table) -> Table:
    """The table as it was before it was rebuilt."""
    columns = [
        column._replace(sql=_WERE.get(column.name, column.sql), derived="")
        for column in table.columns
        if column.since < SINCE
    ]
    if table.name == "build_steps":
        columns.append(type(columns[0])(*_ERROR))
    return table._replace(columns=tuple(columns))


def statements(tables: Sequence[Table], indexes: Sequence[Index]) -> list[str]:
    """The statements that rebuild the tables with their rows and indexes.

    Foreign keys must not be enforced meanwhile, or the rows of other tables would go, too.
    """
    # Views and references mean the table by its name, which it has again at the end.
    made = ["PRAGMA legacy_alter_table = ON", _ERRORS]
    for table in tables:
        made += [
            table._replace(name=f"rebuilt_{table.name}").created(SINCE),
            copied(table),
            f"DROP TABLE {table.name}",
            f"ALTER TABLE rebuilt_{table.name} RENAME TO {table.name}",
        ]
    made += [i.sql for i in indexes if i.since < SINCE and " ON docker_builds " in i.sql]
    return [*made, _STAMPS, "PRAGMA legacy_alter_table = OFF"]


def copied(table: Table) -> str:
    """The statement that copies the rows of the table before it was rebuilt, in their order."""
    taken = [TAKEN_OVER[table.name].get(name, name) for name in table.stored]
    key = "id" if table.name == "docker_builds" else "build_id, position"
    return (
        f"INSERT INTO rebuilt_{table.name} ({', '.join(table.stored)}) "
        f"SELECT {', '.join(taken)} FROM {table.name} ORDER BY {key}"
    )
