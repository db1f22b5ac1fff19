"""Copies alerts from another history: what was judged and said there of builds that come along."""

import sqlite3

from recorder import redact
from recorder.alert_tables import ALERT_EVENTS, ALERT_MESSAGES, ALERTS, STANDING
from recorder.tables import Table

_SCHEMA = "incoming"
_BUILDS = {
    # By ref, or by the moment where there is none: ids are others in each file.
    "first_build_id": "SELECT b.id FROM main.docker_builds AS b WHERE CASE "
    "WHEN i.first_ref IS NOT NULL THEN b.ref = i.first_ref "
    "ELSE b.image_name = mask(i.image_name) AND b.completed_at = i.first_at END LIMIT 1",
    "last_good_build_id": "SELECT b.id FROM main.docker_builds AS b WHERE b.ref = i.last_good_ref",
}
_IDENTITY = (
    "image_name", "platform", "target", "builder", "cache_class", "size_kind", "metric",
    "step_key", "direction", "first_at",
)  # fmt: skip
# What a person said of it there; who ended it last is told by its events.
_TOLD = (
    "CASE WHEN i.state = 'acknowledged' THEN i.state WHEN i.state = 'resolved' AND "
    f"(SELECT e.rule IS NULL FROM {_SCHEMA}.alert_events AS e WHERE e.alert_id = i.id "
    "AND e.state = 'resolved' ORDER BY e.at DESC, e.id DESC LIMIT 1) THEN i.state END"
)


def copy_alerts(connection: sqlite3.Connection, redactor: redact.Redactor) -> None:
    """Copy the alerts of the attached file that are not here, with what became of them.

    Of one that is here and stands it is taken over that somebody has acknowledged it there, or
    called it mended. Texts are masked again. Call inside a transaction, after the builds.
    """
    connection.create_function("mask", 1, lambda text: redactor.text(str(text)))
    run = connection.execute
    same = " AND ".join(f"m.{name} IS {_masked(name)}" for name in _IDENTITY)
    there = f"{_SCHEMA}.alerts AS i JOIN main.alerts AS m ON {same}"
    run(
        f"CREATE TEMP TABLE known_alerts AS SELECT i.id AS source, m.id AS target, "
        f"{_TOLD} AS told, i.ended_at FROM {there}"
    )
    names = [column.name for column in ALERTS.columns if column.name != "id"]
    values = [f"({_BUILDS[n]})" if n in _BUILDS else _value(ALERTS, n) for n in names]
    run(
        f"INSERT OR IGNORE INTO main.alerts ({', '.join(names)}) SELECT {', '.join(values)} "
        f"FROM {_SCHEMA}.alerts AS i WHERE i.id NOT IN (SELECT source FROM temp.known_alerts) "
        "ORDER BY i.id"
    )
    run(
        "UPDATE main.alerts SET state = k.told, "
        "ended_at = CASE WHEN k.told = 'resolved' THEN k.ended_at ELSE alerts.ended_at END "
        "FROM temp.known_alerts AS k WHERE k.target = alerts.id AND k.told IS NOT NULL "
        f"AND ({STANDING} OR state = 'acknowledged' AND k.told = 'resolved')"
    )
    events = [
        column.name for column in ALERT_EVENTS.columns if column.name not in {"id", "alert_id"}
    ]
    told = ", ".join(f"{_value(ALERT_EVENTS, name, 'e')} AS {name}" for name in events)
    equal = " AND ".join(f"k.{name} IS f.{name}" for name in events)
    run(
        f"INSERT INTO main.alert_events (alert_id, {', '.join(events)}) SELECT f.* FROM ("
        f"SELECT m.id AS target, {told} FROM {there} "
        f"JOIN {_SCHEMA}.alert_events AS e ON e.alert_id = i.id ORDER BY e.id) AS f "
        "WHERE NOT EXISTS (SELECT 1 FROM main.alert_events AS k "
        f"WHERE k.alert_id = f.target AND {equal})"
    )
    sent = [column.name for column in ALERT_MESSAGES.columns]
    run(
        f"INSERT OR IGNORE INTO main.alert_messages ({', '.join(sent)}) "
        f"SELECT {', '.join(_value(ALERT_MESSAGES, name) for name in sent)} "
        f"FROM {_SCHEMA}.alert_messages AS i"
    )
    run("DELETE FROM main.judged_images")
    run("DROP TABLE temp.known_alerts")


def _masked(name: str, table: str = "i") -> str:
    return f"CASE WHEN {table}.{name} IS NOT NULL THEN mask({table}.{name}) END"


def _value(table: Table, name: str, alias: str = "i") -> str:
    sql = next(column.sql for column in table.columns if column.name == name)
    if sql.startswith("TEXT"):
        return _masked(name, alias)
    return f"CAST({alias}.{name} AS {sql.split()[0]})"
