"""Brings a database file to the present schema; the only module that changes tables."""

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

    return migrations
