"""Writes the parts of the docs that the code already says: `python docs/generate.py metadata`.

`metadata` writes the tables' titles, descriptions and units into metadata.yml from
recorder/schema.py and recorder/views.py; the queries above them are written by hand.
"""

import json
import sys
from pathlib import Path

from recorder import schema, views

METADATA = Path(__file__).parents[1] / "metadata.yml"
MARK = "    # From here on written by `python docs/generate.py metadata` from recorder/schema.py.\n"
UNITS = {"seconds": "s", "MB": "MB", "bytes": "B", "microseconds": "us"}
TITLES = {
    "docker_builds": "Builds",
    "build_statistics": "Statistics by image",
    "benchmark_runs": "Runs of benchmarks",
    "benchmark_measurements": "What benchmarks measured",
    "benchmark_images": "Images beside benchmarks",
    "build_totals": "Sums behind the statistics",
    "build_days": "Totals by image and day",
    "pruned_days": "Totals of builds that were pruned",
    "step_names": "Names of steps",
    "build_steps": "Steps, compact",
    "step_errors": "Errors of steps",
    "step_last_runs": "Last real run of each step",
    "build_warnings": "Warnings",
    "images": "Images whose layers are known",
    "layer_instructions": "Instructions of layers",
    "image_layers": "Layers, compact",
    "build_layers": "Layers of each build",
    "live_builds": "What runs now, as recorders see it",
    "imported_files": "Imported files",
    "input_parts": "What went into builds, each part once",
    "build_inputs": "What went into builds",
    "alerts": "Alerts",
    "alert_events": "What became of alerts",
    "alert_messages": "Messages sent about alerts",
    "judged_images": "Images whose history was judged",
    "live": "What runs now",
    "steps": "Steps",
}
HIDDEN = (
    "build_totals", "build_days", "pruned_days", "step_names", "step_errors", "step_last_runs",
    "images", "layer_instructions", "image_layers", "live_builds", "imported_files",
    "alert_messages", "judged_images",
    "input_parts", "build_inputs",
)  # fmt: skip
SORT = {
    "docker_builds": "sort_desc: completed_at",
    "build_statistics": "sort_desc: total_duration",
    "imported_files": "sort_desc: id",
    "alerts": "sort_desc: first_at",
    "alert_events": "sort_desc: id",
    "benchmark_runs": "sort_desc: started_at",
}
# Some forty columns of fewer rows make a page that is as quick as the others.
SIZES = {"docker_builds": 40}
LABELS = {
    "docker_builds": "image_name",
    "build_statistics": "image_name",
    "step_names": "name",
    "imported_files": "name",
}
# The view's columns that are not those of a table under the same name.
OF_VIEW = {
    "steps": (
        ("started", "Start, from the build's own; may lie before.", "seconds"),
        ("duration", "Duration inside the build; none when cut.", "seconds"),
        ("raw_duration", "A shared step's whole duration, its part before the build included.",
         "seconds"),
    ),
    "live": (("elapsed", "How long it has run.", "seconds"),),
}  # fmt: skip


def tables() -> str:
    """The `tables` of the database in metadata.yml, as YAML."""
    lines = ["    tables:"]
    for table in schema.TABLES:
        columns = [(c.name, c.about, c.unit) for c in table.columns]
        lines += _table(table.name, table.about, columns)
    for name, about in views.VIEW_ABOUT.items():
        lines += _table(name, about, _view_columns(name))
    lines += ["      _sqlite_migrations:", "        title: Migrations", "        hidden: true"]
    return "\n".join(lines) + "\n"


def _table(name: str, about: str, columns: list[tuple[str, str, str]]) -> list[str]:
    lines = [
        f"      {name}:",
        f"        title: {TITLES[name]}",
        f"        description: {_text(about)}",
    ]
    if name in HIDDEN:
        lines.append("        hidden: true")
    if name in SORT:
        lines.append(f"        {SORT[name]}")
    if name in SIZES:
        lines.append(f"        size: {SIZES[name]}")
    if name in LABELS:
        lines.append(f"        label_column: {LABELS[name]}")
    lines.append("        facets: []")
    lines.append("        columns:")
    lines += [f"          {column}: {_text(_about(text, unit))}" for column, text, unit in columns]
    units = [(column, UNITS[unit]) for column, _, unit in columns if unit in UNITS]
    if units:
        lines.append("        units:")
        lines += [f"          {column}: {unit}" for column, unit in units]
    return lines


def _about(text: str, unit: str) -> str:
    return f"{text.removesuffix('.')} ({unit})." if unit else text


def _view_columns(view: str) -> list[tuple[str, str, str]]:
    known = {c.name: (c.name, c.about, c.unit) for t in schema.TABLES for c in t.columns}
    known |= {c.name: (c.name, c.about, c.unit) for c in schema.STEP_ERRORS.columns}
    known |= {c.name: (c.name, c.about, c.unit) for c in schema.STEP_NAMES.columns}
    known |= {c.name: (c.name, c.about, c.unit) for c in schema.BUILD_STEPS.columns}
    known |= {column[0]: column for column in OF_VIEW.get(view, ())}
    selected = views.VIEWS[view].split("\n        FROM ")[0].replace("SELECT", "").split(",\n")
    names = [part.split()[-1].split(".")[-1] for part in selected]
    return [known[name] for name in names]


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def metadata() -> str:
    """The whole of metadata.yml as it should be."""
    return METADATA.read_text().split(MARK)[0] + MARK + tables()


if __name__ == "__main__":
    if sys.argv[1:] != ["metadata"]:
        sys.exit("usage: python docs/generate.py metadata")
    METADATA.write_text(metadata())
