"""`buildrec show`: one build, its facts and its steps as a waterfall."""

import shutil

import click

from recorder import base_names, database, figures, harmless, queries
from recorder.cli import output
from recorder.cli.context import App
from recorder.cli.history import in_zone
from recorder.cli.output import Row
from recorder.cli.waterfall import waterfall


@click.command()
@click.argument("build", required=False)
@click.option("--timezone", help="Show times in this zone.  [default: the build's own]")
@output.format_option
@click.pass_obj
def show(app: App, build: str | None, timezone: str | None, style: str | None) -> None:
    """Show one build: its facts, its steps as a waterfall, its warnings and its image's layers.

    BUILD is an id, the beginning of a ref, or an image's name for its latest build. Without it, the
    latest build of all.
    """
    with database.connect_to_read(app.database) as connection:
        found = in_zone(queries.find_build(connection, build), timezone)
        steps = queries.steps(connection, found["id"])
        layers = queries.layers(connection, found["id"])
        lints = queries.lints(connection, found["id"])
    style = style or output.default_style()
    if style == "json":
        parts = {"steps": steps, "layers": layers, "lints": lints}
        waiting = {"waiting_seconds": queries.waiting_seconds(found)}
        output.emit_json({**output.parsed(found), **waiting, **parts})
    elif style != "table":
        output.emit(steps, style, [], "")
    else:
        click.echo("\n".join(facts(found)))
        width = min(max(60, shutil.get_terminal_size((100, 24)).columns), 160)
        for part in (
            waterfall(found, steps, width) if steps else [],
            _layers(layers, width),
            _lints(lints),
        ):
            if part:
                click.echo("\n" + "\n".join(part))


def facts(row: Row) -> list[str]:
    """What is known of a build beside its steps, a few facts a line."""
    excerpt = harmless.lines(row["error_excerpt"] or "").expandtabs(4).splitlines()
    row = output.shown(row)
    status = "FAILED" if row["status"] == "failed" else row["status"]
    title = click.style(row["image_name"], bold=True)
    color = None if row["success"] else "red"
    head = click.style(f"{status} in {figures.duration(row['build_duration'])}", fg=color)
    lines = [
        f"{title}  build {row['id']}  {head}",
        f"finished  {figures.precise_time(row['build_timestamp'])}  ({row['timezone']})",
    ]
    lines += _labeled("image", [_size(row), *_tags(row)])
    lines += _labeled("steps", [_cache(row), _saved(row), _path(row)])
    lines += _labeled("asked", [_pair("file", row["dockerfile_path"]),
                                _pair("target", row["target"]),
                                _pair("platform", row["platform"]), *_arguments(row)])  # fmt: skip
    lines += _labeled("where", [_pair("builder", row["builder"]), _git(row),
                                row["ci_url"] or ""])  # fmt: skip
    lines += _labeled("record", [f"by {row['source']}", _pair("ref", row["ref"])])
    if row["error_message"]:
        lines.append(f"error     {click.style(row['error_message'], fg='red')}")
    return lines + (["", *excerpt] if excerpt else [])


def _layers(rows: list[Row], width: int) -> list[str]:
    """The layers that add something, the largest first."""
    filled = sorted((row for row in rows if row["bytes"]), key=lambda row: -row["bytes"])
    if not filled:
        return []
    total = sum(row["bytes"] for row in filled)
    lines = [click.style("  LAYER" + " " * (width - 27) + "     ADDS     SHARE", dim=True)]
    for row in filled:
        text = output.safe(base_names.of_layer(row["instruction"]))
        text = text if len(text) <= width - 24 else f"{text[: width - 25]}…"
        size = figures.megabytes(row["bytes"] / 1e6)
        lines.append(f"  {text:<{width - 24}} {size:>10} {row['bytes'] / total:>9.0%}")
    return lines


def _lints(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    said = [f"  {output.safe(row['message'])}" for row in rows]
    return [click.style("  WARNINGS", dim=True), *said]


def _labeled(label: str, parts: list[str]) -> list[str]:
    filled = [part for part in parts if part]
    return [f"{label:<9} {', '.join(filled)}"] if filled else []


def _pair(name: str, value: str | None) -> str:
    return f"{name} {value}" if value else ""


def _size(row: Row) -> str:
    if not row["image_size_mb"]:
        return ""
    kind = f" {row['size_kind']}" if row["size_kind"] else ""
    return f"{figures.megabytes(row['image_size_mb'])}{kind}"


def _tags(row: Row) -> list[str]:
    tags = row["image_tags"]
    return [output.safe(str(tag)) for tag in tags] if isinstance(tags, list) else []


def _arguments(row: Row) -> list[str]:
    arguments = row["build_args"]
    if not isinstance(arguments, dict):
        return []
    return [output.safe(f"{name}={value}") for name, value in arguments.items()]


def _cache(row: Row) -> str:
    if row["total_steps"] is None:
        return ""
    share = ""
    if row["cache_ratio"] is not None:
        share = (
            f" ({figures.percent(row['cache_ratio'])} of the instructions: {row['cache_class']})"
        )
    return f"{row['cached_steps']} of {row['total_steps']} cached{share}"


def _saved(row: Row) -> str:
    saved = row["saved_seconds"]
    return f"the cache saved {figures.duration(saved)}" if saved else ""


def _path(row: Row) -> str:
    if row["critical_path_seconds"] is None:
        return ""
    waiting = figures.duration(queries.waiting_seconds(row))
    return f"critical path {figures.duration(row['critical_path_seconds'])}, waiting {waiting}"


def _git(row: Row) -> str:
    if not row["git_commit"]:
        return ""
    dirty = " with changes" if row["git_dirty"] else ""
    branch = f" on {row['git_branch']}" if row["git_branch"] else ""
    return f"commit {row['git_commit'][:12]}{branch}{dirty}"
