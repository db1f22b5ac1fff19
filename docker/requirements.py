"""Prints the project's dependencies, with those of the extras named, for `pip install -r`.

An image installs them in a step of its own, which a change of the code leaves cached.

usage: python3 requirements.py [EXTRA]... < pyproject.toml
"""

import re
import sys
import tomllib
from collections.abc import Iterator


def requirements(project: dict, extras: list[str]) -> Iterator[str]:
    """The dependencies, and those of the extras, in place of an extra that names others of ours."""
    yield from project["dependencies"]
    waiting = list(extras)
    for extra in waiting:
        for line in project["optional-dependencies"][extra]:
            own = re.fullmatch(rf"{project['name']}\[(.+)\]", line)
            if own:
                waiting += [name.strip() for name in own[1].split(",")]
            else:
                yield line


if __name__ == "__main__":
    table = tomllib.load(sys.stdin.buffer)["project"]
    lines = dict.fromkeys(requirements(table, sys.argv[1:]))
    sys.stdout.writelines(f"{line}\n" for line in lines)
