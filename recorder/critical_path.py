"""The longest chain of dependent work in a build, which is what a faster build must shorten."""

import functools
from collections.abc import Collection, Sequence
from typing import NamedTuple

from recorder.model import Step
from recorder.step_names import EXPORT, INTERNAL

_NEVER = float("inf")


class Node(NamedTuple):
    """A step as the chain sees it; when it began, from the build's beginning, and took: seconds."""

    digests: frozenset[str]
    inputs: frozenset[str]
    kind: str
    started: float | None
    duration: float


class Chain(NamedTuple):
    """The seconds along the chain and the indexes of the nodes on it."""

    seconds: float
    members: frozenset[int]


class Shape:
    """What the chain needs to know of a build apart from its times, so as to ask it many times."""

    def __init__(self, kinds: Sequence[str], parents: Sequence[Collection[int]]) -> None:
        """Take each node's kind, and the indexes of those that it needs itself."""
        used = set().union(*parents)
        self._exports = [i for i, kind in enumerate(kinds) if kind == EXPORT]
        self._lead = [i for i, kind in enumerate(kinds) if kind == INTERNAL and i not in used]
        self._rest = _in_order(parents, set(range(len(kinds))) - {*self._exports, *self._lead})

    def chain(self, started: Sequence[float | None], durations: Sequence[float]) -> Chain:
        """The longest chain; when each node began and how long it took, both in seconds."""
        path = _heaviest(self._rest, durations)
        # What never ran, or came from the cache, says nothing about when the work began.
        worked = [started[i] or 0.0 for i in path if durations[i] > 0]
        before, first = _in_turn(started, durations, self._lead, min(worked, default=_NEVER))
        after, last = _in_turn(started, durations, self._exports)
        total = before + sum(durations[i] for i in path) + after
        return Chain(total, frozenset(i for i in (*first, *path, *last) if durations[i] > 0))


@functools.lru_cache(maxsize=256)
def shape_of(kinds: tuple[str, ...], graph: tuple[tuple[int, ...], ...]) -> Shape:
    """The shape of a build of steps of these `kinds`, in order of position.

    `graph` says what each needs, by positions from 1. A step that it does not know needs none.
    The builds of an image mostly share theirs, so it is kept.
    """
    count = len(kinds)
    parents = [
        {need - 1 for need in needs if 0 < need <= count} - {place}
        for place, needs in zip(range(count), graph, strict=False)
    ]
    return Shape(kinds, parents + [set() for _ in range(count - len(parents))])


def of_steps(
    steps: Sequence[Step], graph: tuple[tuple[int, ...], ...], window: float = _NEVER
) -> Chain:
    """The chain of a build's `steps`, whose `graph` is that of `shape_of`.

    It takes `window` seconds at most, as cache look-ups may run beside what they wait for.
    """
    shape = shape_of(tuple(step.kind for step in steps), graph)
    chain = shape.chain([step.started for step in steps], [step.duration or 0.0 for step in steps])
    return within(chain, window)


def within(chain: Chain, window: float) -> Chain:
    """The chain, which takes `window` seconds at most, to the microsecond."""
    return Chain(round(min(chain.seconds, window), 6), chain.members)


def critical_path(nodes: Sequence[Node]) -> Chain:
    """The longest chain over inputs by duration.

    Loads that nothing depends on (the Dockerfile, `.dockerignore`, a base image's metadata) come
    before everything and exports after it, though the graph has no edge that says so. What is left
    between the chain and the build's duration is waiting.
    """
    shape = Shape([node.kind for node in nodes], parents_of(nodes))
    return shape.chain([node.started for node in nodes], [node.duration for node in nodes])


def depths(nodes: Sequence[Node]) -> list[int]:
    """How many steps each node has below it at most: an order in which inputs come first."""
    found = [0] * len(nodes)
    for node, needed in _in_order(parents_of(nodes), set(range(len(nodes)))):
        found[node] = 1 + max((found[i] for i in needed), default=0)
    return found


def parents_of(nodes: Sequence[Node]) -> list[set[int]]:
    """For each node the indexes of those that it needs itself."""
    home = {digest: i for i, node in enumerate(nodes) for digest in node.digests}
    return [
        {home[digest] for digest in node.inputs if digest in home} - {i}
        for i, node in enumerate(nodes)
    ]


def _in_order(parents: Sequence[Collection[int]], among: set[int]) -> list[tuple[int, list[int]]]:
    """Each node of `among` after those that it needs, with these.

    Iterative, since graphs of generated files are deep; an edge that closes a cycle is ignored.
    """
    found: dict[int, list[int]] = {}
    entered: set[int] = set()
    for root in among:
        stack = [root]
        while stack:
            node = stack[-1]
            needed = [i for i in parents[node] if i in among]
            waiting = [i for i in needed if i not in found and i not in entered]
            if node not in found and waiting and node not in entered:
                entered.add(node)
                stack.extend(waiting)
                continue
            stack.pop()
            if node not in found:
                found[node] = sorted(i for i in needed if i in found)
    return list(found.items())


def _heaviest(ordered: Sequence[tuple[int, list[int]]], weights: Sequence[float]) -> list[int]:
    """The heaviest path, from its end to its beginning; of equal ones that of the first nodes."""
    best: dict[int, float] = {}
    came: dict[int, int | None] = {}
    for node, needed in ordered:
        before = max(needed, key=best.__getitem__) if needed else None
        came[node] = before
        best[node] = weights[node] + (0.0 if before is None else best[before])
    path: list[int] = []
    at = max(sorted(best), key=best.__getitem__) if best else None
    while at is not None:
        path.append(at)
        at = came[at]
    return path


def _in_turn(
    started: Sequence[float | None],
    durations: Sequence[float],
    among: Sequence[int],
    until: float = _NEVER,
) -> tuple[float, list[int]]:
    """The time that `among` takes before `until`, overlaps counted once, and who takes it."""
    covered, end, members = 0.0, -_NEVER, []
    for i in sorted(among, key=lambda i: started[i] or 0.0):
        begun = started[i]
        if begun is None or begun >= until:
            continue
        stop = min(begun + durations[i], until)
        gain = stop - max(begun, end)
        if gain > 0:
            covered += gain
            members.append(i)
            end = stop
    return covered, members
