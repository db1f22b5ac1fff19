"""Reads steps out of plain build output: of the legacy builder, of podman and of buildah. Pure.

That output has no times, so each line comes with the seconds since the build began at which it was
seen, and a step lasts until the next one begins. What RUN prints is between the lines and may look
like them, so a step counts only when its number is the next one.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from recorder import steps
from recorder.steps import Folded, Vertex

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_LEGACY_STEP = re.compile(r"Step (\d{1,9})/(\d{1,9}) : (.+)", re.DOTALL)
_STEP = re.compile(r"(?:\[(\d{1,9})/(\d{1,9})\] )?STEP (\d{1,9})/(\d{1,9}): (.+)", re.DOTALL)
_COMMIT = re.compile(r"(?:\[\d+/\d+\] )?COMMIT\b")
_CACHED = re.compile(r"--> Using cache [0-9a-f]{12,64}")
_IMAGE = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_LEGACY_IMAGE = re.compile(r"(?:Successfully built |sha256:)([0-9a-f]{12,64})")
_LAYER = re.compile(r"--> ([0-9a-f]{11,64})")
_TAGGED = re.compile(r"Successfully tagged (\S+)")
_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_ERROR = re.compile(r"(?:Error: |Error response from daemon: )?(.+)", re.DOTALL)
_ERRORS = ("Error: ", "Error response from daemon: ", "The command '")
_EXPORT = "exporting to image"


class Output(NamedTuple):
    """What an output tells: the steps, the image's id, its tags, and what the error says."""

    folded: Folded
    image: str | None
    tags: tuple[str, ...]
    error: str | None


@dataclass
class _Step:
    """A step as it was announced; `stage` is the number of its stage, from 0."""

    stage: int
    number: int
    count: int
    text: str
    started: float
    cached: bool = False
    ended: float | None = None
    quiet: bool = True  # nothing was printed yet but what tells of the cache


@dataclass
class _Reading:
    found: list[_Step] = field(default_factory=list)
    latest: dict[int, _Step] = field(default_factory=dict)
    last_layers: dict[int, str] = field(default_factory=dict)
    image: str | None = None
    tags: list[str] = field(default_factory=list)
    error: str | None = None
    exporting: float | None = None

    @property
    def last(self) -> _Step | None:
        return self.found[-1] if self.found else None

    def begin(self, step: _Step) -> None:
        """Take the next step."""
        self.end(step.started)
        self.found.append(step)
        self.latest[step.stage] = step

    def end(self, at: float) -> None:
        """The step that runs ends."""
        if self.last and self.last.ended is None:
            self.last.ended = at


def read_legacy(
    lines: Iterable[tuple[float, str]],
    seconds: float,
    failure: str | None = None,
    arguments: Mapping[str, str] | None = None,
) -> Output:
    """What the legacy builder printed on stdout, for a build that took `seconds`.

    `failure` is what to say of the step at which a failed build ended, where the output says
    nothing itself; an empty one is for a build that was cut off. `arguments` are the build's own.
    """
    reading = _Reading()
    for at, raw in lines:
        line = _ANSI.sub("", raw)
        last = reading.last
        if step := _LEGACY_STEP.fullmatch(line):
            number, count = int(step[1]), int(step[2])
            if number == (last.number if last else 0) + 1 and (not last or count == last.count):
                stage = len(reading.latest) - (not _FROM.match(step[3]))
                reading.begin(_Step(max(stage, 0), number, count, step[3].rstrip(), at))
                continue
        if built := _LEGACY_IMAGE.fullmatch(line):
            reading.image = built[1]
            reading.end(at)
        elif line == " ---> Using cache" and last and last.quiet:
            last.cached = True
        else:
            _take_common(reading, line)
        if last:
            last.quiet = False
    return _output(reading, seconds, failure, arguments)


def read_podman(
    lines: Iterable[tuple[float, str]],
    seconds: float,
    failure: str | None = None,
    arguments: Mapping[str, str] | None = None,
) -> Output:
    """What podman or buildah printed on stdout; otherwise as `read_legacy`."""
    reading = _Reading()
    for at, raw in lines:
        line = _ANSI.sub("", raw)
        last = reading.last
        if (match := _STEP.fullmatch(line)) and (step := _next_step(match, reading, at)):
            reading.begin(step)
            continue
        if _COMMIT.match(line) and last and last.number == last.count:
            reading.end(at)
            reading.exporting = at
        elif _CACHED.fullmatch(line) and last and last.quiet:
            last.cached = True
        elif layer := _LAYER.fullmatch(line):
            if last:
                reading.last_layers[last.stage] = layer[1]
        elif image := _IMAGE.fullmatch(line):
            reading.image = image[1]
        else:
            _take_common(reading, line)
        if last:
            last.quiet = False
    _name_bases(reading)
    return _output(reading, seconds, failure, arguments)


def _next_step(match: "re.Match[str]", reading: _Reading, at: float) -> _Step | None:
    """The announced step, when it is the next of its stage.

    Stages are counted from 1 in the output; those that the target does not need are left out, and
    with several jobs they take turns.
    """
    stage = int(match[1] or 1) - 1
    number, count = int(match[3]), int(match[4])
    before = reading.latest.get(stage)
    if before is None:
        follows = number == 1 <= count
    else:
        follows = number == before.number + 1 <= count == before.count
    return _Step(stage, number, count, match[5].rstrip(), at) if follows else None


def _name_bases(reading: _Reading) -> None:
    """Put the stage's name back where podman tells the image that it had become.

    That id is another one at each build.
    """
    names = {step.stage: base[2] for step in reading.found
             if (base := _FROM.match(step.text)) and base[2]}  # fmt: skip
    for step in reading.found:
        base = _FROM.match(step.text)
        if not base or not _IMAGE.fullmatch(base[1]):
            continue
        for stage, layer in reading.last_layers.items():
            if stage < step.stage and base[1].startswith(layer):
                name = names.get(stage) or str(stage)
                step.text = step.text[: base.start(1)] + name + step.text[base.end(1) :]
                break


def _take_common(reading: _Reading, line: str) -> None:
    if tagged := _TAGGED.fullmatch(line):
        reading.tags.append(tagged[1])
    elif line.startswith(_ERRORS) and (found := _ERROR.fullmatch(line)):
        reading.error = found[1]


def _output(
    reading: _Reading,
    seconds: float,
    failure: str | None,
    arguments: Mapping[str, str] | None,
) -> Output:
    """The steps as BuildKit would name them, so that all builders share one way of naming."""
    names = _stage_names(reading)
    error = (reading.error or failure) if failure else None
    vertices: list[Vertex] = []
    for order, step in enumerate(reading.found):
        stage = names.get(step.stage)
        number = str(step.number).rjust(len(str(step.count)))
        where = f"{stage} {number}/{step.count}" if stage else f"{number}/{step.count}"
        running = step.ended is None
        vertices.append(
            Vertex(
                digest=str(order),
                name=f"[{where}] {step.text}",
                inputs=(str(order - 1),) if order else (),
                cached=step.cached,
                started=step.started,
                completed=step.ended if not running else None if failure == "" else seconds,
                error=error or "" if running else "",
            )
        )
    if reading.exporting is not None:
        end = None if failure == "" else seconds
        vertices.append(Vertex("export", _EXPORT, (), False, reading.exporting, end))
    folded = steps.fold(vertices, window=seconds, arguments=arguments)
    return Output(folded, reading.image, tuple(dict.fromkeys(reading.tags)), error)


def _stage_names(reading: _Reading) -> dict[int, str]:
    """The stages' names by their numbers; none where there is but one, as BuildKit has it."""
    bases = [(step.stage, base) for step in reading.found if (base := _FROM.match(step.text))]
    several = len({stage for stage, _ in bases}) > 1
    return {stage: base[2] or f"stage-{stage}" for stage, base in bases} if several else {}
