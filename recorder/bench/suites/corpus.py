"""Makes documents to search in: words as frequent as in a language, the same every time."""

from functools import cached_property
from itertools import accumulate
from random import Random
from typing import NamedTuple

_ONSETS = "b br c ch d dr f fl g gr h j k kl l m n p pl qu r s st t tr v w z".split()
_VOWELS = "a e i o u ai ea ou".split()
_CODAS = ["", "", "n", "r", "s", "l", "m", "nd", "st", "ck"]
_TITLE_WORDS = 4
_BODY_WORDS = 60
_FREQUENCY_FALLS_BY = 1.07
"""The exponent of Zipf's law; of English text it is a little above one."""


class Document(NamedTuple):
    """A document by its words."""

    title: tuple[str, ...]
    body: tuple[str, ...]


class Corpus:
    """`documents` of words of a `vocabulary`, whose first word is the most frequent."""

    def __init__(self, documents: int, words: int) -> None:
        random = Random(20251123)
        self.vocabulary = _vocabulary(random, words)
        weights = tuple(accumulate(rank**-_FREQUENCY_FALLS_BY for rank in range(1, words + 1)))
        length = _TITLE_WORDS + _BODY_WORDS
        text = random.choices(self.vocabulary, cum_weights=weights, k=documents * length)
        self.documents = tuple(
            Document(
                tuple(text[start : start + _TITLE_WORDS]),
                tuple(text[start + _TITLE_WORDS : start + length]),
            )
            for start in range(0, len(text), length)
        )

    @cached_property
    def used(self) -> tuple[str, ...]:
        """The words that stand in some document, by their rank."""
        found = {word for document in self.documents for words in document for word in words}
        return tuple(word for word in self.vocabulary if word in found)


def misspelt(word: str, random: Random) -> str:
    """`word` with one letter changed, left out, put in, or swapped with the next."""
    place = random.randrange(len(word) - 1)
    letter = random.choice("abcdefghijklmnopqrstuvwxyz")
    head, tail = word[:place], word[place + 1 :]
    return random.choice(
        (
            f"{head}{letter}{tail}",
            f"{head}{tail}",
            f"{head}{letter}{word[place:]}",
            f"{head}{tail[:1]}{word[place]}{tail[1:]}",
        )
    )


def one_edit_apart(first: str, second: str) -> bool:
    """Whether one change, omission, insertion or swap of neighbours makes one of the other."""
    if len(first) > len(second):
        first, second = second, first
    place = next((at for at, letter in enumerate(first) if letter != second[at]), len(first))
    if len(first) == len(second):
        swapped = first[:place] + first[place : place + 2][::-1] + first[place + 2 :]
        return first != second and (first[place + 1 :] == second[place + 1 :] or swapped == second)
    return first[place:] == second[place + 1 :]


def _vocabulary(random: Random, words: int) -> tuple[str, ...]:
    """So many different words; the frequent ones are short, as in a language."""
    found: dict[str, None] = {}
    while len(found) < words:
        syllables = random.choice((1, 2) if len(found) < words // 20 else (2, 3, 3, 4))
        found["".join(_syllable(random) for _ in range(syllables))] = None
    return tuple(found)


def _syllable(random: Random) -> str:
    return random.choice(_ONSETS) + random.choice(_VOWELS) + random.choice(_CODAS)
