"""Brings a database file to the present schema; the only module that changes tables."""

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from recorder import days, schema, views

if TYPE_CHECKING:
    from sqlite_utils import Migrations


def upgrade(connection: sqlite3.Connection) -> None:
    """Apply what is missing, in the transaction that `connection` has open.

    The caller begins an immediate transaction, so that of many first users one makes the tables
    and the others find them. Takes about 100 ms, for sqlite-utils; `database.connect` calls it only
    when the file's version is not the present one.
    """
    from sqlite_utils import Database

    database = Database(connection, execute_plugins=False)
    _migrations().apply(database)
    for statement in views.create_statements():
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {schema.VERSION}")


def _migrations() -> "Migrations":
    from sqlite_utils import Migrations

    migrations = Migrations("buildrec")

    @migrations(name="1_tables")
    def tables(database) -> None:  # type: ignore[no-untyped-def]
        for statement in schema.statements(1):
            database.conn.execute(statement)

    @migrations(name="2_days")
    def day_totals(database) -> None:  # type: ignore[no-untyped-def]
        for statement in schema.statements(2):
            database.conn.execute(statement)
        days.rebuild(database.conn)
        database.conn.execute("DROP VIEW IF EXISTS layers")  # build_layers; a query has its name

    @migrations(name="3_alerts_inputs_benchmarks")
    def alerts_inputs_benchmarks(database) -> None:  # type: ignore[no-untyped-def]
        for statement in schema.statements(3):
            database.conn.execute(statement)

    @migrations(name="4_derived_columns")
    def derived_columns(database) -> None:  # type: ignore[no-untyped-def]
        if database.conn.execute("PRAGMA foreign_keys").fetchone()[0]:
            raise RuntimeError("foreign keys must not be enforced while tables are rebuilt")
        added = _of_others(database.conn)
        for statement in schema.statements(4):
            database.conn.execute(statement)
        for statement in added:
            # One that names a column that is gone goes with it.
            with contextlib.suppress(sqlite3.OperationalError):
                database.conn.execute(statement)

    return migrations


def _of_others(connection: sqlite3.Connection) -> list[str]:
    """The indexes and triggers that people have added to tables that are rebuilt."""
    ours = {index.name for index in schema.INDEXES}
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') "
        "AND tbl_name IN ('docker_builds', 'build_steps') AND sql IS NOT NULL"
    )
    return [sql for name, sql in rows if name not in ours]
