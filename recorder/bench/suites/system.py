"""The suite `system`: memory, threads, coroutines, a database and a network, by what Python has."""

import asyncio
import hashlib
import os
import socket
import sqlite3
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random

from recorder.bench.registry import Figure, Suite, Work

suite = Suite(
    "system",
    about="Memory allocation, a thread pool, coroutines, a database, and a network with a delay.",
)

_PAGE = 4096
_THREADS = 4
"""A fixed number, so that machines compare."""
_WORKERS = 50
_DELAY = 0.005
"""Seconds that the server takes before each answer."""
_MESSAGE = 256


@suite.benchmark("memory")
def memory(_scratch: Path, quick: bool) -> Work:
    """Allocate blocks of 64 bytes to 1 MiB, touch their pages, and let the oldest go."""
    random = Random(3)
    sizes = [2 ** random.randint(6, 20) for _ in range(400 if quick else 2_000)]
    kept = 64

    def allocate() -> tuple[int, int]:
        ring: list[bytearray] = [bytearray() for _ in range(kept)]
        touched = 0
        for number, size in enumerate(sizes):
            block = bytearray(size)
            block[::_PAGE] = b"\1" * -(-size // _PAGE)
            ring[number % kept] = block
            touched += block.count(1)
        return touched, sum(map(len, ring))

    def check(result: tuple[int, int]) -> dict[str, Figure]:
        pages = sum(-(-size // _PAGE) for size in sizes)
        assert result == (pages, sum(sizes[-kept:])), "blocks were lost"
        return {"blocks": len(sizes), "bytes": sum(sizes)}

    return Work(allocate, check, operations=len(sizes))


@suite.benchmark("threads")
def threads(_scratch: Path, quick: bool) -> Iterator[Work]:
    """Hash blocks by SHA-256 in a pool of four threads; hashing lets go of Python's lock."""
    random = Random(5)
    blocks = [random.randbytes(128 * 1024) for _ in range(16 if quick else 64)]

    with ThreadPoolExecutor(_THREADS) as pool:

        def hashed() -> list[str]:
            return list(pool.map(_sha256, blocks))

        def check(digests: list[str]) -> dict[str, Figure]:
            assert digests == [_sha256(block) for block in blocks], "a hash is wrong"
            return {"threads": _THREADS, "bytes": sum(map(len, blocks))}

        yield Work(hashed, check, operations=len(blocks))


@suite.benchmark("async")
def coroutines(_scratch: Path, quick: bool) -> Work:
    """Hand numbers through a queue to fifty tasks, each of which gives way before it adds."""
    numbers = range(2_000 if quick else 10_000)

    async def consume(queue: asyncio.Queue[int | None]) -> int:
        total = 0
        while (number := await queue.get()) is not None:
            await asyncio.sleep(0)
            total += number
        return total

    async def run() -> list[int]:
        queue: asyncio.Queue[int | None] = asyncio.Queue(maxsize=2 * _WORKERS)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(consume(queue)) for _ in range(_WORKERS)]
            for number in numbers:
                await queue.put(number)
            for _ in tasks:
                await queue.put(None)
        return [task.result() for task in tasks]

    def check(totals: list[int]) -> dict[str, Figure]:
        assert sum(totals) == sum(numbers), "a number was lost"
        return {"tasks": _WORKERS, "messages": len(numbers)}

    return Work(run, check, operations=len(numbers))


@suite.benchmark("database")
def database(scratch: Path, quick: bool) -> Iterator[Work]:
    """Insert, look up, sum, update and delete rows of a SQLite file, in a transaction each."""
    count = 1_000 if quick else 5_000
    random = Random(11)
    rows = [(number, f"user-{number % 97}", random.randrange(1_000)) for number in range(count)]
    wanted = [random.randrange(count) for _ in range(count // 2)]

    with closing(sqlite3.connect(scratch / "rows.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, user TEXT, amount INTEGER)")
        connection.execute("CREATE INDEX rows_by_user ON rows (user, amount)")

        def work() -> tuple[int, dict[str, int], int]:
            with connection:
                connection.execute("DELETE FROM rows")
                connection.executemany("INSERT INTO rows VALUES (?, ?, ?)", rows)
            one = "SELECT amount FROM rows WHERE id = ?"
            found = sum(connection.execute(one, (number,)).fetchone()[0] for number in wanted)
            sums = dict(connection.execute("SELECT user, sum(amount) FROM rows GROUP BY user"))
            with connection:
                connection.execute("UPDATE rows SET amount = amount + 1 WHERE id % 2 = 0")
                connection.execute("DELETE FROM rows WHERE user = 'user-1'")
            (left,) = connection.execute("SELECT sum(amount) FROM rows").fetchone()
            return found, sums, left

        def check(result: tuple[int, dict[str, int], int]) -> dict[str, Figure]:
            found, sums, left = result
            amounts = [amount for _, _, amount in rows]
            expected: dict[str, int] = {}
            for _, user, amount in rows:
                expected[user] = expected.get(user, 0) + amount
            kept = [amount + (number % 2 == 0) for number, user, amount in rows if user != "user-1"]
            assert found == sum(amounts[number] for number in wanted), "a lookup is wrong"
            assert sums == expected, "a sum is wrong"
            assert left == sum(kept), "an update or a deletion is wrong"
            return {"rows": count, "lookups": len(wanted)}

        yield Work(work, check)


@suite.benchmark("latency")
def latency(_scratch: Path, quick: bool) -> Iterator[Work]:
    """Ask a server on the loopback that takes 5 ms to answer; what is above that is overhead."""
    message = os.urandom(_MESSAGE)
    requests = 10 if quick else 20

    with _server() as address, socket.create_connection(address) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def ask() -> list[tuple[float, bytes]]:
            answers = []
            for _ in range(requests):
                began = time.perf_counter()
                client.sendall(message)
                answer = _received(client, _MESSAGE)
                answers.append((time.perf_counter() - began, answer))
            return answers

        def check(answers: list[tuple[float, bytes]]) -> dict[str, Figure]:
            assert all(answer == message[::-1] for _, answer in answers), "an answer is wrong"
            times = [seconds for seconds, _ in answers]
            assert min(times) >= _DELAY, "an answer came before the delay was over"
            overhead = statistics.median(times) - _DELAY
            return {"delay_ms": _DELAY * 1000, "overhead_ms": round(overhead * 1000, 3)}

        yield Work(ask, check, operations=requests)


def _sha256(block: bytes) -> str:
    return hashlib.sha256(block).hexdigest()


@contextmanager
def _server() -> Iterator[tuple[str, int]]:
    """A server's address; its thread sends each message back reversed after the delay."""

    def serve() -> None:
        connection, _ = listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, suppress(ConnectionError):
            while message := _received(connection, _MESSAGE):
                time.sleep(_DELAY)
                connection.sendall(message[::-1])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()
        thread.join(timeout=5)


def _received(connection: socket.socket, length: int) -> bytes:
    """So many bytes; none if the other side has closed."""
    found = b""
    while len(found) < length:
        part = connection.recv(length - len(found))
        if not part:
            return b""
        found += part
    return found
