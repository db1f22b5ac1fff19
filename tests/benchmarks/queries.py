"""Each canned query as JSON at a million builds, against `select 1` of the same server."""

import statistics
from contextlib import closing

from tests.benchmarks import places, served, timing
from tests.benchmarks.options import Options
from tests.benchmarks.report import Report, Row

_TIMES, _FLAT = 2.0, 30.0
_FLOOR = "floor"


def measure(options: Options) -> Report:
    """Through a real server and one connection that is kept open."""
    rounds = 8 if options.quick else 25
    path = places.history(options.builds)
    site = served.metadata()
    queries = served.queries(site)
    calls = list(served.calls(queries, served.values(path)))
    site["databases"]["docker_build_history"]["queries"] = {
        **queries, _FLOOR: {"sql": "select 1"}
    }  # fmt: skip
    with (
        served.serving_other(path, site) as place,
        closing(served.connected(place)) as client,
    ):
        arms = {
            served.label(name, given): served.get(
                client, served.address(f"{name}.json", {"_shape": "array", **given})
            )
            for name, given in [(_FLOOR, {}), *calls]
        }
        found = timing.side_by_side(arms, rounds)
    floor = found[served.label(_FLOOR, {})]
    rows, missed = [], []
    for name, given in calls:
        label = served.label(name, given)
        ours = found[label]
        ratio = statistics.median(ours) / statistics.median(floor)
        p95 = timing.p95(ours)
        met = p95 <= max(_FLAT, _TIMES * timing.p95(floor))
        rows.append(
            Row(f"{label} as JSON", timing.middle_and_p95(floor), timing.middle_and_p95(ours),
                f"{ratio:.2f} x", f"p95: {_TIMES:g} x or {_FLAT:g} ms", met)
        )  # fmt: skip
        if not met:
            missed.append(f"{label}:\n{served.plan(path, queries[name], given)}")
    return Report(rows, "\n\n".join(missed))
