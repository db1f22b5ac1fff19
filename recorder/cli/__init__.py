"""The command line. `main` is its entry."""

import sys


def main() -> None:
    """Run `buildrec` with the arguments of this process."""
    from recorder.cli.app import run

    run(sys.argv[1:])
