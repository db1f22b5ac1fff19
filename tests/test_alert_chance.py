"""Whatever is recorded, judged, said and pruned in whatever order, the alerts hold together."""

import random
import sqlite3

import pytest
from alerts_help import KEY, build

from recorder import database, store
from recorder.alerts import people
from recorder.alerts.full_pass import judge_all

_IMAGES = ("a", "b", "c", "d")
_STANDING = "SELECT id FROM alerts WHERE state IN ('warning', 'open', 'confirmed')"
_TWICE = (
    "SELECT image_name FROM alerts WHERE state IN ('warning', 'open', 'confirmed') "
    "GROUP BY image_name, metric, direction, cache_class, size_kind, step_key HAVING count(*) > 1"
)


def judged_anew(connection: sqlite3.Connection) -> int:
    """Judge all images again, also those that were judged; gives how many alerts changed."""
    connection.execute("DELETE FROM judged_images")
    return judge_all(connection)


class Chance:
    """Does one thing after the other to a history, as chance has it."""

    def __init__(self, connection: sqlite3.Connection, seed: int) -> None:
        self.connection = connection
        self._random = random.Random(seed)
        self._level = 100.0
        self._count = 0

    def act(self) -> None:
        """Record builds, look at all of them, or let a person say something."""
        what = self._random.random()
        if what < 0.8:
            self._build()
        elif what < 0.9:
            judge_all(self.connection)
            assert judged_anew(self.connection) == 0
        else:
            self._say()
            if self._random.random() < 0.3 and self._count > 10:
                last = self._random.randrange(2, self._count // 2 + 2)
                store.delete(self.connection, range(1, last), keep_days=True)

    def _build(self) -> None:
        """Some builds, of which the level may change, on a builder that has slow days."""
        if self._random.random() < 0.08:
            self._level = self._random.choice((60.0, 80.0, 100.0, 120.0, 140.0, 200.0))
        seconds = self._level * self._random.gauss(1, self._random.choice((0.01, 0.03, 0.08)))
        if self._random.random() < 0.05:
            seconds *= self._random.uniform(1.4, 3)
        if self._count // 24 % 3 == 2:
            seconds *= 1.3
        builds = []
        for _ in range(self._random.choice((1, 1, 1, 1, 3, 6))):
            took = seconds * self._random.gauss(1, 0.02)
            name = self._random.choice(_IMAGES)
            builds.append(build(self._count, took, image=name, builder="one"))
            self._count += 1
        judged = self._random.random() < 0.7
        store.record_all(self.connection, builds, KEY, judged=judged)

    def _say(self) -> None:
        standing = [row[0] for row in self.connection.execute(_STANDING)]
        if standing:
            say = self._random.choice((people.acknowledge, people.resolve))
            say(self.connection, [self._random.choice(standing)])


@pytest.mark.parametrize("seed", [*range(30, 90), 280, 342, 509, 543, 570, 616, 692])
def test_alerts_are_judged_alike_twice_and_one_of_a_kind_stands(database_path, seed):
    with database.connect(database_path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        chance = Chance(connection, seed)
        for _ in range(60):
            chance.act()
        judge_all(connection)
        assert judged_anew(connection) == 0
        assert connection.execute(_TWICE).fetchall() == []
