"""Writes what went into builds, each distinct part once, and reads it back."""

import hashlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence

from recorder import input_texts, masking, redact
from recorder.input_texts import KINDS
from recorder.model import NOTHING_KNOWN, Build, Inputs, Step

COLUMNS = tuple(f"{kind}_id" for kind in KINDS)
"""The columns of `build_inputs` that refer to parts, in the order of their kinds."""
_KEEP = f"""
INSERT INTO build_inputs (build_id, {", ".join(COLUMNS)}) VALUES (?, {", ".join("?" * len(KINDS))})
ON CONFLICT (build_id) DO UPDATE SET
  {", ".join(f"{column} = ifnull({column}, excluded.{column})" for column in COLUMNS)}
"""
# A part and, one after the other, those that it is told by.
_CHAIN = """
WITH RECURSIVE chain (base_id, content, depth) AS (
  SELECT base_id, content, 0 FROM {0}.input_parts WHERE id = ?
  UNION ALL
  SELECT p.base_id, p.content, c.depth + 1
  FROM chain AS c CROSS JOIN {0}.input_parts AS p ON p.id = c.base_id
  WHERE c.depth < 1000)
SELECT base_id, content FROM chain ORDER BY depth
"""
_LATEST_FILES = """
SELECT i.files_id FROM (
  SELECT id FROM docker_builds WHERE image_name = ? ORDER BY completed_at DESC LIMIT ?) AS l
JOIN build_inputs AS i ON i.build_id = l.id
WHERE i.files_id IS NOT NULL
LIMIT 1
"""
# How many of the latest builds of an image are looked at for files that are nearly the same.
_LOOK_BACK = 20
# A difference that is larger than this share of the whole is not worth a look at two rows.
_WORTH_IT = 0.5
# How many differences may lead to a whole: each build that changes a file adds one.
_LONGEST_CHAIN = 50


class InputWriter:
    """Writes the inputs of builds inside one transaction; remembers parts between them."""

    def __init__(self, connection: sqlite3.Connection, redactor: redact.Redactor) -> None:
        self._connection = connection
        self._redactor = redactor
        self._known: dict[tuple[str, str], int] = {}

    def write(self, number: int, build: Build) -> None:
        """Write what is known of the inputs of the build of row `number`, and is not there yet."""
        if build.inputs is NOTHING_KNOWN:
            return
        texts = input_texts.texts(build.inputs, build.steps)
        if not self._is_known(texts):  # what is stored was masked when it was written
            clean = masking.mask_inputs(build.inputs, self._redactor)
            texts = input_texts.texts(clean, build.steps)

        def latest_files() -> int | None:
            values = (build.image_name, _LOOK_BACK)
            found = self._connection.execute(_LATEST_FILES, values).fetchone()
            return found and int(found[0])

        self.keep(number, {kind: self.part(kind, texts[kind], latest_files) for kind in texts})

    def keep(self, number: int, parts: Mapping[str, int | None]) -> None:
        """Say which stored `parts`, by kind, went into the build of row `number`."""
        if parts:
            self._connection.execute(_KEEP, (number, *map(parts.get, KINDS)))

    def part(self, kind: str, text: str, similar: Callable[[], int | None]) -> int:
        """The id of the part with this masked `text`, which is written if it is new.

        Files are told by their difference from the part that `similar` names, where that is short.
        """
        known = self._known.get((kind, text)) or self._find(kind, text)
        if known is None:
            base, content = self._shorter(text, similar()) if kind == "files" else (None, text)
            cursor = self._connection.execute(
                "INSERT INTO input_parts (digest, kind, base_id, content) VALUES (?, ?, ?, ?)",
                (_digest(kind, text), kind, base, content),
            )
            known = int(cursor.lastrowid or 0)
        self._known[kind, text] = known
        return known

    def _is_known(self, texts: dict[str, str]) -> bool:
        return all(
            (kind, text) in self._known or self._find(kind, text) for kind, text in texts.items()
        )

    def _find(self, kind: str, text: str) -> int | None:
        query = "SELECT id FROM input_parts WHERE digest = ?"
        found = self._connection.execute(query, (_digest(kind, text),)).fetchone()
        return int(found[0]) if found else None

    def _shorter(self, text: str, similar: int | None) -> tuple[int | None, str]:
        """What to write of the files: their difference from a stored part and its id, or all."""
        chain = _chain(self._connection, similar) if similar else []
        base = _joined(chain)
        if base is not None and len(chain) <= _LONGEST_CHAIN:
            change = input_texts.difference(base, text)
            if len(change) < _WORTH_IT * len(text):
                return similar, change
        return None, text


def read(connection: sqlite3.Connection, build_id: int, steps: Sequence[Step]) -> Inputs:
    """What went into the build of row `build_id`, whose `steps` these are in order of position."""
    query = f"SELECT {', '.join(COLUMNS)} FROM build_inputs WHERE build_id = ?"
    row = connection.execute(query, (build_id,)).fetchone()
    texts = {}
    for kind, number in zip(KINDS, tuple(row or ()), strict=False):
        if number is not None and (text := text_of(connection, number)) is not None:
            texts[kind] = text
    return input_texts.of_texts(texts, steps)


def text_of(connection: sqlite3.Connection, number: int, schema: str = "main") -> str | None:
    """The whole text of a part; None when it, or what it tells the difference from, is not there.

    `schema` is the name of the attached file that has it.
    """
    return _joined(_chain(connection, number, schema))


def _chain(
    connection: sqlite3.Connection, number: int, schema: str = "main"
) -> list[tuple[int | None, str]]:
    """The part and those that it is told by, to the whole one: each its base and its content."""
    rows = connection.execute(_CHAIN.format(schema), (number,)).fetchall()
    return [(base, str(content)) for base, content in map(tuple, rows)]


def _joined(chain: Sequence[tuple[int | None, str]]) -> str | None:
    """The text that a chain comes to; None where it has no whole at its end."""
    if not chain or chain[-1][0] is not None:
        return None
    changes = [content for _, content in reversed(chain)]
    return changes[0] if len(changes) == 1 else input_texts.applied(*changes)


def forget_lost(connection: sqlite3.Connection) -> None:
    """Let no build refer to a part that damage has taken, nor any that tells only a difference."""
    lost = "NOT IN (SELECT id FROM input_parts)"
    while connection.execute(f"DELETE FROM input_parts WHERE base_id {lost}").rowcount:
        pass  # each may have taken away what another one was told by
    for column in COLUMNS:
        connection.execute(f"UPDATE build_inputs SET {column} = NULL WHERE {column} {lost}")


def _digest(kind: str, text: str) -> int:
    """64 bits of a hash, as SQLite's integers are: a tenth of what the text of it would take."""
    content = f"{kind}\n{text}".encode(errors="replace")
    return int.from_bytes(hashlib.sha256(content).digest()[:8], signed=True)
