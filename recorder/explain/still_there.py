"""Which steps of an image's builds its latest builds still have. Pure."""

from collections.abc import Hashable, Sequence

from recorder import step_names
from recorder.explain import aligned
from recorder.model import Build, Step

LATEST = 20
"""Of how many builds the kinds count as still built."""

Counterparts = tuple[Step | None, ...]


def counterparts(builds: Sequence[Build]) -> list[Counterparts]:
    """For each build, newest first, and each of its steps: what that is now; None if it is gone.

    A step is still there when the latest build of its kind has it, unchanged or edited. A kind is a
    target and the platforms that the steps are told apart by: a build of one stage alone says
    nothing of the others. A kind that none of the latest 20 builds is of is measured by the latest
    build of all.
    """
    latest: dict[Hashable, Build] = {}
    for build in builds[:LATEST]:
        latest.setdefault(_kind(build), build)
    known: dict[Hashable, Counterparts] = {}
    found = []
    for build in builds:
        steps = (_kind(build), tuple(step.step_key for step in build.steps))
        if steps not in known:
            known[steps] = _pairs(build, latest.get(_kind(build), builds[0]))
        found.append(known[steps])
    return found


def _kind(build: Build) -> Hashable:
    platforms = {step.platform for step in build.steps if step_names.is_instruction(step.kind)}
    return build.target, frozenset(platforms)


def _pairs(build: Build, latest: Build) -> Counterparts:
    pairs = aligned.of_builds(build, latest)
    now = {id(pair.before): pair.now for pair in pairs if pair.before}
    return tuple(now[id(step)] for step in build.steps)
