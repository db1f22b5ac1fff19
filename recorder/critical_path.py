"""The longest chain of dependent work in a build, which is what a faster build must shorten."""

from collections.abc import Sequence
from typing import NamedTuple

from recorder.step_names import EXPORT, INTERNAL


class Node(NamedTuple):
    """A step as the chain sees it; times and duration in seconds from the build's beginning."""

    digests: frozenset[str]
    inputs: frozenset[str]
    kind: str
    started: float | None
    finished: float
    duration: float


class Chain(NamedTuple):
    """The seconds along the chain and the indexes of the nodes on it."""

    seconds: float
    members: frozenset[int]


def critical_path(nodes: Sequence[Node]) -> Chain:
    """The longest chain over inputs by duration.

    Loads that nothing depends on (the Dockerfile, `.dockerignore`, a base image's metadata) come
    before everything and exports after it, though the graph has no edge that says so. What is left
    between the chain and the build's duration is waiting.
    """
    home = {digest: i for i, node in enumerate(nodes) for digest in node.digests}
    parents = [
        {home[digest] for digest in node.inputs if digest in home} - {i}
        for i, node in enumerate(nodes)
    ]
    used = set().union(*parents) if parents else set()
    exports = {i for i, node in enumerate(nodes) if node.kind == EXPORT}
    lead = {i for i, node in enumerate(nodes) if node.kind == INTERNAL and i not in used}
    rest = set(range(len(nodes))) - exports - lead
    chain = _longest(nodes, parents, rest)
    begun = min((nodes[i].started or 0.0 for i in chain), default=float("inf"))
    before, first = _in_turn(nodes, lead, until=begun)
    after, last = _in_turn(nodes, exports)
    total = before + sum(nodes[i].duration for i in chain) + after
    return Chain(total, frozenset(i for i in {*first, *chain, *last} if nodes[i].duration > 0))


def _longest(nodes: Sequence[Node], parents: Sequence[set[int]], among: set[int]) -> list[int]:
    """The heaviest path through `among`; iterative, since graphs of generated files are deep."""
    best: dict[int, float] = {}
    came: dict[int, int | None] = {}
    open_: set[int] = set()
    for root in among:
        stack = [root]
        while stack:
            node = stack[-1]
            if node in best:
                stack.pop()
                continue
            waiting = [p for p in parents[node] & among if p not in best and p not in open_]
            if waiting and node not in open_:
                open_.add(node)
                stack.extend(waiting)
                continue
            ready = [p for p in parents[node] & among if p in best]
            came[node] = max(ready, key=lambda p: (best[p], -p), default=None)
            previous = came[node]
            best[node] = nodes[node].duration + (0.0 if previous is None else best[previous])
            open_.discard(node)
            stack.pop()
    path: list[int] = []
    at = max(best, key=lambda i: (best[i], -i), default=None)
    while at is not None:
        path.append(at)
        at = came[at]
    return path


def _in_turn(
    nodes: Sequence[Node], among: set[int], until: float = float("inf")
) -> tuple[float, list[int]]:
    """The time that `among` takes before `until`, overlaps counted once, and who takes it."""
    covered, end, members = 0.0, float("-inf"), []
    for i in sorted(among, key=lambda i: nodes[i].started or 0.0):
        node = nodes[i]
        if node.started is None or node.started >= until:
            continue
        stop = min(node.started + node.duration, until)
        gain = stop - max(node.started, end)
        if gain > 0:
            covered += gain
            members.append(i)
            end = stop
    return covered, members
