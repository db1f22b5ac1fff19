"""Alerts travel with the builds that they are about."""

import pytest
from alerts_help import noisy, record_series, rows

from recorder import database
from recorder.alerts import people
from recorder.alerts.full_pass import judge_all
from recorder.imports import files
from recorder.upkeep import doctor

WHAT = "metric, direction, state, first_ref, sentence"


@pytest.fixture
def other(tmp_path):
    """Another history, with a regression that was acknowledged."""
    path = tmp_path / "other.db"
    record_series(path, [*noisy(20), *noisy(6, 140, seed=2)])
    with database.connect(path) as connection:
        judge_all(connection)
        people.acknowledge(connection, [1], "we know")
    return path


def take_in(path, source):
    with database.connect(path):
        pass
    return files.take_in(path, source, "UTC")


def test_alerts_come_along_with_what_was_said_of_them(database_path, other):
    record_series(database_path, noisy(4), image="web")  # ids differ
    take_in(database_path, other)
    assert rows(database_path, WHAT) == rows(other, WHAT)
    assert rows(database_path, "first_build_id, last_good_build_id") == [(25, 24)]
    with database.connect(database_path) as connection:
        notes = connection.execute(
            "SELECT note FROM alert_events WHERE note IS NOT NULL"
        ).fetchall()
        assert judge_all(connection) == 0
    assert notes == [("we know",)]


def test_twice_adds_nothing(database_path, other):
    take_in(database_path, other)
    before = rows(database_path, "*")
    take_in(database_path, other)
    assert rows(database_path, "*") == before
    with database.connect(database_path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM alert_events").fetchone()
    with database.connect(other) as connection:
        assert connection.execute("SELECT count(*) FROM alert_events").fetchone() == (count,)


def test_an_acknowledgement_there_quiets_the_same_alert_here(database_path, other):
    record_series(database_path, [*noisy(20), *noisy(6, 140, seed=2)])
    assert [row[2] for row in rows(database_path, WHAT)] == ["open"]
    take_in(database_path, other)
    assert [row[2] for row in rows(database_path, WHAT)] == ["acknowledged"]


@pytest.mark.parametrize("acknowledged", [False, True])
def test_what_was_called_mended_there_is_so_here(database_path, tmp_path, acknowledged):
    other = tmp_path / "other.db"
    for path in (database_path, other):
        record_series(path, [*noisy(20), *noisy(6, 140, seed=2)])
    with database.connect(database_path) as connection:
        if acknowledged:
            people.acknowledge(connection, [1])
    with database.connect(other) as connection:
        people.resolve(connection, [1], "mended")
    take_in(database_path, other)
    take_in(other, database_path)
    for path in (database_path, other):
        with database.connect(path) as connection:
            judge_all(connection)
        assert [row[2] for row in rows(path, WHAT)] == ["resolved"]
    assert rows(database_path, "ended_at") == rows(other, "ended_at")


def test_secrets_in_alerts_of_another_file_are_masked(database_path, other):
    token = "ghp_" + "a1B2" * 9
    with database.connect(other) as connection:
        connection.execute("UPDATE alerts SET sentence = ?, step_name = ?", (token, token))
        connection.execute("UPDATE alert_events SET note = ?", (token,))
        connection.execute("INSERT INTO alert_messages VALUES ('g', 'open', ?, '2026')", (token,))
    take_in(database_path, other)
    with database.connect(database_path) as connection:
        dump = "\n".join(connection.iterdump())
    assert "masked" in dump
    assert token not in dump


def test_the_doctor_finds_nothing_wrong_with_alerts(database_path, other):
    take_in(database_path, other)
    with database.connect(database_path) as connection:
        connection.execute("DELETE FROM docker_builds WHERE id = 21")
    found = [f for _, findings in doctor.examine(database_path, secrets_too=True) for f in findings]
    assert [f for f in found if f.check in ("references", "integrity", "secrets")] == []
