"""Joins what a build's trace tells of a step twice: as its own, and as a concurrent build's work.

A build whose step another one is doing, or has just done, gets that build's vertex into its trace.
Its own vertex, of the same name and another digest, never starts, or passes for cached the moment
that the other ends. Pure.
"""

import re
from collections.abc import Iterator, Sequence

from recorder.steps import Vertex

# No two instructions of one build have the same name, since that says n of m; only the download of
# an `ADD https://...` has that of the copy which needs it.
_NUMBERED = re.compile(r"\[[^\]]*\d+/\d+\]")
_NEVER = float("inf")


def joined(events: Sequence[Vertex]) -> list[Vertex]:
    """The events with each step once, under the digest that the build itself gave it.

    A step that the build waited for while another did it is work, and `shared`, although its own
    vertex says that it was cached; what the other had done before is a hit, as its own vertex says.
    """
    trace = _Trace(events)
    return list(trace.each_once()) if trace.theirs else list(events)


class _Trace:
    """The events of one build, told apart by whose they are."""

    def __init__(self, events: Sequence[Vertex]) -> None:
        self._events = events
        # A build announces its own graph without times; a vertex that comes with them is another's.
        announced = {event.digest: event for event in events if event.started is None}
        own = {_role(event): event for event in announced.values() if _NUMBERED.match(event.name)}
        self._inputs = {digest: event.inputs for digest, event in announced.items()}
        self.theirs = {
            event.digest: own[_role(event)]
            for event in events
            if event.digest not in announced and _role(event) in own
        }
        self._hits = {event.digest for event in events if event.cached}
        self._ran = {event.digest for event in events if event.started is not None}
        self._ends = self._last_ends()
        self._waited_for = {
            mine.digest
            for digest, mine in self.theirs.items()
            if digest not in self._hits and self._ends[digest] > self._possible_from(mine.digest)
        }

    def each_once(self) -> Iterator[Vertex]:
        """The events under our own digests, without those that tell a step once more."""
        for event in self._events:
            inputs = tuple(self.theirs[i].digest if i in self.theirs else i for i in event.inputs)
            mine = self.theirs.get(event.digest)
            if mine is not None:
                waited = mine.digest in self._waited_for
                if waited or mine.digest not in self._ran | self._hits:
                    yield event._replace(
                        digest=mine.digest,
                        inputs=inputs,
                        group=mine.group,
                        group_name=mine.group_name,
                        shared=waited,
                    )
            elif event.digest in self._waited_for & self._hits:
                if event.started is None:
                    yield event._replace(inputs=inputs, cached=False)
            else:
                yield event._replace(inputs=inputs)

    def _last_ends(self) -> dict[str, float]:
        """When what worked ended last; what ran under their digest, by our own as well."""
        ends: dict[tuple[str, float], float] = {}
        for event in self._events:
            if event.started is not None and event.digest not in self._hits:
                interval = (event.digest, event.started)
                if event.completed is not None or interval not in ends:
                    ends[interval] = _NEVER if event.completed is None else event.completed
        last: dict[str, float] = {}
        for (digest, _), end in ends.items():
            mine = self.theirs.get(digest)
            for name in (digest, mine.digest) if mine else (digest,):
                last[name] = max(end, last.get(name, end))
        return last

    def _possible_from(self, digest: str) -> float:
        """When all that the step needs was done, in seconds from the build's beginning."""
        latest, seen, waiting = 0.0, {digest}, list(self._inputs[digest])
        while waiting:
            needed = waiting.pop()
            if needed not in seen:
                seen.add(needed)
                latest = max(latest, self._ends.get(needed, 0.0))
                waiting += self._inputs.get(needed, ())
        return latest


def _role(event: Vertex) -> tuple[str, bool]:
    return event.name, bool(event.inputs)
