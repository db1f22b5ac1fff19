"""The Python API of benchmarks: suites of your own, and running them.

A suite is made with `Suite`, its benchmarks with `@suite.benchmark(...)`; `register` makes it known
in this program, an entry point of the group `buildrec.benchmarks` makes it known to every one.
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder import database
from recorder.bench.discovery import find, register
from recorder.bench.registry import Requirement, Suite, Work
from recorder.capture import origin
from recorder.errors import BadValueError, MissingExtraError

if TYPE_CHECKING:
    from recorder.bench.runner import Begun, Ended, Ran

__all__ = ["Requirement", "Suite", "Work", "find", "quick_by_default", "register", "run"]


def run(
    *names: str,
    db_path: str | os.PathLike[str] | None = None,
    quick: bool | None = None,
    copies: int = 1,
    files: Sequence[Path] = (),
    begun: "Begun | None" = None,
    ended: "Ended | None" = None,
) -> "Ran":
    """Run benchmarks (suites, `SUITE/NAME`s, or all) and store what they measure; gives the run.

    `quick` is `BENCHMARK_MODE=1` by default; with `copies` so many of each run at once, which is a
    mode of its own. `files` are Python files with further suites. A benchmark that fails or lacks a
    library hinders no other; KeyboardInterrupt ends the run, which keeps what is done.

    Raises BadValueError for an unknown name, MissingExtraError without the extra `bench`.
    """
    from recorder.bench import discovery

    if copies < 1:
        raise BadValueError(f"{copies} copies cannot run", "take 1 or more")
    try:
        from recorder.bench import harness, runner
    except ImportError as error:
        raise MissingExtraError(
            f"running benchmarks needs {error.name}", "run `pip install 'buildrec[bench]'`"
        ) from error
    chosen = discovery.choose(find(files), names)
    plan = harness.Plan(quick_by_default() if quick is None else quick, copies)
    return runner.run(
        database.find(db_path),
        chosen,
        plan,
        checkout(),
        begun or (lambda _number, _total, _name: None),
        ended or (lambda _result: None),
    )


def quick_by_default(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `BENCHMARK_MODE` asks for quick runs, as it does in containers."""
    return environ.get("BENCHMARK_MODE", "").strip().lower() not in ("", "0", "no", "false", "off")


def checkout() -> dict[str, Any]:
    """Values of `benchmark_runs` about the checkout that this runs in; empty outside of one."""
    now = time.time()
    try:
        found = origin.checkout(os.getcwd(), now, now)  # noqa: PTH109 - a folder may be gone
    except OSError:
        return {}
    return {
        "git_commit": found.commit,
        "git_branch": found.branch,
        "git_dirty": None if found.dirty is None else int(found.dirty),
        "git_remote": found.remote,
    }
