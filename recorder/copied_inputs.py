"""Copies what went into builds from another history: each part once, masked again."""

import functools
import sqlite3

from recorder import input_store, redact
from recorder.input_store import COLUMNS, InputWriter
from recorder.input_texts import KINDS

_SCHEMA = "incoming"
_TAKEN = f"FROM temp.taken AS t CROSS JOIN {_SCHEMA}.build_inputs AS i ON i.build_id = t.source"
_PARTS = f"""
WITH used (id) AS ({" UNION ".join(f"SELECT i.{column} {_TAKEN}" for column in COLUMNS)})
SELECT p.id, p.kind FROM used JOIN {_SCHEMA}.input_parts AS p USING (id)
WHERE p.kind IN ({", ".join(map(repr, KINDS))})
ORDER BY p.id
"""


def copy_inputs(connection: sqlite3.Connection, redactor: redact.Redactor) -> None:
    """Copy the inputs of the builds in `temp.taken`, as (target, source), of the attached file.

    What the target build has stays. Call inside a transaction.
    """
    writer = InputWriter(connection, redactor)
    copied: dict[int, int] = {}
    bases = dict(connection.execute(f"SELECT id, base_id FROM {_SCHEMA}.input_parts").fetchall())

    def similar(number: int) -> int | None:
        """What the part is told by there, as far as it was copied."""
        seen = set()
        while (base := bases.get(number)) is not None and base not in seen:
            if base in copied:
                return copied[base]
            seen.add(base)
            number = base
        return None

    for number, kind in connection.execute(_PARTS).fetchall():
        text = input_store.text_of(connection, number, _SCHEMA)
        if text is not None:
            clean = _masked(text, redactor)
            copied[number] = writer.part(kind, clean, functools.partial(similar, number))
    rows = connection.execute(f"SELECT t.target, {', '.join(f'i.{c}' for c in COLUMNS)} {_TAKEN}")
    for number, *sources in rows.fetchall():
        parts = {kind: copied.get(source) for kind, source in zip(KINDS, sources, strict=True)}
        writer.keep(number, {kind: part for kind, part in parts.items() if part is not None})


def _masked(text: str, redactor: redact.Redactor) -> str:
    """The text with its lines masked; most have nothing to mask, which one look tells."""
    if redactor.text_once(text) == text:
        return text
    return "\n".join(map(redactor.text_once, text.split("\n")))
