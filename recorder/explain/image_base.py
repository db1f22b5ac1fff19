"""Which images a build was made from, and which of them its own is made on. Pure."""

from recorder import base_names
from recorder.explain.view import View
from recorder.model import Build


def bases(build: Build) -> dict[str, str | None]:
    """The images that a build was made from, with the digest where it is known."""
    found: dict[str, str | None] = dict(build.inputs.bases)
    for step in build.steps:
        named = base_names.of_step(step.name)
        if named and not found.get(named[0]):
            found[named[0]] = named[1]
    return found


def of_build(build: Build) -> str | None:
    """The name of the image below a build's own layers; None where it may be one of several."""
    names = [*bases(build)]
    if len(names) > 1:
        view = View(build)
        last = (build.target or view.settings[-1].stage).lower() if view.settings else ""
        written = base_names.familiar(view.image_below(last))
        names = [name for name in names if written in (name.lower(), _untagged(name.lower()))]
    return names[0] if len(names) == 1 else None


def _untagged(name: str) -> str:
    return name.removesuffix(":latest")
