"""Gives the difference in size of two images to their layers until nothing is left over: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from recorder.explain import aligned
from recorder.model import MICRO, Build, Layer

SizeKind = Literal["added", "gone", "grown", "shrunk", "unaccounted"]


@dataclass(frozen=True, slots=True)
class SizePart:
    """What one layer has in the difference of two images, in bytes; None where there is none."""

    kind: SizeKind
    difference: int
    before: int | None
    now: int | None
    instruction: str | None


@dataclass(frozen=True, slots=True)
class SizeComparison:
    """All parts of the difference in bytes, largest first; they sum to it."""

    before: int
    now: int
    parts: tuple[SizePart, ...]

    @property
    def difference(self) -> int:
        """How many bytes larger the image is."""
        return self.now - self.before


def compare(before: Build, now: Build) -> SizeComparison | None:
    """What makes the difference between two images; None where their sizes do not compare.

    Either has no size, or the one was counted otherwise (compressed, for instance). What the
    layers do not tell is a part of its own, named `unaccounted`.
    """
    first, second = size_of(before), size_of(now)
    if not first or not second or before.size_kind != now.size_kind:
        return None
    parts = _parts(before.layers, now.layers) if before.layers and now.layers else []
    rest = second - first - sum(part.difference for part in parts)
    if rest:
        parts.append(SizePart("unaccounted", rest, None, None, None))
    parts.sort(key=lambda part: -abs(part.difference))
    return SizeComparison(first, second, tuple(parts))


def size_of(build: Build) -> int | None:
    """The size of its image in bytes; None where there is none."""
    if build.image_size_bytes is not None:
        return build.image_size_bytes
    return round(build.image_size_mb * MICRO) if build.image_size_mb else None


def _parts(before: Sequence[Layer], now: Sequence[Layer]) -> list[SizePart]:
    found = []
    for pair in aligned.layers(before, now):
        first = pair.before.bytes if pair.before else None
        second = pair.now.bytes if pair.now else None
        difference = (second or 0) - (first or 0)
        layer = pair.now or pair.before
        if difference and layer:
            kind = _kind(first, second)
            found.append(SizePart(kind, difference, first, second, layer.instruction))
    return found


def _kind(before: int | None, now: int | None) -> SizeKind:
    if before is None:
        return "added"
    if now is None:
        return "gone"
    return "grown" if now > before else "shrunk"
