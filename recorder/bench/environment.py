"""What a run of benchmarks keeps of the machine: what tells its speed, not whose it is."""

import contextlib
import os
import platform
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from recorder import __version__

_MODEL = re.compile(r"^(?:model name|Model|cpu model)\s*:\s*(.+)$", re.MULTILINE)


def facts(modules: Iterable[str] = ()) -> dict[str, Any]:
    """Values of `benchmark_runs` about the machine; versions of the libraries of `modules`.

    The host's name, its users and folders are left out, since the file is meant to be published.
    """
    return {
        "cpu": _cpu(),
        "cpus": _usable(),
        "cores": psutil.cpu_count(logical=False),
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": versions(modules),
        "load_before": load(),
    }


def load() -> float | None:
    """Load average of the last minute; None where the system keeps none."""
    with contextlib.suppress(OSError):
        return round(float(psutil.getloadavg()[0]), 2)
    return None


def versions(modules: Iterable[str]) -> dict[str, str]:
    """Versions of buildrec, pyperf, and the distributions that give `modules`."""
    found = {"buildrec": __version__}
    givers = metadata.packages_distributions()
    for module in sorted({"pyperf", *modules}):
        for name in givers.get(module.partition(".")[0], ()):
            with contextlib.suppress(metadata.PackageNotFoundError):
                found[name] = metadata.version(name)
    return found


def _usable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str | None:
    """The processor's model: of Linux' /proc, as `platform` gives just its family there."""
    with contextlib.suppress(OSError):
        found = _MODEL.search(Path("/proc/cpuinfo").read_text(errors="replace"))
        if found:
            return found[1].strip()
    return platform.processor() or None
