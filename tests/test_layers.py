"""The house of docs/architecture.md: each layer imports only lower ones, and nothing goes round."""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import recorder

PACKAGE = Path(recorder.__file__).parent

LEVELS = {
    0: "errors times redact spellings figures harmless json_file workbook written_whole page_links "
    "quiet quantities",
    1: "model plain naming step_names critical_path steps input_texts base_names context_paths "
    "dockerfile dockerfile_settings",
    2: "tables summary_tables alert_tables input_tables benchmark_tables layer_tables "
    "derived_columns rebuilt_tables demo_history schema contribution days migrations views "
    "database masking",
    3: "store details statistics queries spool older_tools live pruned selection flat_tables "
    "stored_builds copied_details copied_inputs input_store explain judging benchmark_results "
    "copied_benchmarks copied_alerts",
    4: "engine capture imports exports alerts bench fleet upkeep publish",
    5: "tracker benchmarks measuring cli __main__",
}
"""What stands in `recorder/`, file or folder, by its layer."""

LEVEL_OF = {name: level for level, names in LEVELS.items() for name in names.split()}
ROOMS = set(LEVELS[4].split())
MAY_IMPORT_ENGINE = {"capture", "imports", "upkeep"}

# Which module may import a library, and opens it to the others; a name that ends in a dot stands
# for every module of that folder.
DOORS = {
    "apprise": "alerts.notify",
    "argon2": "bench.suites.security",
    "click": "cli.",
    "datasette": "publish.",
    "detect_secrets": "redact",
    "docker": "engine.images",
    "docx": "bench.suites.documents",
    "google": "engine.control_pb2 engine.excerpts exports.otel",
    "grpclib": "engine.history",
    "jiwer": "bench.suites.transcription",
    "limits": "bench.suites.security",
    "magika": "bench.suites.classification",
    "markupsafe": "publish.",
    "openpyxl": "bench.suites.documents",
    "opentelemetry": "exports.otel",
    "pocketsphinx": "bench.suites.transcription",
    "prometheus_client": "publish.metrics",
    "psutil": "bench.environment",
    "pyperf": "bench.harness bench.worker",
    "pyarrow": "exports.parquet",
    "pytz": "times",
    "rapidfuzz": "bench.suites.search",
    "reportlab": "bench.suites.documents",
    "requests": "engine.images exports.otel",
    "sqlite_utils": "migrations",
    "tabulate": "cli.output",
    "uvicorn": "publish.serve",
    "xlsxwriter": "workbook",
}


class Import(NamedTuple):
    """One import statement: what a module takes from `target`, and the line it stands on."""

    target: str
    name: str | None
    line: int


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Every module of the package by its dotted name below `recorder`; the package itself is ''."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


def imports_of(module: str, path: Path, text: str | None = None) -> Iterator[Import]:
    """Every import in the file, also in functions, under TYPE_CHECKING and by importlib.

    Names of the package are written in full. A string that is just the name of one of its modules
    counts as well, since that is how a table of things to load on use looks.
    """
    tree = ast.parse(path.read_text() if text is None else text)
    full = f"recorder.{module}".rstrip(".")
    folder = full if path.name == "__init__.py" else full.rpartition(".")[0]
    loggers = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = folder.split(".")[: len(folder.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            for alias in node.names:
                yield Import(base, alias.name, node.lineno)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("getLogger"):
            loggers.update(id(argument) for argument in node.args)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            # `import_module(f"library.{part}")` still says which library it opens.
            library = re.match(r"f?['\"](?!recorder)(\w+)", ast.unparse(node.args[0]))
            if library:
                yield Import(library[1], None, node.lineno)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"recorder(\.[a-z_0-9]+)+", node.value)
            and id(node) not in loggers
        ):
            yield Import(node.value, None, node.lineno)


def edges(known: Mapping[str, Path] | None = None) -> dict[str, dict[str, int]]:
    """Which modules of the package each module imports, and on which line.

    The version is data, so to take it from the package is no edge.
    """
    known = modules() if known is None else known
    found: dict[str, dict[str, int]] = {module: {} for module in known}
    for module, path in known.items():
        for statement in imports_of(module, path):
            if statement.target.partition(".")[0] != "recorder":
                continue
            target = statement.target.partition(".")[2]
            below = f"{target}.{statement.name}".lstrip(".")
            if statement.name and below in known:
                target = below
            elif target == "" and statement.name == "__version__":
                continue
            if target in known and target != module:
                found[module].setdefault(target, statement.line)
    return found


def place(module: str) -> tuple[int, str]:
    """The layer of a module and the name it has there; the package itself is at the top."""
    top = module.partition(".")[0]
    return (LEVEL_OF[top], top) if top else (5, "")


def broken(source: str, target: str) -> str | None:
    """The rule that an import of `target` by `source` breaks, if any."""
    level, room = place(source)
    target_level, target_room = place(target)
    if target_room == "cli" and room not in {"cli", "__main__"}:
        return "nobody imports cli"
    if target_level > level:
        return f"layer {level} imports layer {target_level}"
    if room in ROOMS and target_room in ROOMS and room != target_room:
        if target_room == "engine" and room in MAY_IMPORT_ENGINE:
            return None
        return "a room imports another room"
    return None


def cycle_in(graph: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The modules of one cycle, each importing the next, back to the first; empty without one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def at_a_door(module: str, doors: str) -> bool:
    return any(
        module.startswith(door) if door.endswith(".") else module == door for door in doors.split()
    )


def test_every_module_has_a_layer() -> None:
    tops = {module.partition(".")[0] for module in modules()} - {""}
    unknown = sorted(tops - LEVEL_OF.keys())
    assert not unknown, f"say in LEVELS of {Path(__file__).name} which layer holds {unknown}"


def test_no_layer_imports_a_higher_one_and_no_room_another() -> None:
    wrong = [
        f"{source}:{line} imports {target}: {rule}"
        for source, targets in edges().items()
        if source
        for target, line in targets.items()
        if (rule := broken(source, target))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_import_goes_round_in_a_circle() -> None:
    cycle = cycle_in(edges())
    assert not cycle, " -> ".join(name or "recorder" for name in cycle)


def test_each_library_comes_in_by_its_own_door() -> None:
    seen = defaultdict(set)
    for module, path in modules().items():
        for statement in imports_of(module, path):
            library = statement.target.partition(".")[0]
            if library != "recorder" and library not in sys.stdlib_module_names:
                seen[library].add(module)
    unknown = sorted(seen.keys() - DOORS.keys())
    assert not unknown, f"say in DOORS of {Path(__file__).name} which module may import {unknown}"
    wrong = [
        f"{module} imports {library}, which only {DOORS[library]} may"
        for library, importers in seen.items()
        for module in sorted(importers)
        if not at_a_door(module, DOORS[library])
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("source", "target", "rule"),
    [
        ("errors", "times", None),
        ("model", "store", "layer 1 imports layer 3"),
        ("store", "engine.records", "layer 3 imports layer 4"),
        ("capture.run", "engine.records", None),
        ("capture.run", "imports.rawjson", "a room imports another room"),
        ("publish.plugin", "engine.records", "a room imports another room"),
        ("engine.records", "capture.run", "a room imports another room"),
        ("tracker", "cli.app", "nobody imports cli"),
        ("__main__", "cli", None),
        ("store", "", "layer 3 imports layer 5"),
    ],
)
def test_the_rules_tell_right_from_wrong(source: str, target: str, rule: str | None) -> None:
    assert broken(source, target) == rule


@pytest.mark.parametrize(
    "text",
    [
        "import recorder.store",
        "from recorder import store",
        "from recorder.store import record",
        "from .store import record",
        "from . import store",
        "def later():\n    from recorder import store",
        "if TYPE_CHECKING:\n    from recorder import store",
        "import importlib\nimportlib.import_module('recorder.store')",
        "TABLE = {'record': ('recorder.store', 'record')}",
    ],
)
def test_no_way_to_write_an_import_goes_unseen(tmp_path: Path, text: str) -> None:
    for name, content in {"__init__": "", "store": "", "times": text}.items():
        (tmp_path / f"{name}.py").write_text(content)
    assert set(edges(modules(tmp_path))["times"]) == {"store"}


def test_the_name_of_a_logger_is_no_import(tmp_path: Path) -> None:
    (tmp_path / "store.py").write_text("")
    (tmp_path / "times.py").write_text("import logging\nlogging.getLogger('recorder.store')\n")
    assert edges(modules(tmp_path))["times"] == {}


def test_a_circle_is_found_even_when_a_function_hides_it(tmp_path: Path) -> None:
    (tmp_path / "store.py").write_text("from recorder import times")
    (tmp_path / "times.py").write_text("def later():\n    from recorder.store import record")
    assert set(cycle_in(edges(modules(tmp_path)))) == {"store", "times"}


def test_no_module_is_longer_than_one_can_take_in() -> None:
    """Three hundred lines, but for what protoc generates."""
    lengths = {
        name: len(path.read_text(encoding="utf-8").splitlines())
        for name, path in modules().items()
        if not name.endswith("_pb2")
    }
    assert {name: length for name, length in lengths.items() if length > 300} == {}
