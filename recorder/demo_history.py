"""The history that travels with the package: real builds, recorded by docs/record_*.py."""

import json
from importlib import resources

from recorder import plain
from recorder.model import Build


def builds() -> list[Build]:
    """Its builds, oldest first."""
    text = resources.files("recorder").joinpath("demo_history.json").read_text("utf-8")
    return [plain.from_plain(values) for values in json.loads(text)]
