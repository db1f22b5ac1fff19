"""Recorded speech with what is said in it; `speech/NOTICE` tells where it comes from."""

import lzma
from importlib import resources
from typing import NamedTuple

SAMPLES_PER_SECOND = 16_000
BYTES_PER_SAMPLE = 2
"""Signed, little-endian, one channel."""

_TEXTS = {
    "0890": "unless to be rather cold hearted and rather selfish is to be ill disposed",
    "0920": "had he married a more amiable woman he might have been made still more respectable "
    "than he was",
    "0930": "he might even have been made amiable himself",
}


class Utterance(NamedTuple):
    """Samples of one utterance, and its words."""

    samples: bytes
    text: str

    @property
    def seconds(self) -> float:
        """How long the recording lasts."""
        return len(self.samples) / BYTES_PER_SAMPLE / SAMPLES_PER_SECOND


def utterance(name: str) -> Utterance:
    """The utterance of that number: 0890, 0920 or 0930."""
    file = resources.files(__package__) / "speech" / f"{name}.raw.xz"
    return Utterance(lzma.decompress(file.read_bytes()), _TEXTS[name])


def joined(utterances: list[Utterance], pause: float) -> Utterance:
    """One recording of all, each followed by so many seconds of silence."""
    silence = bytes(int(pause * SAMPLES_PER_SECOND) * BYTES_PER_SAMPLE)
    return Utterance(
        b"".join(each.samples + silence for each in utterances),
        " ".join(each.text for each in utterances),
    )
