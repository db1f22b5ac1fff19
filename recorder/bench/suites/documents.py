"""Makes documents to classify: texts in many formats, PDF and Office files, the same every time."""

import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

_NOUNS = (
    "build image layer cache server record report library release branch commit change "
    "machine network database table column query answer window garden river station letter "
    "teacher village market winter morning question reason measure history picture"
).split()
_VERBS = (
    "makes keeps finds moves reads writes shows needs takes gives opens closes holds follows "
    "answers changes measures explains carries becomes"
).split()
_ADJECTIVES = (
    "small large quiet early late slow quick common public simple open empty whole clear recent "
    "ordinary useful careful narrow distant"
).split()
_JOINS = ("because", "while", "although", "before", "after", "and", "but", "so that")


class Document(NamedTuple):
    """A file, and the content type that it is made as, in magika's words."""

    path: Path
    label: str


def texts(folder: Path, count: int) -> list[Document]:
    """So many text files, of each format in turn; the names tell nothing."""
    return _written(folder, count, _TEXTS)


def snippets(folder: Path, count: int) -> list[Document]:
    """The same texts cut off after 250 characters."""
    made = texts(folder, count)
    for document in made:
        document.path.write_text(document.path.read_text()[:250])
    return made


def pdfs(folder: Path, count: int) -> list[Document]:
    """So many PDF files, of one to three pages of text and lines."""
    return _written(folder, count, {"pdf": _pdf})


def office_files(folder: Path, count: int) -> list[Document]:
    """Half documents of a word processor, half workbooks."""
    return _written(folder, count, {"docx": _docx, "xlsx": _xlsx})


def _written(
    folder: Path, count: int, makers: dict[str, Callable[[Random], bytes | str]]
) -> list[Document]:
    made = []
    folder.mkdir(exist_ok=True)
    for number in range(count):
        label = list(makers)[number % len(makers)]
        path = folder / f"{number:04}"
        with _temporary_files_in(folder):
            content = makers[label](Random(number))
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        made.append(Document(path, label))
    return made


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have the libraries make theirs there: openpyxl writes each sheet to one."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _sentence(random: Random) -> str:
    def part() -> str:
        return (
            f"the {random.choice(_ADJECTIVES)} {random.choice(_NOUNS)} "
            f"{random.choice(_VERBS)} a {random.choice(_NOUNS)}"
        )

    return f"{part().capitalize()} {random.choice(_JOINS)} {part()}."


def _prose(random: Random, sentences: int) -> str:
    return " ".join(_sentence(random) for _ in range(sentences))


def _rows(random: Random, count: int) -> list[tuple[str, int, float]]:
    return [
        (random.choice(_NOUNS), random.randrange(1_000), round(random.uniform(0, 99), 2))
        for _ in range(count)
    ]


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def _plain(random: Random) -> str:
    return "\n\n".join(_prose(random, 5) for _ in range(6)) + "\n"


def _markdown(random: Random) -> str:
    parts = [f"# The {random.choice(_NOUNS)}", _prose(random, 2)]
    for noun in random.sample(_NOUNS, 4):
        items = _lines(f"- **{random.choice(_NOUNS)}**: {_sentence(random)}" for _ in range(3))
        parts += [f"## About the {noun}", items, f"See `{noun}` or [the {noun}](docs/{noun}.md).",
                  f"```sh\nmake {noun}\n```"]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _python(random: Random) -> str:
    parts = [f'"""{_sentence(random)}"""', "import json\nfrom pathlib import Path"]
    for noun, verb in zip(random.sample(_NOUNS, 4), random.sample(_VERBS, 4), strict=True):
        parts.append(
            f"def {verb}_{noun}(path: Path, limit: int = {random.randrange(99)}) -> list[str]:\n"
            f'    """{_sentence(random)}"""\n'
            f"    rows = json.loads(path.read_text())\n"
            f"    return [str(row['{noun}']) for row in rows[:limit] if row is not None]"
        )
    return "\n\n\n".join(parts) + "\n"


def _javascript(random: Random) -> str:
    return "'use strict';\nconst fs = require('fs');\n\n" + "\n".join(
        f"/** {_sentence(random)} */\n"
        f"function {verb}{noun.capitalize()}(items, limit = {random.randrange(99)}) {{\n"
        f"  const found = items.filter((item) => item.{noun} !== undefined);\n"
        f"  console.log(`${{found.length}} of ${{items.length}}`);\n"
        f"  return found.slice(0, limit);\n}}\n"
        for noun, verb in zip(random.sample(_NOUNS, 4), random.sample(_VERBS, 4), strict=True)
    )


def _json(random: Random) -> str:
    rows = [
        {"name": noun, "count": count, "share": share, "tags": random.sample(_ADJECTIVES, 2)}
        for noun, count, share in _rows(random, 15)
    ]
    return json.dumps({"title": _sentence(random), "rows": rows}, indent=2) + "\n"


def _csv(random: Random) -> str:
    return "name,count,share\n" + _lines(
        f"{noun},{count},{share}" for noun, count, share in _rows(random, 60)
    )


def _html(random: Random) -> str:
    rows = "\n".join(
        f"<tr><td>{noun}</td><td>{count}</td></tr>" for noun, count, _ in _rows(random, 8)
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{_sentence(random)}</title>\n</head>\n<body>\n<h1>{random.choice(_NOUNS)}</h1>\n"
        f"<p>{_prose(random, 4)}</p>\n<table>\n{rows}\n</table>\n</body>\n</html>\n"
    )


def _xml(random: Random) -> str:
    rows = "\n".join(
        f'  <row name="{noun}" count="{count}">{escape(_sentence(random))}</row>'
        for noun, count, _ in _rows(random, 15)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<report>\n{rows}\n</report>\n'


def _shell(random: Random) -> str:
    steps = "\n".join(
        f'if [ ! -d "$target/{noun}" ]; then\n  mkdir -p "$target/{noun}"\n'
        f'  cp -a {noun}/*.conf "$target/{noun}/" || exit {number}\nfi\necho "{noun} is done"'
        for number, noun in enumerate(random.sample(_NOUNS, 5), 1)
    )
    return f'#!/bin/sh\n# {_sentence(random)}\nset -eu\ntarget="${{1:-/srv}}"\n{steps}\n'


def _sql(random: Random) -> str:
    table = random.choice(_NOUNS)
    return (
        f"-- {_sentence(random)}\nCREATE TABLE {table}s (\n  id INTEGER PRIMARY KEY,\n"
        f"  name VARCHAR(80) NOT NULL,\n  count INTEGER DEFAULT 0,\n  share REAL\n);\n"
        + _lines(
            f"INSERT INTO {table}s (name, count, share) VALUES ('{noun}', {count}, {share});"
            for noun, count, share in _rows(random, 12)
        )
        + f"SELECT name, sum(count) FROM {table}s WHERE share > 10 GROUP BY name ORDER BY 2;\n"
    )


def _yaml(random: Random) -> str:
    return f"# {_sentence(random)}\nservices:\n" + _lines(
        f"  {noun}:\n    image: registry.example/{noun}:{count}\n    restart: always\n"
        f"    environment:\n      LIMIT: '{share}'\n    ports:\n      - {count + 8000}:80"
        for noun, count, share in _rows(random, 6)
    )


def _dockerfile(random: Random) -> str:
    noun = random.choice(_NOUNS)
    return (
        f"# syntax=docker/dockerfile:1\n# {_sentence(random)}\nFROM debian:12-slim AS {noun}\n"
        f"RUN apt-get update && apt-get install -y --no-install-recommends python3-venv\n"
        f"WORKDIR /srv/{noun}\nCOPY . .\nRUN python3 -m venv /venv && /venv/bin/pip install .\n\n"
        f"FROM debian:12-slim\nCOPY --from={noun} /venv /venv\nUSER app\n"
        f'ENTRYPOINT ["/venv/bin/python", "-m", "{noun}"]\n'
    )


_TEXTS: dict[str, Callable[[Random], bytes | str]] = {
    "txt": _plain,
    "markdown": _markdown,
    "python": _python,
    "javascript": _javascript,
    "json": _json,
    "csv": _csv,
    "html": _html,
    "xml": _xml,
    "shell": _shell,
    "sql": _sql,
    "yaml": _yaml,
    "dockerfile": _dockerfile,
}


def _pdf(random: Random) -> bytes:
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    file = BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1)
    for _ in range(random.randint(1, 3)):
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 760, f"The {random.choice(_NOUNS)}")
        canvas.setFont("Helvetica", 11)
        for line in range(30):
            canvas.drawString(72, 730 - 16 * line, _sentence(random))
        canvas.line(72, 220, 520, 220)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _docx(random: Random) -> bytes:
    from docx import Document as WordDocument

    document: Any = WordDocument()
    document.add_heading(f"The {random.choice(_NOUNS)}")
    for _ in range(4):
        document.add_paragraph(_prose(random, 4))
    table = document.add_table(rows=0, cols=2)
    for noun, count, _ in _rows(random, 5):
        for cell, text in zip(table.add_row().cells, (noun, str(count)), strict=True):
            cell.text = text
    return _saved(document.save)


def _xlsx(random: Random) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(["name", "count", "share"])
    for row in _rows(random, 30):
        sheet.append(row)
    return _saved(book.save)


def _saved(save: Callable[[BytesIO], Any]) -> bytes:
    """What `save` writes, a zip file, without the time at which that was."""
    saved, timeless = BytesIO(), BytesIO()
    save(saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(timeless, "w") as target:
        for name in source.namelist():
            content = re.sub(
                rb"\d{4}-\d\d-\d\dT[\d:]{8}Z", b"2025-01-01T00:00:00Z", source.read(name)
            )
            target.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return timeless.getvalue()
