"""The suite `classification`: what kind of file is it, by magika's model."""

from collections.abc import Callable
from pathlib import Path

from recorder.bench.registry import Figure, Suite, Work
from recorder.bench.suites import documents
from recorder.bench.suites.documents import Document

suite = Suite(
    "classification",
    about="Tell the content type of files by a neural network, without their names.",
    requires=("magika", "reportlab", "docx", "openpyxl"),
)


@suite.benchmark("text")
def text(scratch: Path, quick: bool) -> Work:
    """Classify texts of twelve formats: prose, Markdown, code, data, markup."""
    return _classified(documents.texts, scratch, 12 if quick else 24)


@suite.benchmark("snippets")
def snippets(scratch: Path, quick: bool) -> Work:
    """Classify the first 250 characters of such texts, which is harder."""
    return _classified(documents.snippets, scratch, 12 if quick else 24, least_accuracy=0.6)


@suite.benchmark("pdf")
def pdf(scratch: Path, quick: bool) -> Work:
    """Classify PDF files."""
    return _classified(documents.pdfs, scratch, 6 if quick else 24)


@suite.benchmark("office")
def office(scratch: Path, quick: bool) -> Work:
    """Classify Office documents: of a word processor, and workbooks."""
    return _classified(documents.office_files, scratch, 6 if quick else 24)


def _classified(
    make: Callable[[Path, int], list[Document]],
    scratch: Path,
    count: int,
    *,
    least_accuracy: float = 0.9,
) -> Work:
    """Each file is read and classified by itself, as a service would that is handed one."""
    from magika import Magika

    made = make(scratch / "files", count)
    magika = Magika()

    def check(labels: list[str]) -> dict[str, Figure]:
        right = sum(label == each.label for label, each in zip(labels, made, strict=True))
        accuracy = right / len(made)
        assert accuracy >= least_accuracy, (
            f"{right} of {len(made)} files were classified right, and at least "
            f"{least_accuracy:.0%} must be"
        )
        size = sum(each.path.stat().st_size for each in made)
        return {"files": len(made), "bytes": size, "accuracy": round(accuracy, 3)}

    return Work(
        lambda: [str(magika.identify_path(each.path).output.label) for each in made],
        check,
        operations=len(made),
    )
