"""Each canned query as JSON at a million builds, against `select 1` of the same server."""

import http.client
import re
import sqlite3
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from tests.benchmarks import places, report, timing
from tests.benchmarks.options import Options
from tests.benchmarks.places import environment, installed
from tests.benchmarks.report import Report, Row

_TIMES, _FLAT = 2.0, 30.0
_FLOOR = "floor"


def measure(options: Options) -> Report:
    """Through a real `buildrec serve` and one connection that is kept open."""
    rounds = 8 if options.quick else 25
    path = places.history(options.builds)
    metadata = yaml.safe_load((places.ROOT / "metadata.yml").read_text(encoding="utf-8"))
    queries = metadata["databases"]["docker_build_history"]["queries"]
    asked = dict(queries)
    queries[_FLOOR] = {"sql": "select 1"}
    calls = [(_FLOOR, {})] + [
        (name, values) for name in asked for values in _values(asked[name], path)
    ]
    with serving(path, metadata) as client:
        arms = {_label(*call): _get(client, *call) for call in calls}
        found = timing.side_by_side(arms, rounds)
    floor = statistics.median(found[_FLOOR])
    rows, missed = [], []
    for name, values in calls[1:]:
        label = _label(name, values)
        ours = statistics.median(found[label])
        ratio, _, met = report.within(ours, floor, _TIMES)
        met = met or ours <= _FLAT
        rows.append(
            Row(f"`{label}`", f"{floor:.1f} ms", timing.spread(found[label]), ratio,
                f"{_TIMES:g} x or {_FLAT:g} ms", met)
        )  # fmt: skip
        if not met:
            missed.append(f"{label}:\n{_plan(path, asked[name], values)}")
    return Report(rows, "\n\n".join(missed))


def _values(query: dict[str, Any], path: Path) -> Iterator[dict[str, str]]:
    """The query as a link gives it, and for the image that is built most."""
    yield {}
    if "image_name" in query.get("params", ()):
        with closing(sqlite3.connect(path)) as connection:
            busiest = connection.execute(
                "SELECT image_name FROM build_statistics ORDER BY total_builds DESC LIMIT 1"
            ).fetchone()[0]
        yield {"image_name": busiest}


def _label(name: str, values: dict[str, str]) -> str:
    return f"{name} of one image" if values else name


@contextmanager
def serving(path: Path, metadata: dict[str, Any]) -> Iterator[http.client.HTTPConnection]:
    """A connection to a Datasette process that `buildrec serve` would start, with `metadata`."""
    with tempfile.TemporaryDirectory() as folder:
        python = installed() / "python"
        site = Path(folder) / "metadata.yml"
        site.write_text(yaml.safe_dump(metadata), encoding="utf-8")
        script = Path(__file__).with_name("serve_script.py")
        process = subprocess.Popen(
            [str(python), "-P", str(script), str(path), str(site)],
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            address = re.search(r"http://\S+/", process.stderr.readline())
            assert address, process.stderr.read()
            place = urlsplit(address[0])
            client = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
            yield client
            client.close()
        finally:
            process.kill()
            process.wait()


def _get(client: http.client.HTTPConnection, name: str, values: dict[str, str]) -> timing.Arm:
    place = f"/docker_build_history/{name}.json?{urlencode({'_shape': 'array', **values})}"

    def get() -> None:
        client.request("GET", place)
        answer = client.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{place} answered {answer.status}: {body[:200]!r}")

    return get


def _plan(path: Path, query: dict[str, Any], values: dict[str, str]) -> str:
    """How SQLite goes about it, as an indented list."""
    given = {name: values.get(name, "") for name in query.get("params", ())}
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {query['sql']}", given)
        return "\n".join(f"    {row[3]}" for row in rows)
