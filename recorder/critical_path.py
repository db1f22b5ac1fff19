"""The longest chain of dependent work in a build, which is what a faster build must shorten."""

from collections.abc import Sequence
from typing import NamedTuple

from recorder.model import Step
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


def of_steps(
    steps: Sequence[Step], graph: Sequence[Sequence[int]], window: float = float("inf")
) -> Chain:
    """The chain of a build's `steps` in order of position, of which `graph` says what each needs.

    It takes `window` seconds at most, as cache look-ups may run beside what they wait for. With
    other durations, or another graph, it is what the build would have taken. A step that the graph
    does not know needs none.
    """
    count, nothing = len(steps), frozenset[str]()
    nodes = [
        Node(nothing, nothing, step.kind, step.started, 0.0, step.duration or 0.0) for step in steps
    ]
    parents = [
        {need - 1 for need in needs if 0 < need <= count} - {place}
        for place, needs in zip(range(count), graph, strict=False)
    ]
    chain = _chain(nodes, parents + [set() for _ in range(count - len(parents))])
    return Chain(round(min(chain.seconds, window), 6), chain.members)


def critical_path(nodes: Sequence[Node]) -> Chain:
    """The longest chain over inputs by duration.

    Loads that nothing depends on (the Dockerfile, `.dockerignore`, a base image's metadata) come
    before everything and exports after it, though the graph has no edge that says so. What is left
    between the chain and the build's duration is waiting.
    """
    return _chain(nodes, parents_of(nodes))


def _chain(nodes: Sequence[Node], parents: Sequence[set[int]]) -> Chain:
    used = set().union(*parents) if parents else set()
    exports = {i for i, node in enumerate(nodes) if node.kind == EXPORT}
    lead = {i for i, node in enumerate(nodes) if node.kind == INTERNAL and i not in used}
    rest = set(range(len(nodes))) - exports - lead
    chain = _longest(nodes, parents, rest)
    # What never ran, or came from the cache, says nothing about when the work began.
    worked = [nodes[i].started for i in chain if nodes[i].duration > 0]
    begun = min((start or 0.0 for start in worked), default=float("inf"))
    before, first = _in_turn(nodes, lead, until=begun)
    after, last = _in_turn(nodes, exports)
    total = before + sum(nodes[i].duration for i in chain) + after
    return Chain(total, frozenset(i for i in {*first, *chain, *last} if nodes[i].duration > 0))


def depths(nodes: Sequence[Node]) -> list[int]:
    """How many steps each node has below it at most: an order in which inputs come first."""
    parents = parents_of(nodes)
    best, _ = _heaviest(parents, set(range(len(nodes))), [1.0] * len(nodes))
    return [round(best[i]) for i in range(len(nodes))]


def parents_of(nodes: Sequence[Node]) -> list[set[int]]:
    """For each node the indexes of those that it needs itself."""
    home = {digest: i for i, node in enumerate(nodes) for digest in node.digests}
    return [
        {home[digest] for digest in node.inputs if digest in home} - {i}
        for i, node in enumerate(nodes)
    ]


def _longest(nodes: Sequence[Node], parents: Sequence[set[int]], among: set[int]) -> list[int]:
    """The heaviest path through `among`, from its end to its beginning."""
    best, came = _heaviest(parents, among, [node.duration for node in nodes])
    path: list[int] = []
    at = max(best, key=lambda i: (best[i], -i), default=None)
    while at is not None:
        path.append(at)
        at = came[at]
    return path


def _heaviest(
    parents: Sequence[set[int]], among: set[int], weights: Sequence[float]
) -> tuple[dict[int, float], dict[int, int | None]]:
    """For each node the weight of the heaviest path to it, and the node before it on that path.

    Iterative, since graphs of generated files are deep; an edge that closes a cycle is ignored.
    """
    best: dict[int, float] = {}
    came: dict[int, int | None] = {}
    entered: set[int] = set()
    for root in among:
        stack = [root]
        while stack:
            node = stack[-1]
            waiting = [p for p in parents[node] & among if p not in best and p not in entered]
            if node not in best and waiting and node not in entered:
                entered.add(node)
                stack.extend(waiting)
                continue
            stack.pop()
            if node not in best:
                ready = [p for p in parents[node] & among if p in best]
                came[node] = max(ready, key=lambda p: (best[p], -p), default=None)
                previous = came[node]
                best[node] = weights[node] + (0.0 if previous is None else best[previous])
    return best, came


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
