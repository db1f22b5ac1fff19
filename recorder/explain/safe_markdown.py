"""Markdown out of recorded text: whoever can build can write into that, so it stays text.

Source: GitHub Flavored Markdown, "Code spans" and "Tables (extension)". Inside code neither GitHub
nor GitLab reads markup, HTML, mentions, references or links.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, urlsplit

from recorder import harmless

# Words that mean themselves; all others are shown as code.
_PLAIN = re.compile(r"[+±\u2212]?[^\W_]*(?:[.,:/'+=%-][^\W_]+)*|[\u2013—→]")
_AROUND = re.compile(r"(\(?)(.*?)([.,;:)…%?]*)", re.DOTALL)
# What a forge makes a link or a picture of: addresses, `GH-12` and its like, milestones, emojis.
# A time of day is none.
_MEANS_MORE = re.compile(r"www\.|[a-z][^\W_]*-\d|(?<!\w)%\w|:(?!\d\d:)[\w+-]+:", re.IGNORECASE)
_TICKS = re.compile(r"`+")
_ONE_SENTENCE = re.compile(r"[^`]*(?:`[^`]+`[^`]+)*(?:`[^`]+`)?")
_IN_ADDRESS = "/:?&=%#~+,;@!$*-._"
_EXCERPT = 20


def code(text: str) -> str:
    """The text on one line as code, whatever it holds."""
    # A comment's mark is the one thing that means something in here: to who updates a report.
    shown = " ".join(harmless.line(text).split()).replace("<!--", "<! --") or " "
    longest = max((len(ticks) for ticks in _TICKS.findall(shown)), default=0)
    fence = "`" * (longest + 1)
    room = " " if shown[0] in "` " or shown[-1] == "`" else ""
    return f"{fence}{room}{shown}{room}{fence}"


def prose(sentence: str) -> str:
    """A sentence of ours, in which names may stand: its code stays code, its words words."""
    text = harmless.line(sentence)
    if not _ONE_SENTENCE.fullmatch(text):
        return _words(text)
    pieces = text.split("`")
    return "".join(
        code(piece) if place % 2 else _words(piece) for place, piece in enumerate(pieces)
    )


def fenced(text: str) -> str:
    """Lines of text as a block of code; the first twenty."""
    lines = harmless.lines(text).replace("<!--", "<! --").rstrip().splitlines()
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence, *lines[:_EXCERPT], fence])


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> str:
    """A table of cells that are Markdown; but for the first `texts`, columns hold figures."""
    align = ["---" if place < texts else "---:" for place in range(len(titles))]
    lines = ([cell.replace("|", "\\|") for cell in line] for line in (titles, align, *rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def link(words: str, address: str | None) -> str:
    """A link with these words of ours; nothing where the address is none of the web."""
    if not address or "\\" in address:
        return ""
    try:
        is_web = urlsplit(address).scheme in ("http", "https")
    except ValueError:
        return ""
    return f"[{words}](<{quote(address, safe=_IN_ADDRESS)}>)" if is_web else ""


def _words(text: str) -> str:
    return " ".join(_word(word) if word else "" for word in text.split(" "))


def _word(word: str) -> str:
    """The word, or as code what of it is none; brackets and stops around it are the sentence's."""
    before, inner, after = _AROUND.fullmatch(word).groups()  # type: ignore[union-attr]
    is_plain = _PLAIN.fullmatch(inner) and not _MEANS_MORE.search(word)
    return word if is_plain else f"{before}{code(inner)}{after}"
