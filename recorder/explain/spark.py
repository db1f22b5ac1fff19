"""A line of block characters that shows how figures went."""

from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_QUIET = 0.05
"""Figures that differ by less than this share of the largest are drawn level."""


def line(values: Sequence[float]) -> str:
    """One character a value, in order, from the least to the largest of them."""
    if not values:
        return ""
    least, largest = min(values), max(values)
    if largest - least <= _QUIET * abs(largest):
        return _BLOCKS[0] * len(values)
    shares = ((value - least) / (largest - least) for value in values)
    return "".join(_BLOCKS[round(share * (len(_BLOCKS) - 1))] for share in shares)
