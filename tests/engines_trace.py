"""What the engine's own trace of a build tells of its steps, added up by hand.

Nothing of the recorder is used here: `docker buildx history logs` prints the trace.
"""

import base64
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from engine_help import docker

NUMBERED = re.compile(r"\[[^\]]*\d+/\d+\] (?P<instruction>\w+)")
_MOVING = ("transferring", "downloading", "extracting", "pushing")


class Step(NamedTuple):
    """A step as the engine has it: times are seconds, `started` from the build's own beginning."""

    name: str
    cached: bool
    shared: bool
    started: float | None
    duration: float | None
    error: str | None
    bytes: int | None


class Trace(NamedTuple):
    """What `docker buildx history logs` tells of a build: its steps, and warnings with rules."""

    steps: list[Step]
    warnings: list[tuple[str, str]]


@dataclass
class Node:
    """All that was told of one vertex of the graph, or of a group of them that is one step."""

    name: str
    digests: set[str] = field(default_factory=set)
    inputs: set[str] = field(default_factory=set)
    hits: dict[str, bool] = field(default_factory=lambda: defaultdict(bool))
    ends: dict[float, float | None] = field(default_factory=dict)
    error: str | None = None
    announced: bool = False
    shared: bool = False

    @property
    def cached(self) -> bool:
        return all(self.hits.values())


def seconds(stamp: str) -> float:
    """An RFC 3339 time with nanoseconds and any offset, as seconds since 1970."""
    head, _, tail = stamp.replace("Z", "+00:00").partition(".")
    digits, sign, offset = tail.partition("+") if "+" in tail else tail.partition("-")
    moment = datetime.fromisoformat(f"{head}{sign}{offset}" if tail else head)
    return moment.timestamp() + (float(f"0.{digits}") if digits.isdigit() else 0.0)


def trace(ref: str, begun: str, window: float) -> Trace:
    """The steps of a build as its printed trace has them.

    A step's duration is the union of its intervals, each with the last end that was told of it; of
    one that a concurrent build had begun, the part inside this build. What was cached took none.
    """
    printed = docker("buildx", "history", "logs", ref, "--progress", "rawjson")
    parts = [
        json.loads(line)
        for line in (printed.stdout + printed.stderr).splitlines()
        if line.startswith("{")
    ]
    vertices = [vertex for part in parts for vertex in part.get("vertexes") or ()]
    nodes = _nodes(vertices, seconds(begun))
    steps: list[Step] = []
    for name in dict.fromkeys(node.name for node in nodes.values()):
        alike = [node for node in nodes.values() if node.name == name]
        if all(node.announced or not NUMBERED.match(name) for node in alike):
            # One step, or several of one name: two inline documents, what an ADD downloads.
            steps += (_step(node, window, _bytes(parts, [node])) for node in alike)
        else:
            steps.append(_step(_the_one(alike, nodes), window, _bytes(parts, alike)))
    return Trace(steps, _warnings(parts))


def _nodes(vertices: list[dict[str, Any]], zero: float) -> dict[str, Node]:
    """All that was told of each vertex, or of each group of them."""
    groups = {v["digest"]: v["progressGroup"]["id"] for v in vertices if v.get("progressGroup")}
    nodes: dict[str, Node] = {}
    for vertex in vertices:
        own = groups.get(vertex["digest"], vertex["digest"])
        node = nodes.setdefault(own, Node((vertex.get("progressGroup") or vertex)["name"]))
        node.digests.add(vertex["digest"])
        node.inputs |= {groups.get(needed, needed) for needed in vertex.get("inputs") or ()}
        node.hits[vertex["digest"]] |= vertex.get("cached", False)
        node.error = vertex.get("error") or node.error
        if "started" not in vertex:
            node.announced = True
            continue
        start = seconds(vertex["started"]) - zero
        end = seconds(vertex["completed"]) - zero if "completed" in vertex else None
        node.ends[start] = end if end is not None else node.ends.get(start)
    return nodes


def _the_one(alike: list[Node], nodes: dict[str, Node]) -> Node:
    """Of the vertices of one step, that which tells how it went.

    A build announces its own; another of the same name is a concurrent build's. That one counts
    if the build had to wait for it, or if its own never came to anything.
    """
    own = next((node for node in alike if node.announced), alike[0])
    for other in alike:
        if other is own:
            continue
        other.shared = True
        ends = [end for end in other.ends.values() if end is not None]
        if not (own.ends or own.cached):
            return other
        if not other.cached and (not ends or max(ends) > _ready(own, nodes)):
            return other
    return own


def _ready(node: Node, nodes: dict[str, Node]) -> float:
    """When everything that a step needs was done."""
    latest = 0.0
    for needed in node.inputs & nodes.keys():
        alike = [other for other in nodes.values() if other.name == nodes[needed].name]
        ends = [e for other in alike if not other.cached for e in other.ends.values() if e]
        latest = max(latest, *ends, *(_ready(other, nodes) for other in alike), 0.0)
    return latest


def _step(node: Node, window: float, size: int | None) -> Step:
    first = min(node.ends, default=None)
    if node.cached:
        # Its own times mean nothing, but they lie inside the build.
        first = None if first is None else min(max(first, 0.0), window)
        return Step(node.name, True, False, first, 0.0, node.error, size)
    if first is None:
        return Step(node.name, False, False, None, None, node.error, size)
    ends = node.ends
    if NUMBERED.match(node.name):
        ends = {max(0.0, start): end and min(end, window) for start, end in ends.items()}
    shared = node.shared or (first < -0.002 and bool(NUMBERED.match(node.name)))
    return Step(node.name, False, shared, first, _union(ends), node.error, size)


def _union(intervals: dict[float, float | None]) -> float | None:
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals.items()):
        if end is None:
            return None
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _bytes(parts: list[dict[str, Any]], nodes: list[Node]) -> int | None:
    """The most that was told of each transfer of a step, added up."""
    digests = {digest for node in nodes for digest in node.digests}
    most: dict[tuple[str, str], int] = defaultdict(int)
    for status in (status for part in parts for status in part.get("statuses") or ()):
        moved = status.get("name") == "done" and status["id"].startswith("sha256:")
        if (moved or status.get("name") in _MOVING) and status["vertex"] in digests:
            key = status["vertex"], status["id"]
            most[key] = max(most[key], status.get("current", 0))
    return sum(most.values()) or None


def _warnings(parts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    told = [
        (warning["url"].rstrip("/").rsplit("/", 1)[-1], base64.b64decode(warning["short"]).decode())
        for part in parts
        for warning in part.get("warnings") or ()
    ]
    return sorted(set(told))
