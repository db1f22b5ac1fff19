"""Folds a build's vertex events into its steps: durations, cache hits, sharing, critical path.

Pure: times are seconds from the build's beginning, whatever clock they came from.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from recorder import redact, step_names
from recorder.critical_path import Node, critical_path, depths, parents_of
from recorder.model import Step
from recorder.step_names import StepName

# Clocks of one machine, read by two processes.
_TOLERANCE = 0.002


class Vertex(NamedTuple):
    """One event about a node of BuildKit's graph; `started` and `completed` are seconds or None.

    `shared` is whether a concurrent build did the work.
    """

    digest: str
    name: str
    inputs: tuple[str, ...] = ()
    cached: bool = False
    started: float | None = None
    completed: float | None = None
    error: str = ""
    group: str = ""
    group_name: str = ""
    shared: bool = False


class Transfer(NamedTuple):
    """Progress of bytes inside a vertex: context sent, layers pulled or pushed."""

    vertex: str
    id: str
    current: int


class Folded(NamedTuple):
    """What a trace comes to. `cache_ratio` is over instruction steps that ran, None without any.

    `graph` has for each step, in order of position, the positions of those that it needs.
    """

    steps: tuple[Step, ...]
    cache_ratio: float | None
    critical_path_seconds: float | None
    context_bytes: int | None
    graph: tuple[tuple[int, ...], ...] = ()


@dataclass
class _Work:
    """All that the events said about one vertex, or about one group of them (COPY --link)."""

    name: str
    digests: set[str] = field(default_factory=set)
    inputs: set[str] = field(default_factory=set)
    cached: dict[str, bool] = field(default_factory=dict)
    intervals: dict[tuple[str, float], float | None] = field(default_factory=dict)
    error: str = ""
    shared: bool = False

    def take(self, event: Vertex) -> None:
        self.digests.add(event.digest)
        self.inputs.update(event.inputs)
        # Sticky: a hit may be announced early, or inferred when a child starts.
        self.cached[event.digest] = self.cached.get(event.digest, False) or event.cached
        if event.started is not None:
            key = (event.digest, event.started)
            known = self.intervals.get(key)
            ends = [end for end in (known, event.completed) if end is not None]
            self.intervals[key] = max(ends, default=None)
        self.error = event.error or self.error
        self.shared |= event.shared


class _Times(NamedTuple):
    started: float | None
    duration: float | None
    shared: bool
    finished: float


def fold(
    events: Iterable[Vertex],
    *,
    window: float,
    transfers: Iterable[Transfer] = (),
    arguments: Mapping[str, str] | None = None,
    targets: Collection[str] = (),
) -> Folded:
    """The steps of a build that took `window` seconds, in the order in which they began.

    `arguments` are the build's own, whose values are put back in the steps' identity; `targets`
    are the bake targets that may stand before a name.
    """
    work = _gather(events)
    names = [step_names.parse(item.name, targets) for item in work]
    cached = [all(item.cached.values()) for item in work]
    times = [
        _times(item, window, hit, name.kind)
        for item, hit, name in zip(work, cached, names, strict=True)
    ]
    nodes = [
        Node(frozenset(item.digests), frozenset(item.inputs), name.kind, when.started,
             when.duration or 0.0)
        for item, name, when in zip(work, names, times, strict=True)
    ]  # fmt: skip
    chain, depth = critical_path(nodes), depths(nodes)
    moved = _bytes_by_vertex(transfers)
    keys, texts = _identities(names, arguments or {})
    order = sorted(range(len(work)), key=lambda i: (_begin(times[i]), depth[i]))
    steps = tuple(
        Step(
            position=position,
            name=work[i].name,
            step_key=keys[i],
            kind=names[i].kind,
            stage=names[i].stage,
            step=names[i].step,
            steps=names[i].steps,
            platform=names[i].platform,
            instruction=texts[i],
            cached=cached[i],
            shared=times[i].shared,
            critical=i in chain.members,
            started=times[i].started,
            duration=times[i].duration,
            bytes=sum(moved.get(digest, 0) for digest in work[i].digests) or None,
            error=work[i].error or None,
        )
        for position, i in enumerate(order, 1)
    )
    return Folded(
        steps,
        _cache_ratio(steps),
        # Cache look-ups may run beside what they wait for.
        round(min(chain.seconds, window), 6) if steps else None,
        _context_bytes(steps),
        _graph(parents_of(nodes), order),
    )


def _graph(parents: list[set[int]], order: list[int]) -> tuple[tuple[int, ...], ...]:
    """The positions that each position needs, where `order` has the indexes by position."""
    positions = {i: position for position, i in enumerate(order, 1)}
    return tuple(tuple(sorted(positions[parent] for parent in parents[i])) for i in order)


def _gather(events: Iterable[Vertex]) -> list[_Work]:
    """The vertices in the order of their first mention, members of one group as one."""
    events = list(events)
    groups = {event.digest: event.group for event in events if event.group}
    found: dict[str, _Work] = {}
    for event in events:
        identity = groups.get(event.digest, event.digest)
        if identity not in found:
            found[identity] = _Work(event.group_name or event.name)
        found[identity].take(event)
    return list(found.values())


def _times(work: _Work, window: float, cached: bool, kind: str) -> _Times:
    """When the work began, how long it took inside the build, and whether another build did it.

    A vertex may run several intervals (cache look-up, then the work), which may overlap: they are
    merged, then added up. An interval without an end that a finished one covers is a joined build's
    echo; any other was cut off. The times of a cached step mean nothing.
    """
    if not work.intervals:
        return _Times(None, 0.0 if cached else None, False, 0.0)
    begun = min(start for _, start in work.intervals)
    if cached:
        begun = min(max(begun, 0.0), window)
        return _Times(begun, 0.0, False, begun)
    ours = step_names.is_instruction(kind) or kind == step_names.BASE
    shared = ours and (work.shared or begun < -_TOLERANCE)
    closed = [(start, end) for (_, start), end in work.intervals.items() if end is not None]
    last = max((end for _, end in closed), default=None)
    cut = [start for (_, start), end in work.intervals.items() if end is None]
    if last is None or any(start > last for start in cut):
        return _Times(begun if shared or not ours else max(begun, 0.0), None, shared, window)
    merged = _merge(closed)
    if ours:  # loads run on the client, whose clock may differ from the engine's
        merged = [(max(start, 0.0), min(end, window)) for start, end in merged]
    duration = sum(max(0.0, end - start) for start, end in merged)
    return _Times(begun if shared or not ours else max(begun, 0.0), duration, shared, last)


def _merge(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, max(start, end)))
    return merged


def _identities(names: list[StepName], arguments: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The step keys and the instructions with argument values put back.

    Equal steps are told apart by their ordinal in the order of the Dockerfile (n of `n/m`).
    """
    texts = [redact.blank(step_names.put_back(name.text, arguments)) for name in names]
    keys = [""] * len(names)
    seen: Counter[str] = Counter()
    for i in sorted(range(len(names)), key=lambda i: (names[i].stage or "", names[i].step or 0)):
        base = step_names.identity(names[i], texts[i], 0)
        keys[i] = step_names.identity(names[i], texts[i], seen[base]) if seen[base] else base
        seen[base] += 1
    return keys, texts


def _begin(times: _Times) -> float:
    """When a step began, to the millisecond: hits of one chain are announced in any order."""
    return float("inf") if times.started is None else round(times.started, 3)


def _bytes_by_vertex(transfers: Iterable[Transfer]) -> dict[str, int]:
    largest: dict[tuple[str, str], int] = defaultdict(int)
    for transfer in transfers:
        key = (transfer.vertex, transfer.id)
        largest[key] = max(largest[key], transfer.current)
    totals: dict[str, int] = defaultdict(int)
    for (vertex, _), current in largest.items():
        totals[vertex] += current
    return totals


def _cache_ratio(steps: Iterable[Step]) -> float | None:
    counted = [
        step
        for step in steps
        if step_names.is_instruction(step.kind) and (step.cached or step.started is not None)
    ]
    if not counted:
        return None
    return round(sum(step.cached for step in counted) / len(counted), 6)


def _context_bytes(steps: Iterable[Step]) -> int | None:
    sent = [
        step.bytes or 0
        for step in steps
        if step.kind == step_names.INTERNAL and "load build context" in step.name
    ]
    return sum(sent) if sent else None
