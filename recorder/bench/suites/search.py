"""The suite `search`: full-text queries in SQLite's FTS5, and fuzzy ones by rapidfuzz before it."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

from recorder.bench.registry import Figure, Suite, Work
from recorder.bench.suites.corpus import Corpus, Document, misspelt, one_edit_apart

suite = Suite(
    "search",
    about="Full-text and fuzzy queries over documents with words as frequent as in a language.",
    requires=("rapidfuzz",),
)

_QUERIES = 40
_NEAR = 5
"""How many words may stand between two that are near."""

Answer = list[list[int]]
"""For each query the documents that match, the best first."""


class Query(NamedTuple):
    """A query as FTS5 takes it, and the same as a plain question to a document."""

    match: str
    holds: Callable[[Document], bool]


@suite.benchmark("simple")
def simple(scratch: Path, quick: bool) -> Iterator[Work]:
    """Find the documents with one word, frequent to rare, and rank them."""
    corpus = _corpus(quick)
    queries = [_word(word) for word in _spread(corpus.used, _QUERIES)]
    yield from _asked(scratch, corpus, queries)


@suite.benchmark("complex")
def complex_queries(scratch: Path, quick: bool) -> Iterator[Work]:
    """Ask with AND, OR, NOT, phrases, prefixes, nearness and a column, and rank what is found."""
    corpus = _corpus(quick)
    frequent = corpus.used[: len(corpus.used) // 4]
    words = _spread(frequent, _QUERIES * 3)
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    queries = [
        _complex(number, *triple, corpus.documents[number * 7])
        for number, triple in enumerate(triples)
    ]
    yield from _asked(scratch, corpus, queries)


@suite.benchmark("fuzzy")
def fuzzy(scratch: Path, quick: bool) -> Iterator[Work]:
    """Correct misspelt words by the vocabulary, then find and rank the documents with them."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    corpus = _corpus(quick)
    known = frozenset(corpus.used)
    random = Random(7)
    pairs = [
        (word, typed)
        for word in _spread([word for word in corpus.used if len(word) > 5], _QUERIES)
        if (typed := misspelt(word, random)) not in known
    ]

    def ask(connection: sqlite3.Connection) -> tuple[list[str], Answer]:
        found = [
            process.extractOne(typed, corpus.used, scorer=OSA.distance, score_cutoff=1)
            for _, typed in pairs
        ]
        corrected = [match[0] if match else "" for match in found]
        return corrected, _answers(connection, [f'"{word}"' for word in corrected])

    def check(result: tuple[list[str], Answer]) -> dict[str, Figure]:
        corrected, answers = result
        for (_, typed), word in zip(pairs, corrected, strict=True):
            assert word in known, f"nothing was found for {typed!r}, which is one edit from a word"
            assert one_edit_apart(typed, word), f"{typed!r} was taken for {word!r}"
        figures = _compared(corpus, [_word(word) for word in corrected], answers)
        right = sum(word == meant for (meant, _), word in zip(pairs, corrected, strict=True))
        return {**figures, "accuracy": round(right / len(pairs), 3)}

    with closing(_index(scratch, corpus)) as connection:
        yield Work(lambda: ask(connection), check, operations=len(pairs))


def _corpus(quick: bool) -> Corpus:
    return Corpus(documents=1_500, words=3_000) if quick else Corpus(documents=5_000, words=8_000)


def _asked(scratch: Path, corpus: Corpus, queries: Sequence[Query]) -> Iterator[Work]:
    """All queries, one after the other; each is checked by reading every document."""
    texts = [query.match for query in queries]
    with closing(_index(scratch, corpus)) as connection:
        yield Work(
            lambda: _answers(connection, texts),
            lambda answers: _compared(corpus, queries, answers),
            operations=len(queries),
        )


def _index(scratch: Path, corpus: Corpus) -> sqlite3.Connection:
    connection = sqlite3.connect(scratch / "search.db")
    with connection:
        connection.execute("CREATE VIRTUAL TABLE documents USING fts5(title, body)")
        connection.executemany(
            "INSERT INTO documents(rowid, title, body) VALUES (?, ?, ?)",
            (
                (number, " ".join(document.title), " ".join(document.body))
                for number, document in enumerate(corpus.documents)
            ),
        )
        connection.execute("INSERT INTO documents(documents) VALUES ('optimize')")
    return connection


def _answers(connection: sqlite3.Connection, texts: Sequence[str]) -> Answer:
    sql = "SELECT rowid FROM documents WHERE documents MATCH ? ORDER BY rank"
    return [[number for (number,) in connection.execute(sql, (text,))] for text in texts]


def _compared(corpus: Corpus, queries: Sequence[Query], answers: Answer) -> dict[str, Figure]:
    for query, answer in zip(queries, answers, strict=True):
        expected = {
            number for number, document in enumerate(corpus.documents) if query.holds(document)
        }
        assert len(answer) == len(expected), (
            f"{query.match} found {len(answer)} documents, and {len(expected)} match"
        )
        assert set(answer) == expected, f"{query.match} found documents that do not match"
    hits = sum(map(len, answers))
    assert hits, "no query found anything"
    return {"documents": len(corpus.documents), "queries": len(queries), "hits": hits}


def _spread(words: Sequence[str], count: int) -> list[str]:
    """So many of the words, from the first to the last at equal distances."""
    return [words[place * (len(words) - 1) // (count - 1)] for place in range(count)]


def _word(word: str) -> Query:
    return Query(f'"{word}"', lambda document: word in document.title or word in document.body)


def _complex(number: int, one: str, two: str, three: str, sample: Document) -> Query:
    """One of six kinds of query, in turn; a phrase is taken from the sample."""
    has = [_word(word).holds for word in (one, two, three)]
    first, second = next(pair for pair in pairwise(sample.body) if pair[0] != pair[1])
    start = one[:3]
    kinds = (
        Query(f"{one} AND {two}", lambda document: has[0](document) and has[1](document)),
        Query(
            f"({one} OR {two}) NOT {three}",
            lambda document: (has[0](document) or has[1](document)) and not has[2](document),
        ),
        Query(
            f'"{first} {second}"',
            lambda document: any((first, second) in pairwise(words) for words in document),
        ),
        Query(
            f"{start}*",
            lambda document: any(word.startswith(start) for words in document for word in words),
        ),
        Query(
            f"NEAR({first} {second}, {_NEAR})",
            lambda document: any(_near(words, first, second) for words in document),
        ),
        Query(f"title : {one}", lambda document: one in document.title),
    )
    return kinds[number % len(kinds)]


def _near(words: Sequence[str], first: str, second: str) -> bool:
    places = [place for place, word in enumerate(words) if word == first]
    others = [place for place, word in enumerate(words) if word == second]
    return any(abs(place - other) - 1 <= _NEAR for place in places for other in others)
