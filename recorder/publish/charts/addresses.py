"""The addresses that a chart's parts link to."""

from typing import Protocol


class Addresses(Protocol):
    """Where the page of a build, an image and a step is; None where links have no use."""

    def build(self, number: int) -> str | None:
        """The page of a build."""

    def image(self, name: str) -> str | None:
        """The page of an image."""

    def step(self, key: str) -> str | None:
        """The page of a step."""


class Nowhere:
    """For a drawing that stands alone: an image in a README cannot be clicked inside."""

    def build(self, number: int) -> str | None:  # noqa: ARG002
        """None."""
        return None

    def image(self, name: str) -> str | None:  # noqa: ARG002
        """None."""
        return None

    def step(self, key: str) -> str | None:  # noqa: ARG002
        """None."""
        return None
