"""Which step of a build made which layer of its image. Pure."""

from collections.abc import Iterator

from recorder.explain.view import View
from recorder.model import Build, Step

_MAKING = frozenset({"run", "copy", "add", "workdir"})


def of_build(build: Build) -> dict[int, Step]:
    """The step that made each layer, by the layer's position; nothing for those of a base image.

    An image's history does not name the stages. But it ends with the steps of the target, below
    them are those of the stages that it is from, all in their order. So as far as every step of
    these is there. Without the lines of the Dockerfile the stages are not known.
    """
    layers = [layer for layer in reversed(build.layers) if _kind(layer.instruction) in _MAKING]
    found = {}
    for layer, step in zip(layers, _from_the_top(build), strict=False):
        if _kind(layer.instruction) != step.kind:
            break
        found[layer.position] = step
    return found


def _kind(instruction: str) -> str:
    return instruction.partition(" ")[0].lower()


def _from_the_top(build: Build) -> Iterator[Step]:
    """The steps that the image is made of, the last one first, until one is missing.

    One that another stage has, too, is there once, under the name of either.
    """
    view = View(build)
    if not view.settings:
        return
    target = (build.target or view.settings[-1].stage).lower()
    for stage in (target, *view.parents(target)):
        steps = [
            step
            for step in build.steps
            if step.kind in _MAKING
            and step.platform in (None, build.platform)
            and view.stage_of(step) == stage
        ]
        steps.sort(key=lambda step: -(step.step or 0))
        expected = (steps[0].steps or 0) if steps else 0
        for step in steps:
            if step.step != expected:
                return
            yield step
            expected -= 1
        if expected > 1:  # where a stage is from an image, that is its first step
            return
