"""`@measured`: functions of any kind are measured into the history, and never harmed."""

import asyncio
import inspect
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_help import rows

from recorder import measured

QUERY = (
    "SELECT r.kind, r.status, m.* FROM benchmark_runs AS r "
    "JOIN benchmark_measurements AS m ON m.run_id = r.id ORDER BY r.id, benchmark"
)


@pytest.fixture
def measuring(tmp_path: Path) -> Iterator[Path]:
    """A database that is measured into, made by the first write."""
    path = tmp_path / "measured.db"
    measured.on(path)
    yield path
    measured.off()


def found(path: Path) -> dict[str, dict[str, object]]:
    measured.flush()
    return {row["benchmark"].rpartition(".")[2]: row for row in rows(path, QUERY)}


@measured
def work(seconds: float = 0.02) -> str:
    """Works."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
    return "done"


def test_a_function_is_what_it_was_and_its_calls_are_kept(measuring: Path) -> None:
    assert [work(), work(seconds=0.03)] == ["done", "done"]
    assert (work.__name__, work.__doc__) == ("work", "Works.")
    row = found(measuring)["work"]
    assert row["suite"] == __name__
    assert row["kind"] == "measured"
    assert row["n"] == 2
    assert row["min"] >= 0.02
    assert row["max"] >= 0.03
    assert row["cpu_seconds"] >= 0.024
    assert row["peak_memory_bytes"] > 5_000_000
    assert len(json.loads(row["raw"])[0]) == 2


def test_waiting_counts_as_time_and_not_as_cpu(measuring: Path) -> None:
    @measured("a name")
    async def wait(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    async def both() -> list[float]:
        return await asyncio.gather(wait(0.05), wait(0.1))

    assert inspect.iscoroutinefunction(wait)
    assert asyncio.run(both()) == [0.05, 0.1]
    row = found(measuring)["a name"]
    assert row["n"] == 2
    assert row["min"] >= 0.049
    assert row["max"] >= 0.099
    assert row["cpu_seconds"] < 0.04


def test_a_generator_is_driven_as_ever_and_its_consumer_does_not_count(measuring: Path) -> None:
    @measured
    def talk():
        got = yield 1
        try:
            yield got
        except ValueError as error:
            yield f"caught {error}"
        return "end"

    @measured
    def outer():
        return (yield from talk())

    one = outer()
    assert next(one) == 1
    time.sleep(0.05)
    assert one.send("sent") == "sent"
    assert one.throw(ValueError("it")) == "caught it"
    with pytest.raises(StopIteration) as ended:
        next(one)
    assert ended.value.value == "end"
    row = found(measuring)["talk"]
    assert (row["n"], json.loads(row["figures"])) == (1, {})
    assert row["max"] < 0.05


def test_a_consumer_that_stops_early_closes_the_generator_and_is_no_error(measuring: Path) -> None:
    closed = []

    @measured
    def numbers():
        try:
            yield from range(10)
        finally:
            closed.append("sync")

    @measured
    async def later():
        try:
            for number in range(10):
                await asyncio.sleep(0)
                yield number
        finally:
            closed.append("async")

    async def consume() -> None:
        stream = later()
        assert await anext(stream) == 0
        assert await stream.asend(None) == 1
        await stream.aclose()
        assert [number async for number in later()] == [*range(10)]

    stream = numbers()
    next(stream)
    stream.close()
    asyncio.run(consume())
    assert closed == ["sync", "async", "async"]
    kept = found(measuring)
    assert (kept["numbers"]["n"], kept["later"]["n"]) == (1, 2)
    assert kept["numbers"]["figures"] == kept["later"]["figures"] == "{}"


def test_a_cancelled_coroutine_is_cancelled_inside(measuring: Path) -> None:
    seen = []

    @measured
    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def cancel() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert seen == ["cancelled"]
    assert found(measuring)["wait"]["n"] == 1


def test_an_error_is_raised_as_it_was_and_counted(measuring: Path) -> None:
    class Shop:
        @measured
        @classmethod
        def fails(cls) -> None:
            raise KeyError(cls.__name__)

        @measured
        @staticmethod
        def works() -> int:
            return 1

    with pytest.raises(KeyError, match="Shop"):
        Shop.fails()
    assert Shop().works() == 1
    kept = found(measuring)
    assert json.loads(kept["fails"]["figures"]) == {"errors": 1}
    assert json.loads(kept["works"]["figures"]) == {}


def test_nothing_is_measured_when_it_is_off(tmp_path: Path) -> None:
    path = tmp_path / "measured.db"
    measured.on(path)
    measured.off()
    assert work(0.0) == "done"
    measured.flush()
    assert not path.exists()


def test_a_store_that_fails_harms_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database at all" * 100)
    measured.on(broken)
    try:
        assert work(0.0) == "done"
        measured.flush()
        assert work(0.0) == "done"
        measured.flush()
    finally:
        measured.off()
    told = [entry for entry in caplog.records if entry.levelname == "WARNING"]
    assert len(told) == 1
    assert "what was measured is not stored" in told[0].getMessage()
    assert broken.read_bytes() == b"this is no database at all" * 100


def test_what_could_not_be_stored_is_stored_later(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "measured.db"
    measured.on(path)
    try:
        work(0.0)
        measured.flush()
        path.parent.mkdir()
        work(0.0)
        assert found(path)["work"]["n"] == 2
    finally:
        measured.off()


PROGRAM = """
import os, sys
from recorder import measured

@measured
def work():
    return 1

for _ in range(3):
    work()
if "fork" in sys.argv:
    child = os.fork()
    work()
    if child == 0:
        measured.flush()
        os._exit(0)
    os.waitpid(child, 0)
print([name for name in sys.modules if name in ("psutil", "pyperf", "sqlite3", "click")])
"""


def program(folder: Path, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    (folder / "shop.py").write_text(PROGRAM)
    surroundings = {**os.environ, "BUILDREC_DB": str(folder / "h.db"), **environ}
    return subprocess.run([sys.executable, "shop.py", *words], cwd=folder, env=surroundings,
                          capture_output=True, text=True, check=True)  # fmt: skip


def test_a_program_is_measured_by_a_variable_until_its_end(tmp_path: Path) -> None:
    program(tmp_path)
    assert not (tmp_path / "h.db").exists()
    ended = program(tmp_path, BUILDREC_MEASURE="1")
    assert ended.stderr == ""
    (row,) = rows(tmp_path / "h.db", QUERY)
    assert (row["suite"], row["benchmark"], row["n"]) == ("shop", "work", 3)
    assert row["status"] == "completed"


def test_a_forked_process_keeps_its_own_calls_in_a_run_of_its_own(tmp_path: Path) -> None:
    program(tmp_path, "fork", BUILDREC_MEASURE="1")
    assert sorted(row["n"] for row in rows(tmp_path / "h.db", QUERY)) == [1, 4]


def test_a_program_that_does_not_measure_imports_nothing_for_it(tmp_path: Path) -> None:
    assert program(tmp_path).stdout == "[]\n"
