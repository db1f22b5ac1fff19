"""`buildrec backup`: a checked copy of the history, and a series of which the newest are kept."""

import re
from dataclasses import dataclass
from pathlib import Path

from recorder import database, times
from recorder.errors import BadValueError, CannotWriteError, DatabaseError
from recorder.upkeep import aside, copying
from recorder.upkeep.copying import Progress

FOLDER = "backups"
"""Where a series lies by default, beside the database."""


@dataclass(frozen=True)
class Backup:
    """A copy that was made: where, how many builds and bytes, and which older ones went for it."""

    path: Path
    builds: int
    bytes: int
    removed: tuple[Path, ...] = ()


def back_up(
    path: Path,
    target: Path | None = None,
    keep: int | None = None,
    progress: Progress | None = None,
) -> Backup:
    """Copy the history at `path` while others write it; the copy has its name when it is sound.

    `target` is a file, which is replaced if it is a backup, or a folder (by default `backups`
    beside the database) in which the copy is named after this moment. Of such a series the newest
    `keep` stay. Raises BadValueError, CannotWriteError or a DatabaseError.
    """
    named = target is not None and not target.is_dir()
    if named and keep is not None:
        raise BadValueError(
            "backups are counted by their own names", "leave out --keep, or name a folder"
        )
    if keep is not None and keep < 1:
        raise BadValueError(f"{keep} backups cannot be kept", "keep 1 or more")
    final = target if target and named else None
    place = final.parent if final else target or path.absolute().parent / FOLDER
    if final:
        _refuse_other_files(final, path)
    with database.connect_to_copy(path):  # says what is wrong with it before a folder is made
        pass
    with aside.folder(place) as folder:
        fresh = folder / "copy.db"
        rows = copying.snapshot(path, fresh, progress)
        size = fresh.stat().st_size
        final = final or unused(place / f"{path.stem}-{stamp()}{path.suffix}")
        aside.keep(fresh, final, like=path)
    removed = _thin_out(final, path, keep) if keep is not None else ()
    return Backup(final, rows["docker_builds"], size, removed)


def stamp() -> str:
    """The present moment for a file's name, such that names sort by time."""
    return re.sub(r"[-:]|\.\d+", "", times.utc_text(times.now()))


def unused(path: Path) -> Path:
    """`path`, or the name like it that follows the last one that a file has."""
    own = re.compile(rf"{re.escape(path.stem)}(?:-(\d+))?{re.escape(path.suffix)}")
    names = (file.name for file in path.parent.iterdir()) if path.parent.is_dir() else ()
    taken = [int(match[1] or 1) for name in names if (match := own.fullmatch(name))]
    return path.with_stem(f"{path.stem}-{max(taken) + 1}") if taken else path


def _thin_out(newest: Path, path: Path, keep: int) -> tuple[Path, ...]:
    """Remove all but `keep` backups of the series; `newest` stays, whatever the clock said."""
    own = re.compile(rf"{re.escape(path.stem)}-\d{{8}}T\d{{6}}Z(-\d+)?{re.escape(path.suffix)}")
    series = [file for file in newest.parent.iterdir() if own.fullmatch(file.name)]
    others = sorted((file for file in series if file != newest), key=_order)
    removed = tuple(others[: max(0, len(others) - (keep - 1))])
    for file in removed:
        with aside.writing(file):
            file.unlink(missing_ok=True)
    return removed


def _order(file: Path) -> tuple[str, int]:
    moment, _, number = file.stem.rpartition("Z")
    return moment, int(number.removeprefix("-") or 1)


def _refuse_other_files(target: Path, path: Path) -> None:
    """Raise unless `target` is free, or a history that nobody has open."""
    if not target.exists():
        return
    if path.exists() and target.samefile(path):
        raise BadValueError("a backup cannot replace the database itself", "name another file")
    if Path(f"{target}-wal").exists():
        raise CannotWriteError(f"{target} is a database in use", "name another file")
    try:
        with database.connect_to_copy(target):
            pass
    except DatabaseError as error:
        raise CannotWriteError(
            f"{target} is there and is no backup", "move it away, or name another file"
        ) from error
