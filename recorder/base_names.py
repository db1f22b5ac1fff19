"""Names of the images that a build is made of, as steps and provenance tell them. Pure."""

from recorder import step_names

_KINDS = frozenset({step_names.BASE, "resolve"})


def of_layer(instruction: str) -> str:
    """What a layer is called: its instruction. A build's own have one, its base's may have none."""
    return instruction or "the base image"


def familiar(reference: str) -> str:
    """An image as people write it: `alpine:3.19` for `docker.io/library/alpine:3.19`."""
    return reference.removeprefix("docker.io/").removeprefix("library/")


def of_step(name: str) -> tuple[str, str | None] | None:
    """The image that a step takes by its `name`, and its digest as far as that tells it.

    Such are `[1/3] FROM docker.io/library/alpine:3.19@sha256:...`, and `docker-image://...`; the
    image that a COPY or a mount takes from has no brackets.
    """
    parsed = step_names.parse(name)
    if parsed.kind not in _KINDS and not name.startswith("FROM "):
        return None
    image = parsed.text.removeprefix("FROM ").removeprefix("docker-image://")
    if image == parsed.text or not image.strip():
        return None
    reference, _, digest = image.split()[0].partition("@")
    return familiar(reference), digest or None
