"""The schema is its own documentation, and every way to it leads to the same one."""

import sqlite3
from contextlib import closing

import pytest

from recorder import database, migrations, schema, views


def objects(path):
    """What the file's schema holds: its SQL, by type and name."""
    with closing(sqlite3.connect(path)) as plain:
        return {
            (kind, name): sql
            for kind, name, sql in plain.execute("SELECT type, name, sql FROM sqlite_master")
        }


def columns(path, table):
    with closing(sqlite3.connect(path)) as plain:
        return [row[1] for row in plain.execute(f"PRAGMA table_xinfo({table})")]


def pragma(path, name):
    with closing(sqlite3.connect(path)) as plain:
        return plain.execute(f"PRAGMA {name}").fetchone()[0]


def test_every_table_and_column_and_no_other_has_a_description(database_path):
    described = {table.name: table for table in schema.TABLES}
    # What sqlite-utils keeps of the migrations is its own.
    tables = {name for kind, name in objects(database_path) if kind == "table"}
    assert tables - {"_sqlite_migrations", "sqlite_sequence"} == described.keys()
    for name, table in described.items():
        assert table.about.endswith("."), name
        assert [column.name for column in table.columns] == columns(database_path, name)
        for column in table.columns:
            assert column.about.endswith("."), (name, column.name)


def test_every_view_and_index_has_a_description(database_path):
    found = objects(database_path)
    assert {name for kind, name in found if kind == "view"} == views.VIEWS.keys()
    assert views.VIEW_ABOUT.keys() == views.VIEWS.keys()
    own = {name for (kind, name), sql in found.items() if kind == "index" and sql}
    assert own - {"idx__sqlite_migrations_migration_set_name"} == {i.name for i in schema.INDEXES}
    for text in [*views.VIEW_ABOUT.values(), *(index.about for index in schema.INDEXES)]:
        assert text.endswith(".")


def test_the_file_says_whose_it_is_and_which_version(database_path):
    assert pragma(database_path, "application_id") == schema.APPLICATION_ID
    assert schema.APPLICATION_ID.to_bytes(4, "big") == b"brec"
    assert pragma(database_path, "user_version") == schema.VERSION
    assert pragma(database_path, "journal_mode") == "wal"


@pytest.mark.parametrize("content", [b"", None, "pragmas"])
def test_a_blank_file_of_any_kind_gets_the_same_schema(tmp_path, database_path, content):
    path = tmp_path / "other.db"
    if content == b"":
        path.write_bytes(content)
    elif content:
        with closing(sqlite3.connect(path)) as plain:
            plain.execute("PRAGMA user_version = 1")
            plain.execute("VACUUM")
    with database.connect(path):
        pass
    assert objects(path) == objects(database_path)
    assert pragma(path, "user_version") == schema.VERSION
    assert pragma(path, "application_id") == schema.APPLICATION_ID


def test_an_upgraded_file_has_the_schema_of_a_blank_one_and_keeps_its_rows(tmp_path, database_path):
    path = tmp_path / "older.db"
    with database.connect(path) as connection:
        connection.execute("INSERT INTO step_names (step_key, name, kind) VALUES ('k', 'n', 'run')")
        connection.execute("DROP VIEW steps")
        connection.execute("PRAGMA user_version = 0")
    with database.connect(path) as connection:
        assert connection.execute("SELECT name FROM step_names").fetchall() == [("n",)]
    assert objects(path) == objects(database_path)
    assert pragma(path, "user_version") == schema.VERSION


def test_upgrading_again_changes_nothing(database_path):
    before = objects(database_path)
    with database.connect(database_path) as connection, database.transaction(connection):
        migrations.upgrade(connection)
    assert objects(database_path) == before
