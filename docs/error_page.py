"""Writes errors.md: each class of recorder/errors.py, with what the code says when it raises it."""

import ast
import inspect
from collections import defaultdict
from pathlib import Path

from recorder import errors

SOURCES = Path(errors.__file__).parent
HEAD = """# Errors and cures

Each error is one sentence with its cure; `buildrec -v` also shows where it came from. In Python
they are classes of `recorder.errors`, each of them a `recorder.RecorderError`, with `slug`,
`problem` and `cure`. Here are all of them, with what is said and what to do about it; `…` stands
for a name or a figure. Written by `docs/pages.py` from the code.
"""


def page() -> str:
    """The whole of errors.md."""
    said = _said()
    found = [item for _, item in inspect.getmembers(errors, inspect.isclass)]
    lines = [HEAD.rstrip()]
    for error in sorted(found, key=lambda item: item.slug):
        about = " ".join((inspect.getdoc(error) or "").split("\n\n", 1)[0].split())
        lines += ["", f"## {error.slug}", "", about]
        lines += ["", f"`{error.__name__}`, exit code {error.exit_code}."]
        if pairs := sorted(said[error.__name__]):
            lines += ["", "| what is said | what to do |", "| --- | --- |"]
            lines += [f"| {problem} | {cure} |" for problem, cure in pairs]
    return "\n".join(lines) + "\n"


def _said() -> dict[str, set[tuple[str, str]]]:
    """The problem and cure of each place that makes an error, by the name of its class."""
    found = defaultdict(set)
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and len(node.args) >= 2:
                name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
                problem, cure = _words(node.args[0]), _words(node.args[1])
                if problem.strip("… ") and cure.strip("… "):
                    found[name].add((problem, cure))
    return found


def _words(node: ast.expr) -> str:
    """The text of a literal for the cell of a table, with `…` for what it takes in."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts]
    return " ".join("".join(texts).split()).replace("|", "\\|")
