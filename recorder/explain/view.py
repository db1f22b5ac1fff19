"""One build as a cause looks at it: its steps, what each stands on, its Dockerfile. Pure."""

import functools
import re
from collections.abc import Callable, Iterable

from recorder import base_names, dockerfile_settings, step_names
from recorder.dockerfile_settings import Setting
from recorder.model import Build, Step

_TAKES_FROM = "from="


class View:
    """A build's steps by key, what each needs, its settings."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.by_position = {step.position: step for step in build.steps}
        self.by_key = {step.step_key: step for step in build.steps}
        self.settings = dockerfile_settings.read(build.inputs.settings)
        self.has_graph = bool(build.inputs.graph)
        self._needs = dict(enumerate(build.inputs.graph, 1))
        self._ran: dict[int, frozenset[int]] = {}
        self._stood: dict[int, frozenset[int]] = {}

    def ran_above(self, step: Step) -> frozenset[int]:
        """The positions of the steps that a step needs, but not of those behind a cached one.

        What the cache had is what it was, whatever ran for it: a `COPY --from` of a file that came
        out the same, for instance. Without a graph, the steps before it in its stage.
        """
        if step.position not in self._ran:
            found = self._reached(step, lambda other: () if _is_cached(other) else None)
            self._ran[step.position] = found
        return self._ran[step.position]

    def above(self, step: Step) -> frozenset[int]:
        """The positions of all that a step stands on, in order of what it is made of.

        Of a step that takes files from elsewhere they alone count, and not where they come from.
        """
        if step.position not in self._stood:
            self._stood[step.position] = self._reached(step, self._below_it)
        return self._stood[step.position]

    def bases(self, step: Step) -> dict[str, str | None]:
        """The images that a step stands on or takes from, with their digests as far as known."""
        known, found = self.build.inputs.bases, {}
        for position in self.above(step):
            other = self.by_position.get(position)
            if other and (base := base_names.of_step(other.name)):
                reference, digest = base
                found[reference] = known.get(reference) or digest
        return found

    def settings_of(self, step: Step) -> tuple[Setting, ...]:
        """The lines that hold for a step: those before it in its stage, and in what that is from.

        Its own here-documents are among them.
        """
        own = self.stage_of(step)
        rank = self._rank(step)
        lines = [line for line in self.settings if line.stage == own and line.after <= rank]
        lines = [line for line in lines if not line.digest or line.after == rank]
        for parent in self.parents(own):
            lines += [line for line in self.settings if line.stage == parent and not line.digest]
        outer = [line for line in self.settings if line.stage == ""]
        return (*outer, *lines)

    def stage_of(self, step: Step) -> str:
        """The name of a step's stage, as settings have it; of one alone as its Dockerfile tells."""
        if step.stage:
            return step.stage.lower()
        return next((line.stage for line in reversed(self.settings) if line.stage), "")

    def image_below(self, stage: str) -> str:
        """The image that a stage is from in the end, in small letters; empty if not known."""
        return self._base_of([stage, *self.parents(stage)][-1])

    def parents(self, stage: str) -> list[str]:
        """The stages that a stage is from, the nearest first."""
        found: list[str] = []
        while (base := self._base_of(stage)) in self._stages and base not in (stage, *found):
            found.append(base)
            stage = base
        return found

    @functools.cached_property
    def stages(self) -> frozenset[str]:
        """The stages of which it has steps."""
        return frozenset(self.stage_of(step) for step in self.build.steps if step.step is not None)

    def _below_it(self, step: Step) -> Iterable[int] | None:
        """The steps below one that takes files from elsewhere; None where all that it needs are."""
        if not step_names.is_instruction(step.kind) or _TAKES_FROM not in step.name:
            return None
        own = self.stage_of(step)
        stages = {own, *self.parents(own)}
        image = base_names.familiar(self.image_below(own))
        return [
            position
            for position in self._needs.get(step.position, ())
            if (other := self.by_position.get(position))
            and other.step is not None
            and other.platform == step.platform
            # An image that several stages are from is there once, under the name of one of them.
            and (self.stage_of(other) in stages or _takes_image(other, image))
        ]

    def _reached(
        self, step: Step, further: Callable[[Step], Iterable[int] | None]
    ) -> frozenset[int]:
        """All that a step needs; `further` says by which needs of these to go on, None by all."""
        if not self._needs:
            return frozenset(
                other.position
                for other in self.build.steps
                if _place(other) == _place(step) and (other.step or 0) < (step.step or 0)
            )
        found: set[int] = set()
        waiting = list(self._needs.get(step.position, ()))
        while waiting:
            position = waiting.pop()
            other = self.by_position.get(position)
            if position in found or other is None:
                continue
            found.add(position)
            ways = further(other)
            waiting += self._needs.get(position, ()) if ways is None else ways
        return frozenset(found - {step.position})

    @functools.cached_property
    def _stages(self) -> frozenset[str]:
        """The stages that its Dockerfile has."""
        return frozenset(line.stage for line in self.settings if line.stage)

    def _base_of(self, stage: str) -> str:
        """What a stage is from: another one, an image, `scratch`; empty where that is not known."""
        for line in self.settings:
            words = [word for word in line.text.split() if not word.startswith("--")]
            if line.stage == stage and words[0].upper() == "FROM" and len(words) > 1:
                return self._expanded(words[1]).lower()
        return ""

    def _expanded(self, text: str) -> str:
        """A text before the first stage, or of a FROM, with the arguments that hold there."""
        for line in reversed(self.settings):
            if line.stage or line.text[:4].upper() != "ARG ":
                continue
            name, _, default = line.text[4:].strip().partition("=")
            value = self.build.build_args.get(name, default.strip("\"'"))
            plain = value.replace("\\", "\\\\")
            text = re.sub(rf"\${re.escape(name)}(?!\w)|\${{{re.escape(name)}}}", plain, text)
        return text

    def _rank(self, step: Step) -> int:
        """How many steps stand before this one in its stage.

        By its number, as one that another stage has, too, is there once; an image is number 1.
        """
        if step.step and self.settings:
            base = self._base_of(self.stage_of(step))
            is_image = base not in self._stages and base not in ("scratch", "")
            return step.step - 1 - is_image
        return sum(
            _place(other) == _place(step)
            and step_names.is_instruction(other.kind)
            and (other.step or 0) < (step.step or 0)
            for other in self.build.steps
        )


def _is_cached(step: Step) -> bool:
    return step.cached and step_names.is_instruction(step.kind)


def _takes_image(step: Step, image: str) -> bool:
    named = base_names.of_step(step.name)
    return named is not None and named[0].lower() in (image, f"{image}:latest")


def _place(step: Step) -> tuple[str | None, str | None]:
    return step.platform, step.stage
