"""The inputs of the benchmarks are the same every time, and what they are said to be."""

from collections import Counter
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import properties  # noqa: F401 - the settings of property tests
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.bench.suites import documents, speech
from recorder.bench.suites.corpus import Corpus, misspelt, one_edit_apart


def test_a_corpus_is_the_same_every_time_and_its_words_as_frequent_as_in_a_language() -> None:
    first, second = Corpus(300, 1_000), Corpus(300, 1_000)
    assert first.documents == second.documents
    assert first.vocabulary == second.vocabulary
    assert len(set(first.vocabulary)) == 1_000
    counted = Counter(word for document in first.documents for word in document.body)
    frequent = [counted[word] for word in first.vocabulary[:2]]
    assert frequent[0] / frequent[1] == pytest.approx(2**1.07, rel=0.15)


@given(st.sampled_from(Corpus(1, 400).vocabulary), st.randoms(use_true_random=False))
def test_a_misspelt_word_is_one_edit_apart_as_rapidfuzz_counts_it(word: str, random: Any) -> None:
    from rapidfuzz.distance import OSA

    typed = misspelt(word, random)
    assert OSA.distance(word, typed) <= 1
    assert one_edit_apart(word, typed) == (word != typed)


@given(st.text("ab", max_size=5), st.text("abc", max_size=5))
def test_one_edit_apart_is_what_a_library_finds(first: str, second: str) -> None:
    from rapidfuzz.distance import OSA

    assert one_edit_apart(first, second) == (OSA.distance(first, second) == 1)


@pytest.mark.parametrize(
    ("make", "labels"),
    [
        (documents.texts, {"txt", "markdown", "python", "javascript", "json", "csv", "html"}),
        (documents.snippets, {"xml", "shell", "sql", "yaml", "dockerfile"}),
        (documents.pdfs, {"pdf"}),
        (documents.office_files, {"docx", "xlsx"}),
    ],
)
def test_documents_are_the_same_every_time(
    make: Callable[[Path, int], list[documents.Document]], labels: set[str], tmp_path: Path
) -> None:
    first, second = (
        [(each.label, each.path.read_bytes()) for each in make(tmp_path / name, 12)]
        for name in ("first", "second")
    )
    assert first == second
    assert labels <= {label for label, _ in first}
    contents = [content for _, content in first]
    assert len(set(contents)) == len(contents)


def test_office_files_and_pdf_are_what_other_readers_take(tmp_path: Path) -> None:
    from docx import Document
    from openpyxl import load_workbook

    word, sheet = documents.office_files(tmp_path / "office", 2)
    assert len(Document(str(word.path)).paragraphs) == 5
    with sheet.path.open("rb") as file:
        assert load_workbook(file).active["A1"].value == "name"
    (paper,) = documents.pdfs(tmp_path / "pdf", 1)
    content = paper.path.read_bytes()
    assert content.startswith(b"%PDF-1.")
    assert content.rstrip().endswith(b"%%EOF")


def test_speech_comes_with_its_words_and_its_licence() -> None:
    folder = resources.files(speech.__package__) / "speech"
    notice = (folder / "NOTICE").read_text()
    recordings = [file.name[:4] for file in folder.iterdir() if file.name.endswith(".raw.xz")]
    assert len(recordings) == 3
    for name in recordings:
        assert f"-{name}" in notice
        heard = speech.utterance(name)
        assert 3 < heard.seconds < 7
        assert 2 < len(heard.text.split()) / heard.seconds < 4
