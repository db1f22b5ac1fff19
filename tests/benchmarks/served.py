"""A real server on a large history, and what is asked of it."""

import http.client
import re
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from recorder.publish import explained_sql
from tests.benchmarks import places, timing
from tests.benchmarks.places import environment, installed

HISTORY = "/docker_build_history"
_PATIENCE = 300  # seconds
# What each parameter of metadata.yml is given: the image that is built most, its latest build of
# which layers are known, and the step of that which took longest.
_VALUES = {
    "image_name": "SELECT image_name FROM build_statistics ORDER BY total_builds DESC LIMIT 1",
    "build": "SELECT id FROM docker_builds WHERE image_name = :image_name AND success "
    "ORDER BY completed_at DESC LIMIT 1",
    "step_key": "SELECT step_key FROM steps WHERE build_id = :build ORDER BY duration DESC LIMIT 1",
}

Client = http.client.HTTPConnection
Queries = dict[str, Any]


def metadata() -> dict[str, Any]:
    """What metadata.yml says."""
    found = yaml.safe_load((places.ROOT / "metadata.yml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def queries(site: Mapping[str, Any]) -> Queries:
    """The canned queries of a metadata.yml."""
    found = site["databases"]["docker_build_history"]["queries"]
    assert isinstance(found, dict)
    return found


def values(path: Path) -> dict[str, str]:
    """What each parameter is given that names a record, for the busiest image of the history."""
    found: dict[str, str] = {}
    with closing(sqlite3.connect(path)) as connection:
        for name, query in _VALUES.items():
            found[name] = str(connection.execute(query, found).fetchone()[0])
    return found


def calls(asked: Queries, known: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each query as a link gives it, and for what `known` names where it has such a parameter."""
    for name, query in asked.items():
        yield name, {}
        given = {key: known[key] for key in query.get("params", ()) if key in known}
        if given:
            yield name, given


def label(name: str, given: Mapping[str, str]) -> str:
    """A call in a table: `image` of one image_name."""
    return f"`{name}` of one {' and '.join(given)}" if given else f"`{name}`"


def address(name: str, given: Mapping[str, str]) -> str:
    """Where the canned query `name`, with or without an ending, is answered."""
    return f"{HISTORY}/{name}{'?' if given else ''}{urlencode(given)}"


def plan(path: Path, query: dict[str, Any], given: Mapping[str, str]) -> str:
    """How SQLite goes about a canned query, as an indented list."""
    parameters = {name: given.get(name, "") for name in query.get("params", ())}
    with closing(sqlite3.connect(path)) as connection:
        explained_sql.prepare(connection)
        rows = connection.execute(f"EXPLAIN QUERY PLAN {query['sql']}", parameters)
        return "\n".join(f"    {row[3]}" for row in rows)


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """Host and port of a `buildrec serve` process."""
    command = [installed() / "buildrec", "--db", path, "serve", "--port", "0"]
    with _running(*command) as place:
        yield place


@contextmanager
def serving_other(path: Path, site: dict[str, Any]) -> Iterator[str]:
    """The same with another metadata.yml."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "metadata.yml")
        file.write_text(yaml.safe_dump(site), encoding="utf-8")
        script = Path(__file__).with_name("serve_script.py")
        with _running(installed() / "python", "-P", script, path, file) as place:
            yield place


@contextmanager
def _running(*command: object) -> Iterator[str]:
    process = subprocess.Popen(
        [str(word) for word in command], env=environment(), stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        told = re.search(r"http://\S+/", process.stderr.readline())
        assert told, process.stderr.read()
        yield urlsplit(told[0]).netloc
    finally:
        process.kill()
        process.wait()


def connected(place: str) -> Client:
    """A connection that is kept open; close it."""
    return http.client.HTTPConnection(place, timeout=_PATIENCE)


def get(client: Client, target: str) -> timing.Arm:
    """An arm that fetches `target` whole; raises RuntimeError unless the answer is 200."""

    def fetch() -> None:
        client.request("GET", target)
        answer = client.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{target} answered {answer.status}: {body[:200]!r}")

    return fetch
