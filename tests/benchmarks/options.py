"""What the command line of the benchmarks asks for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`quick` takes few rounds; `builds` is the size of the large history."""

    quick: bool = False
    builds: int = 1_000_000
