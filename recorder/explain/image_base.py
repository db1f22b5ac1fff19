"""Which image a build's own one is made on. Pure."""

from recorder import base_names
from recorder.explain import facts
from recorder.explain.view import View
from recorder.model import Build


def of_build(build: Build) -> str | None:
    """The name of the image below a build's own layers; None where it may be one of several."""
    names = [*facts.bases(build)]
    if len(names) > 1:
        view = View(build)
        last = (build.target or view.settings[-1].stage).lower() if view.settings else ""
        written = base_names.familiar(view.image_below(last))
        names = [name for name in names if written in (name.lower(), _untagged(name.lower()))]
    return names[0] if len(names) == 1 else None


def _untagged(name: str) -> str:
    return name.removesuffix(":latest")
