"""Every page of `buildrec serve` at a million builds: by one client, and by eight at once."""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from recorder.publish.charts import of_query
from tests.benchmarks import places, served, timing
from tests.benchmarks.options import Options
from tests.benchmarks.report import Report, Row

_MOST = 100.0  # milliseconds
_CLIENTS = 8
_SECONDS, _QUICK_SECONDS = 10, 3
_TIMES = "docker_build_times.json"
_BLOCK = 1 << 16


def measure(options: Options) -> Report:
    """Through a real `buildrec serve`; a chart is on its page, and also measured as a file."""
    rounds, seconds = (6, _QUICK_SECONDS) if options.quick else (30, _SECONDS)
    path = places.history(options.builds)
    targets = addresses(served.metadata(), served.values(path))
    with served.serving(path) as place:
        with closing(served.connected(place)) as client:
            arms = {what: served.get(client, target) for what, target in targets.items()}
            found = timing.side_by_side(arms, rounds)
        rows = [_row(what, spent) for what, spent in found.items()]
        rows += _document(place, options.builds)
        rows.append(_at_once(place, list(targets.values()), seconds))
    return Report(rows, _summary(path, rows))


def addresses(site: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    """What is asked for, by what it is called in the table."""
    queries = served.queries(site)
    tables = site["databases"]["docker_build_history"]["tables"]
    build = f"{served.HISTORY}/docker_builds/{quote(known['build'])}"
    found = {"overview": "/", "data": served.HISTORY, "build": build}
    for name, table in tables.items():
        if not table.get("hidden"):
            found[f"table `{name}`"] = f"{served.HISTORY}/{name}"
    for name, given in served.calls(queries, known):
        found[served.label(name, given)] = served.address(name, given)
        if of_query.has_chart(name):
            found[f"{served.label(name, given)} as SVG"] = served.address(f"{name}.svg", given)
    found["feed of failures"] = f"{served.HISTORY}/failures.atom"
    found["metrics"] = "/-/metrics"
    found["health"] = "/-/healthz"
    return found


def _row(what: str, spent: list[float]) -> Row:
    p95 = timing.p95(spent)
    return Row(
        what, "", timing.middle_and_p95(spent), "", f"p95: {_MOST:g} ms", p95 <= _MOST
    )  # fmt: skip


def _document(place: str, builds: int) -> list[Row]:
    """The whole document for older tools: how soon its first bytes come, and its last."""
    begun = time.perf_counter()
    with closing(served.connected(place)) as client:
        client.request("GET", f"/{_TIMES}")
        answer = client.getresponse()
        length = len(answer.read1(_BLOCK))
        first = (time.perf_counter() - begun) * 1000
        while block := answer.read(_BLOCK):
            length += len(block)
    whole = time.perf_counter() - begun
    return [
        Row(f"`{_TIMES}`, its first bytes", "", f"{first:.1f} ms", "", f"{_MOST:g} ms",
            first <= _MOST),
        Row(f"`{_TIMES}`, whole ({builds:,} builds, {length / 1e6:.0f} MB)", "", f"{whole:.1f} s"),
    ]  # fmt: skip


def _at_once(place: str, targets: list[str], seconds: float) -> Row:
    """Eight clients, each with a connection of its own, over all addresses in random order."""
    spent: list[float] = []
    failures: Counter[str] = Counter()
    until = time.monotonic() + seconds
    clients = [
        threading.Thread(target=_visit, args=(place, targets, until, number, spent, failures))
        for number in range(_CLIENTS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    for reason, count in failures.most_common(5):
        places.tell(f"{count} times: {reason}")
    failed = sum(failures.values())
    return Row(
        f"{_CLIENTS} clients at once, {len(spent):,} requests in {seconds:g} s",
        "", f"{failed} failed; {timing.middle_and_p95(spent)}", "", "none fails", not failed,
    )  # fmt: skip


def _visit(
    place: str,
    targets: list[str],
    until: float,
    number: int,
    spent: list[float],
    failures: Counter[str],
) -> None:
    """Ask for one address after the other; a list takes appends of several threads."""
    chance = random.Random(number)
    client = served.connected(place)
    while time.monotonic() < until:
        target = chance.choice(targets)
        begun = time.perf_counter()
        try:
            served.get(client, target)()
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            failures[f"{target}: {error}"] += 1
            client.close()
            client = served.connected(place)
        spent.append((time.perf_counter() - begun) * 1000)
    client.close()


def _summary(path: Path, rows: list[Row]) -> str:
    missed = [row.what for row in rows if row.met is False]
    size = path.stat().st_size / 1e9
    return f"{size:.2f} GB. Over the budget: {', '.join(missed) or 'none'}."
