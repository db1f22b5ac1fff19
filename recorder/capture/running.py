"""A build that runs, as far as its trace tells."""

from datetime import UTC
from typing import Any

from recorder import masking, redact, times
from recorder.live import LiveBuild

_BUILD_ARG = "build-arg:"


class Running:
    """Learns from the status responses of one build; `build` is how far it is."""

    def __init__(self, record: Any, name: str, builder: str, usual: float | None) -> None:
        self.builder = builder
        self._ref = record.Ref
        self._name = name
        self._started_at = times.utc_text(record.CreatedAt.ToDatetime(tzinfo=UTC))
        self._usual = usual
        self._names: dict[str, str] = {}
        self._working: set[str] = set()
        self._done: set[str] = set()
        self._cached: set[str] = set()
        arguments = {
            key.removeprefix(_BUILD_ARG): value
            for key, value in record.FrontendAttrs.items()
            if key.startswith(_BUILD_ARG)
        }
        # Step names have argument values in them, and others read what we publish.
        secrets = masking.secrets_beside(name, redact.secret_values(arguments))
        self._redactor = redact.Redactor(redact.load_key(), secrets)

    def take(self, part: Any) -> None:
        """Learn from one status response; what it says last of a step holds.

        A step has several intervals: looking into the cache, then the work.
        """
        for vertex in part.vertexes:
            self._names[vertex.digest] = vertex.name
            if vertex.cached:
                self._cached.add(vertex.digest)
            if vertex.HasField("completed"):
                self._done.add(vertex.digest)
                self._working.discard(vertex.digest)
            elif vertex.HasField("started"):
                self._done.discard(vertex.digest)
                self._working.add(vertex.digest)

    def build(self) -> LiveBuild:
        """How far it is now."""
        names = [name for digest, name in self._names.items() if digest in self._working]
        return LiveBuild(
            ref=self._ref,
            image_name=self._redactor.text(self._name),
            builder=self.builder,
            started_at=self._started_at,
            steps=len(self._names),
            completed_steps=len(self._done),
            cached_steps=len(self._cached),
            current_step=self._redactor.text(names[-1]) if names else None,
            usual_duration=self._usual,
        )
