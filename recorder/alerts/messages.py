"""What is to be told of alerts: a message for each group that has opened or ended."""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from recorder import harmless, page_links, times
from recorder.database import transaction

State = Literal["open", "resolved"]

_MOST = 10
"""Alerts that a message tells of; the rest it counts."""
# Chat services read these as mentions and links: of everyone, for instance.
_MARKUP = re.compile(r"[@<]")
_JOINER = "\N{WORD JOINER}"

# Each with few rows to look at: those that stand, and those that were told of. An image counts as
# told of if something of it stood in the group when the message went, and its end was not told.
_OPEN = """
SELECT DISTINCT group_key, image_name FROM alerts AS a
WHERE state IN ('open', 'confirmed') AND direction = 'worse' AND NOT EXISTS (
  SELECT 1 FROM alert_messages AS m
  WHERE m.group_key = a.group_key AND m.state = 'open' AND m.channel = ?1 AND NOT EXISTS (
    SELECT 1 FROM alert_messages AS n
    WHERE n.group_key = m.group_key AND n.state = 'resolved' AND n.channel = ?1
  ) AND EXISTS (
    SELECT 1 FROM alerts AS b
    WHERE b.group_key = a.group_key AND b.image_name = a.image_name AND b.direction = 'worse'
      AND m.sent_at >= coalesce((SELECT min(e.at) FROM alert_events AS e
        WHERE e.alert_id = b.id AND e.state IN ('open', 'confirmed')), b.created_at)
  )
)
ORDER BY group_key, image_name
"""
_ENDED = """
SELECT group_key, NULL FROM alert_messages AS m
WHERE state = 'open' AND channel = ?1 AND NOT EXISTS (
  SELECT 1 FROM alert_messages AS n
  WHERE n.group_key = m.group_key AND n.state = 'resolved' AND n.channel = ?1
) AND NOT EXISTS (
  SELECT 1 FROM alerts AS a WHERE a.group_key = m.group_key
    AND a.state NOT IN ('resolved', 'withdrawn')
) AND EXISTS (SELECT 1 FROM alerts AS a WHERE a.group_key = m.group_key)
ORDER BY group_key
"""
_OF_GROUP = """
SELECT image_name, sentence, state, (
  SELECT CASE WHEN e.rule IS NOT NULL AND e.state = 'resolved' THEN e.note END
  FROM alert_events AS e WHERE e.alert_id = alerts.id ORDER BY e.id DESC LIMIT 1
) FROM alerts
WHERE group_key = ? AND direction = 'worse' AND (? = 'resolved' OR state IN ('open', 'confirmed'))
ORDER BY metric = 'step', id
"""


@dataclass(frozen=True)
class Message:
    """What is told of one group of alerts: a title, and lines of text.

    `marks` are the states and times of what was told of the group before.
    """

    group_key: str
    state: State
    title: str
    body: str
    marks: tuple[tuple[str, str], ...] = ()


def claim(
    connection: sqlite3.Connection, channel: str, pages: str | None = None
) -> list[Message]:  # fmt: skip
    """The messages that a channel has not had, marked as sent, so that nobody sends them, too.

    A group is told of once, and again where another image joins it or it opens anew after its end
    was told. `channel` is the mark of an address, `pages` the address of a publication to link to.
    """
    now = times.utc_text(times.now())
    found: list[Message] = []
    states: tuple[tuple[State, str], ...] = (("open", _OPEN), ("resolved", _ENDED))
    with transaction(connection):
        for state, query in states:
            untold: dict[str, set[str | None]] = defaultdict(set)
            for group, image_name in connection.execute(query, (channel,)).fetchall():
                untold[group].add(image_name)
            for group, images in untold.items():
                rows = [
                    row
                    for row in connection.execute(_OF_GROUP, (group, state))
                    if state == "resolved" or row[0] in images
                ]
                if rows:
                    marks = _marks(connection, channel, group)
                    found.append(_message(group, state, rows, pages, marks))
                    kept = marks if state == "resolved" else ()
                    _mark(connection, channel, group, (*kept, (state, now)))
    return found


def release(connection: sqlite3.Connection, channel: str, messages: Sequence[Message]) -> None:
    """Take the marks of messages back that did not go out, so that the next run sends them."""
    with suppress(sqlite3.OperationalError), transaction(connection):
        for message in messages:
            _mark(connection, channel, message.group_key, message.marks)


def _marks(
    connection: sqlite3.Connection, channel: str, group: str
) -> tuple[tuple[str, str], ...]:  # fmt: skip
    query = "SELECT state, sent_at FROM alert_messages WHERE group_key = ? AND channel = ?"
    return tuple(connection.execute(query, (group, channel)))


def _mark(
    connection: sqlite3.Connection, channel: str, group: str, marks: Iterable[tuple[str, str]]
) -> None:
    """Let these marks be those of a group and a channel."""
    connection.execute(
        "DELETE FROM alert_messages WHERE group_key = ? AND channel = ?", (group, channel)
    )
    connection.executemany(
        "INSERT INTO alert_messages (group_key, state, channel, sent_at) VALUES (?, ?, ?, ?)",
        [(group, state, channel, sent_at) for state, sent_at in marks],
    )


def _message(
    group: str,
    state: State,
    rows: Sequence[Sequence[str]],
    pages: str | None,
    marks: tuple[tuple[str, str], ...],
) -> Message:
    images = list(dict.fromkeys(row[0] for row in rows))
    names = ", ".join(map(_plain, images[:3])) + (" and others" if len(images) > 3 else "")
    if state == "open":
        title = f"{names} got worse"
    elif all(row[2] == "withdrawn" for row in rows):
        title = f"{names}: no regression after all"
    elif reason := next((row[3] for row in rows if row[3]), None):
        title = f"{names}: over, as {reason}"  # which is not back to what was usual
    else:
        title = f"{names}: back to what was usual"
    was = "" if state == "open" else "over: "
    lines = [f"{was}{_plain(row[1])}" for row in rows[:_MOST]]
    if len(rows) > _MOST:
        lines.append(f"and {len(rows) - _MOST} more")
    if pages:
        lines += [page_links.of_image(pages, name) for name in images[:3]]
    return Message(group, state, title, "\n".join(lines), marks)


def _plain(text: str) -> str:
    return _MARKUP.sub(rf"\g<0>{_JOINER}", harmless.line(text))
