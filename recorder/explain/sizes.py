"""Gives the difference in size of two images to their layers until nothing is left over: pure."""

from dataclasses import dataclass
from typing import Literal

from recorder.explain import aligned, image_base, layer_steps
from recorder.model import MICRO, Build

SizeKind = Literal["added", "gone", "grown", "shrunk", "unaccounted"]


@dataclass(frozen=True, slots=True)
class SizePart:
    """What one layer has in the difference of two images, in bytes; None where there is none.

    A layer without an instruction is of the image's `base`, which is None where it is not known.
    """

    kind: SizeKind
    difference: int
    before: int | None
    now: int | None
    instruction: str | None
    base: str | None = None


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
    parts = _parts(before, now) if before.layers and now.layers else []
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


def _parts(before: Build, now: Build) -> list[SizePart]:
    found = []
    for pair in aligned.layers(before.layers, now.layers, _makers(before, now)):
        first = pair.before.bytes if pair.before else None
        second = pair.now.bytes if pair.now else None
        difference = (second or 0) - (first or 0)
        layer = pair.now or pair.before
        if difference and layer:
            kind = _kind(first, second)
            base = None if layer.instruction else image_base.of_build(now if pair.now else before)
            found.append(SizePart(kind, difference, first, second, layer.instruction, base))
    return found


def _makers(before: Build, now: Build) -> aligned.Makers:
    """For each layer of both, by its position, which of the pairs of steps made it."""
    made = layer_steps.of_build(before), layer_steps.of_build(now)
    if not all(made):
        return {}, {}
    numbers = {
        id(step): number
        for number, pair in enumerate(aligned.of_builds(before, now))
        for step in pair
        if step
    }
    first, second = ({place: numbers[id(step)] for place, step in steps.items()} for steps in made)
    return first, second


def _kind(before: int | None, now: int | None) -> SizeKind:
    if before is None:
        return "added"
    if now is None:
        return "gone"
    return "grown" if now > before else "shrunk"
