"""What is written otherwise in the Dockerfiles of two builds, as far as they are known. Pure."""

from collections.abc import Iterator, Sequence

from recorder import step_names
from recorder.explain import aligned, build_arguments, image_base, layer_steps, lines, sentences
from recorder.explain.aligned import Pair
from recorder.explain.view import View
from recorder.model import Build, Layer, Step

_OF_IMAGE = frozenset({"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER",
                       "STOPSIGNAL", "VOLUME"})  # fmt: skip
"""What is neither a step nor a line of `settings`: the image's history alone tells it."""
_LONGEST = 10_000


def arguments(before: Build, now: Build) -> tuple[dict[str, str], dict[str, str]]:
    """The arguments of both builds: as given, and as they are by default where both tell that."""
    views = View(before), View(now)
    if all(view.settings for view in views):
        return build_arguments.of_build(views[0]), build_arguments.of_build(views[1])
    return dict(before.build_args), dict(now.build_args)


def instructions(before: Build, now: Build) -> Iterator[Pair[str]]:
    """The instructions that read otherwise, came or went.

    An ARG is told by its value, also where it stands in another instruction. The two texts are
    equal where a here-document is another. A step came only where the build before was built
    whole, and went only where this one was: else it may not have been reached; and only if both
    were asked for the same. So did what the image alone tells.
    """
    then, present = View(before), View(now)
    is_same_work = _same_work(before, now)
    for one, other in aligned.of_builds(before, now):
        if one and other:
            if _is_edited(one, other, then, present):
                yield Pair(aligned.text_of(one), aligned.text_of(other))
        elif is_same_work and (step := one or other) and step_names.is_instruction(step.kind):
            text = aligned.text_of(step)
            if one and now.success:
                yield Pair(text, None)
            elif other and before.success:
                yield Pair(None, text)
    if then.settings and present.settings:
        yield from _otherwise(_lines(then), _lines(present))
        documents = _documents(then)
        for text, digest in _documents(present).items():
            if documents.get(text, digest) != digest:
                yield Pair(text, text)
    if before.layers and now.layers and before.target == now.target:
        changed = _changed_arguments(before, now)
        is_moved = image_base.bases(before) != image_base.bases(now)
        sides = [_of_image(_own(build) if is_moved else build.layers) for build in (before, now)]
        for pair in _otherwise(*sides):
            first, second = pair
            if not (first and second and build_arguments.turns(first, second, changed)):
                yield pair


def _changed_arguments(before: Build, now: Build) -> dict[str, tuple[str, str]]:
    first, second = arguments(before, now)
    both = first.keys() & second.keys()
    return {name: (first[name], second[name]) for name in both if first[name] != second[name]}


def _same_work(before: Build, now: Build) -> bool:
    return (before.image_name, before.target) == (now.image_name, now.target)


def _is_edited(old: Step, step: Step, then: View, now: View) -> bool:
    """Whether the text of a step is another, and not by the value of an argument or an ENV line."""
    if not step_names.is_instruction(step.kind) or aligned.is_same_text(old, step):
        return False
    if build_arguments.text_of(old, then) == build_arguments.text_of(step, now):
        return False
    found = build_arguments.between(step, now, then, old)
    return not (found and found.certain) and not lines.of_environment(step, now, then, old)


def _otherwise(before: Sequence[str], now: Sequence[str]) -> list[Pair[str]]:
    return [pair for pair in aligned.lines(before, now) if pair.before != pair.now]


def _lines(view: View) -> list[str]:
    """The lines that are no steps; those of arguments aside."""
    plain = [line.text for line in view.settings if not line.digest]
    return [text for text in plain if not text.upper().startswith("ARG ")]


def _documents(view: View) -> dict[str, str]:
    return {line.text: line.digest for line in view.settings if line.digest}


def _own(build: Build) -> list[Layer]:
    """The layers from the first step on, so that another base's labels count as no edits."""
    least = min(layer_steps.of_build(build), default=0)
    return [layer for layer in build.layers if layer.position >= least]


def _of_image(layers: Sequence[Layer]) -> list[str]:
    texts = (sentences.of_layer(layer.instruction, _LONGEST) for layer in layers)
    return [text for text in texts if text.partition(" ")[0] in _OF_IMAGE]
