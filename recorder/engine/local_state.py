"""What buildx keeps about the builds it started here: context, Dockerfile, target, bake group."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from recorder.engine.endpoints import buildx_folder


class LocalState(NamedTuple):
    """One build that buildx started on this machine; its paths are absolute, or `-` for stdin.

    `written` is when it began, as seconds of the file's time.
    """

    ref: str
    builder: str
    target: str
    context: str
    dockerfile: str
    group: str
    written: float


def read(ref: str, environ: Mapping[str, str] = os.environ) -> LocalState | None:
    """The state of the build `ref`, or None when buildx did not start it here."""
    for path in _root(environ).glob(f"*/*/{ref}"):
        if path.parts[-3] != "__group__":
            return _parse(path)
    return None


def since(moment: float, environ: Mapping[str, str] = os.environ) -> Iterator[LocalState]:
    """The builds that buildx started here since `moment` (seconds, as file times are)."""
    for entry in _files(_root(environ)):
        with contextlib.suppress(OSError):
            if entry.stat().st_mtime >= moment and (state := _parse(Path(entry.path))):
                yield state


def refs(environ: Mapping[str, str] = os.environ) -> set[str]:
    """The refs of all builds that buildx remembers having started here."""
    return {entry.name for entry in _files(_root(environ))}


def is_kept(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether buildx keeps state here at all, as it does since 0.11."""
    return _root(environ).is_dir()


def _root(environ: Mapping[str, str]) -> Path:
    return buildx_folder(environ) / "refs"


def _files(root: Path) -> "Iterator[os.DirEntry[str]]":
    """The state files: `refs/<builder>/<node>/<ref>` (docker/buildx localstate).

    There are hundreds, as buildx does not sweep them out, so that entries are cheaper than paths.
    """
    for builder in _entries(root):
        if builder.name != "__group__":
            for node in _entries(builder.path):
                yield from _entries(node.path)


def _entries(folder: str | Path) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _parse(path: Path) -> LocalState | None:
    try:
        written = path.stat().st_mtime
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    return LocalState(
        ref=path.name,
        builder=path.parts[-3],
        target=str(found.get("Target") or ""),
        context=str(found.get("LocalPath") or ""),
        dockerfile=str(found.get("DockerfilePath") or ""),
        group=str(found.get("GroupRef") or ""),
        written=written,
    )
