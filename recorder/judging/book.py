"""The rows of alerts: reads those of an image, writes what a judgement changes of them."""

import json
import sqlite3
from typing import Any, NamedTuple

from recorder import times
from recorder.alert_tables import STANDING
from recorder.errors import BuildNotFoundError
from recorder.judging import sentences
from recorder.judging.finding import Finding
from recorder.judging.limits import LIMITS
from recorder.judging.series import Series

STANDS = frozenset({"warning", "open", "confirmed"})
"""States of alerts that stand."""
LASTS = frozenset({"open", "confirmed", "acknowledged"})
"""States in which the level after the change is the level that is."""

_REPLACED = "a later change took its place"

_READ = (
    "SELECT id, image_name, platform, target, builder, metric, cache_class, size_kind, step_key, "
    "direction, state, first_at, ended_at, group_key, sentence, rule, "
    "before_value, after_value, spread, "
    "EXISTS (SELECT 1 FROM alert_events AS e WHERE e.alert_id = alerts.id AND e.rule IS NULL) "
    "FROM alerts WHERE image_name = ? AND "
)


class Alert(NamedTuple):
    """What a judgement needs to know of an alert's row.

    `before`, `after` and `spread` are in the metric's own unit; `spoken` is whether a person said
    anything of it: that it is known, or mended.
    """

    id: int
    series: Series
    direction: str
    state: str
    first_at: str
    ended_at: str | None
    group_key: str
    sentence: str
    rule: str
    before: float
    after: float
    spread: float
    spoken: bool = False


class Book:
    """The alerts of one image, read once; each change is written with its event.

    Everything happens inside the caller's transaction.
    """

    def __init__(self, connection: sqlite3.Connection, image_name: str, since: str = "") -> None:
        """`since` leaves out what began earlier and does not stand."""
        self._connection = connection
        self._now = times.utc_text(times.now())
        rows = connection.execute(
            f"{_READ} {STANDING} UNION {_READ} first_at >= ? ORDER BY id",
            (image_name, image_name, since),
        ).fetchall()
        self.alerts = [_read(row) for row in rows]
        self.changed = 0

    def of(self, series: Series) -> list[Alert]:
        """The alerts of one series, oldest first."""
        return [alert for alert in self.alerts if alert.series == series]

    def current(self, alert: Alert) -> Alert:
        """The alert as it is by now."""
        return next(found for found in self.alerts if found.id == alert.id)

    def add(self, finding: Finding) -> None:
        """Write a new alert; one that stands of the same series and direction gives way."""
        if finding.state in STANDS:
            self.make_way(finding)
        values = self._values(finding) | {"created_at": self._now, "updated_at": self._now}
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        cursor = self._connection.execute(
            f"INSERT INTO alerts ({names}) VALUES ({marks})", tuple(values.values())
        )
        number = int(cursor.lastrowid or 0)
        self._event(number, finding.state, finding.rule, _note(finding))
        self.alerts.append(_alert(number, finding, values))

    def make_way(self, finding: Finding, but: Alert | None = None) -> None:
        """Let what stands of the finding's series and direction end where the finding begins."""
        for other in self.of(finding.series):
            if but and other.id == but.id:
                continue
            if other.direction == finding.direction and other.state in STANDS:
                state = "withdrawn" if other.state == "warning" else "resolved"
                self.move(other, state, finding.rule, _REPLACED, finding.first.completed_at)

    def update(self, alert: Alert, finding: Finding) -> None:
        """Bring an alert to what was found since; nothing is written where nothing differs."""
        values = self._values(finding) | {"group_key": alert.group_key}
        names = list(values)
        old = self._connection.execute(
            f"SELECT {', '.join(names)} FROM alerts WHERE id = ?", (alert.id,)
        ).fetchone()
        if tuple(old) == tuple(values.values()):
            return
        settings = ", ".join(f"{name} = ?" for name in names)
        self._connection.execute(
            f"UPDATE alerts SET {settings}, updated_at = ? WHERE id = ?",
            (*values.values(), self._now, alert.id),
        )
        if values["state"] != alert.state:
            self._event(alert.id, values["state"], finding.rule, _note(finding))
        self._put(_alert(alert.id, finding, values)._replace(spoken=alert.spoken))

    def move(
        self,
        alert: Alert,
        state: str,
        rule: str,
        note: str | None = None,
        ended_at: str | None = None,
    ) -> None:
        """Change an alert's state, as a rule finds it."""
        self._connection.execute(
            "UPDATE alerts SET state = ?, ended_at = coalesce(?, ended_at), updated_at = ? "
            "WHERE id = ?",
            (state, ended_at, self._now, alert.id),
        )
        self._event(alert.id, state, rule, note)
        self._put(alert._replace(state=state, ended_at=ended_at or alert.ended_at))

    def _event(self, number: int, state: str, rule: str, note: str | None) -> None:
        self._connection.execute(
            "INSERT INTO alert_events (alert_id, at, state, rule, note) VALUES (?, ?, ?, ?, ?)",
            (number, self._now, state, rule, note),
        )
        self.changed += 1

    def _put(self, fresh: Alert) -> None:
        places = {alert.id: place for place, alert in enumerate(self.alerts)}
        self.alerts[places[fresh.id]] = fresh

    def _values(self, finding: Finding) -> dict[str, Any]:
        series, first, last = finding.series, finding.first, finding.last_good
        guilt = finding.guilt
        step_name = self._name(series.step_key)
        guilty_name = self._name(guilt.step_key if guilt else None)
        return series._asdict() | {
            "step_name": step_name,
            "direction": finding.direction,
            "state": finding.state,
            "first_build_id": first.id,
            "first_ref": first.ref,
            "first_at": first.completed_at,
            "git_commit": first.git_commit,
            "ended_at": finding.ended_at,
            "last_good_build_id": last and last.id,
            "last_good_ref": last and last.ref,
            "last_good_commit": last and last.git_commit,
            "before_value": finding.before,
            "after_value": finding.after,
            "before_count": finding.before_count,
            "after_count": finding.after_count,
            "spread": finding.spread,
            "guilty_step_key": guilt and guilt.step_key,
            "guilty_step_name": guilty_name,
            "guilty_seconds": guilt and guilt.seconds,
            "rule": finding.rule,
            "parameters": json.dumps(LIMITS[series.metric]._asdict()),
            "sentence": sentences.of(finding, step_name, guilty_name, self._layer(finding)),
            "group_key": self._group(finding),
        }

    def _group(self, finding: Finding) -> str:
        """What alerts of one cause share: the commit, else the build, and the direction.

        Without a commit an alert joins one that stands and began within the last few builds of its
        own: rules may date one change differently.
        """
        first, last = finding.first, finding.last_good
        if first.git_commit:
            return f"{first.git_commit} {finding.direction}"
        for other in self.alerts:
            if (
                other.direction == finding.direction
                and other.state in STANDS
                and last
                and last.completed_at < other.first_at <= first.completed_at
            ):
                return other.group_key
        name = first.ref or f"{finding.series.image_name} {first.completed_at}"
        return f"{name} {finding.direction}"

    def _layer(self, finding: Finding) -> str | None:
        """The layer that makes most of a change of size, in a clause; None where none is known."""
        first, last = finding.first, finding.last_good
        if finding.series.metric != "size" or not last:
            return None
        # Deferred, as a record without an alert needs none of it.
        from recorder.explain import reference, sizes
        from recorder.explain.sentences import size_clause

        try:
            builds = [reference.read(self._connection, number) for number in (last.id, first.id)]
        except BuildNotFoundError:  # removed meanwhile
            return None
        compared = sizes.compare(*builds)
        parts = compared.parts if compared else ()
        return size_clause(parts[0]) if parts and parts[0].kind != "unaccounted" else None

    def _name(self, step_key: str | None) -> str | None:
        if step_key is None:
            return None
        row = self._connection.execute(
            "SELECT coalesce(instruction, name) FROM step_names WHERE step_key = ? "
            "ORDER BY id DESC LIMIT 1",
            (step_key,),
        ).fetchone()
        return str(row[0]) if row else None


def _note(finding: Finding) -> str | None:
    return _REPLACED if finding.replaced else None


def _read(row: tuple[Any, ...]) -> Alert:
    direction, state, first, ended, group, sentence, rule, before, after, spread, spoken = row[9:]
    return Alert(
        row[0], Series(*row[1:9]), direction, state, first, ended, group, sentence, rule,
        before, after, spread or 0.0, bool(spoken),
    )  # fmt: skip


def _alert(number: int, finding: Finding, values: dict[str, Any]) -> Alert:
    return Alert(
        number,
        finding.series,
        finding.direction,
        values["state"],
        finding.first.completed_at,
        finding.ended_at,
        values["group_key"],
        values["sentence"],
        finding.rule,
        finding.before,
        finding.after,
        finding.spread,
    )
