"""Compares two runs of benchmarks, and tells a change from noise."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recorder.errors import BadValueError

Row = dict[str, Any]

LEAST_CHANGE = 0.02
"""Smaller changes than this share differ from run to run of the same code."""

LEAST_CHANGE_OF_FEW = 0.25
"""The same where there are few processes, whose single values resemble one another."""

_ALPHA = 0.05
_ENOUGH = 4  # processes, so that their means can tell anything
_EXACT = 40  # values up to which all orders are counted
_MACHINE = ("cpu", "cpus", "memory_bytes", "system", "python")


@dataclass(frozen=True)
class Comparison:
    """The rows of a comparison, a benchmark each, and what makes it doubtful."""

    rows: list[Row]
    doubts: list[str]


def compare(
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    results_before: Sequence[Row],
    results_now: Sequence[Row],
) -> Comparison:
    """How the results of the run `now` stand to those of `before`.

    Each row has the means in seconds, their change as a share, the p of its significance, and a
    verdict: `slower`, `faster`, `same`, `too few values`, `failed`, `only before` or `only now`.
    Raises BadValueError for runs that do not compare: of another mode, quick beside full.
    """
    _refuse(before, now)
    old, new = _by_name(results_before), _by_name(results_now)
    rows = [_row(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]
    return Comparison(rows, _doubts(before, now))


def significance(one: Sequence[float], other: Sequence[float]) -> float:
    """The p of Mann and Whitney's two-sided test: how likely such ranks are without a change.

    Exact for small samples: every way to deal the ranks out is counted, ties included.
    """
    values = sorted([*one, *other])
    places: dict[float, list[int]] = {}
    for place, value in enumerate(values, 1):
        places.setdefault(value, []).append(place)
    # Twice the middle of the places that equal values share, so that it is whole.
    ranks = {value: found[0] + found[-1] for value, found in places.items()}
    total, size = len(values), len(one)
    seen, middle = sum(ranks[value] for value in one), size * (total + 1)
    if total <= _EXACT:
        ways: list[dict[int, int]] = [{0: 1}, *({} for _ in range(size))]
        for value in values:
            for count in range(size, 0, -1):
                for rank_sum, number in ways[count - 1].items():
                    key = rank_sum + ranks[value]
                    ways[count][key] = ways[count].get(key, 0) + number
        far = abs(seen - middle)
        return sum(n for key, n in ways[size].items() if abs(key - middle) >= far) / math.comb(
            total, size
        )
    ties = sum(len(found) ** 3 - len(found) for found in places.values())
    variance = size * (total - size) / 12 * (total + 1 - ties / (total * (total - 1)))
    if not variance:
        return 1.0
    distance = max(0.0, abs(seen - middle) / 2 - 0.5) / math.sqrt(variance)
    return 2 * (1 - statistics.NormalDist().cdf(distance))


def _refuse(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    kinds = [_kind(before), _kind(now)]
    if kinds[0] != kinds[1]:
        raise BadValueError(
            f"run {before['id']} is {kinds[0]} and run {now['id']} is {kinds[1]}",
            "compare runs of one kind, as they measure different things",
        )


def _kind(run: Mapping[str, Any]) -> str:
    if run["kind"] == "measured":
        return "one of measured functions"
    mode = f"contention of {run['copies']} copies" if run["mode"] == "contention" else "solo"
    return f"{'quick' if run['quick'] else 'full'}, {mode}"


def _doubts(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    different = [name for name in _MACHINE if before[name] != now[name]]
    told = []
    if different:
        words = ", ".join(f"{name} {before[name]} and {now[name]}" for name in different)
        told.append(f"the machines differ: {words}")
    for run in (before, now):
        if run["load_before"] and run["cpus"] and run["load_before"] > run["cpus"] / 2:
            told.append(f"run {run['id']} began under a load of {run['load_before']}")
        if run["status"] not in ("completed", "failed"):
            told.append(f"run {run['id']} is not whole: it is {run['status']}")
    return told


def _by_name(results: Sequence[Row]) -> dict[tuple[str, str], Row]:
    return {(row["suite"], row["benchmark"]): row for row in results if row["status"] != "skipped"}


def _row(name: tuple[str, str], old: Row | None, new: Row | None) -> Row:
    row: Row = {
        "suite": name[0],
        "benchmark": name[1],
        "before": old and old["mean"],
        "now": new and new["mean"],
        "change": None,
        "p": None,
        "verdict": "only before" if new is None else "only now" if old is None else "failed",
        "figures": {},
    }
    if old is None or new is None or not (old["mean"] and new["mean"]):
        return row
    row["change"] = new["mean"] / old["mean"] - 1
    raw = old["raw"] or [], new["raw"] or []
    few = min(map(len, raw)) < _ENOUGH
    one, other = map(_values if few else _means, raw)
    if min(len(one), len(other)) >= _ENOUGH:
        row["p"] = significance(one, other)
        least = LEAST_CHANGE_OF_FEW if few else LEAST_CHANGE
        row["verdict"] = _verdict(row["change"], row["p"], least)
    else:
        row["verdict"] = "too few values"
    row["figures"] = _changed(old["figures"] or {}, new["figures"] or {})
    return row


def _means(raw: list[list[float]]) -> list[float]:
    """The mean of each process, as values of one process resemble one another."""
    return [statistics.fmean(values) for values in raw]


def _values(raw: list[list[float]]) -> list[float]:
    return [value for values in raw for value in values]


def _verdict(change: float, p: float, least: float) -> str:
    if p >= _ALPHA or abs(change) < least:
        return "same"
    return "slower" if change > 0 else "faster"


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Figures that differ, before and now; what follows from the time is told by that."""
    return {
        name: [old.get(name), new.get(name)]
        for name in sorted({*old, *new} - {"real_time_factor"})
        if old.get(name) != new.get(name)
    }
