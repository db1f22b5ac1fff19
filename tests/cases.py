"""Which cases of a parametrized test belong to the long exams."""

import pytest


def slow(*values: object) -> object:
    """A case that the default suite leaves to the long exams, as others show the same there."""
    return pytest.param(*values, marks=pytest.mark.slow)
