"""`@measured`: keeps the time, CPU time and peak memory of your own functions in the history."""

import contextlib
import functools
import inspect
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar, overload

from recorder.bench.measurements import Measurements, Name

F = TypeVar("F", bound=Callable[..., Any])


class Measured:
    """The decorator `@measured`, or `@measured("name")`.

    It is off, and costs a call one `if`, unless `BUILDREC_MEASURE=1` is set or `measured.on()` was
    called. The result stands under the function's module and qualified name, or the name given.
    Times are seconds of the clock: of a coroutine with its waiting, of a generator without that of
    its consumer. CPU time is that of the calling thread while the function runs; peak memory is the
    most that the process has held up to then. A call that raises counts, and is told as an error.

    Nothing that goes wrong in measuring or storing reaches the function.
    """

    def __init__(self) -> None:
        self.is_on = os.environ.get("BUILDREC_MEASURE", "") not in ("", "0")
        self._measurements = Measurements(_facts)

    @overload
    def __call__(self, function: F) -> F: ...
    @overload
    def __call__(self, function: str) -> Callable[[F], F]: ...
    def __call__(self, function: F | str) -> F | Callable[[F], F]:
        """Give the function that measures itself."""
        if isinstance(function, str):
            name = function
            return lambda decorated: self._wrapped(decorated, name)
        wrapped: F = self._wrapped(function, None)
        return wrapped

    def on(self, db_path: str | os.PathLike[str] | None = None) -> None:
        """Measure from now on, into the database at `db_path` or the one found from here."""
        self._measurements.begin(Path(db_path).absolute() if db_path else None)
        self.is_on = True

    def off(self) -> None:
        """Measure no more; what was measured is written."""
        self.is_on = False
        self.flush()

    def flush(self) -> None:
        """Write what was measured; a thread does every 5 seconds, and the end of the program."""
        self._measurements.flush()

    def _wrapped(self, function: Any, given: str | None) -> Any:
        if isinstance(function, (classmethod, staticmethod)):
            return type(function)(self._wrapped(function.__func__, given))
        name = (_module(function), given or _qualified(function))
        if inspect.isasyncgenfunction(function):
            return self._async_generator(function, name)
        if inspect.iscoroutinefunction(function):
            return self._coroutine(function, name)
        if inspect.isgeneratorfunction(function):
            return self._generator(function, name)
        return self._plain(function, name)

    def _plain(self, function: Any, name: Name) -> Any:
        @functools.wraps(function)
        def measuring(*args: Any, **kwargs: Any) -> Any:
            if not self.is_on:
                return function(*args, **kwargs)
            with self._call(name) as call, call.step():
                return function(*args, **kwargs)

        return measuring

    def _generator(self, function: Any, name: Name) -> Any:
        @functools.wraps(function)
        def measuring(*args: Any, **kwargs: Any) -> Any:
            if not self.is_on:
                return (yield from function(*args, **kwargs))
            with self._call(name) as call:
                return (yield from _driven(function(*args, **kwargs), call))

        return measuring

    def _coroutine(self, function: Any, name: Name) -> Any:
        @functools.wraps(function)
        async def measuring(*args: Any, **kwargs: Any) -> Any:
            if not self.is_on:
                return await function(*args, **kwargs)
            with self._call(name) as call:
                return await _Awaited(function(*args, **kwargs), call)

        return measuring

    def _async_generator(self, function: Any, name: Name) -> Any:
        @functools.wraps(function)
        async def measuring(*args: Any, **kwargs: Any) -> Any:
            inner = function(*args, **kwargs)
            with self._call(name) if self.is_on else contextlib.nullcontext() as call:
                step = inner.__anext__()
                while True:
                    try:
                        item = await (_Awaited(step, call) if call else step)
                    except StopAsyncIteration:
                        return
                    try:
                        value = yield item
                    except GeneratorExit:
                        await inner.aclose()
                        raise
                    except BaseException as thrown:  # noqa: BLE001 - it is the inner one's
                        step = inner.athrow(thrown)
                    else:
                        step = inner.asend(value)

        return measuring

    @contextlib.contextmanager
    def _call(self, name: Name) -> "Iterator[_Call]":
        """One call, which is noted when it ends; a consumer that stops early is no error."""
        call, failed = _Call(), False
        try:
            yield call
        except Exception:
            failed = True
            raise
        finally:
            self._measurements.note(name, call.seconds, call.cpu, failed=failed)


class _Call:
    """What one call took so far, in seconds: of the clock, and of this thread's CPU."""

    __slots__ = ("cpu", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu = 0.0

    @contextlib.contextmanager
    def step(self) -> "Iterator[None]":
        """Add what happens inside."""
        began, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began
            self.cpu += time.thread_time() - cpu


class _Awaited:
    """Awaits something for a call: the clock runs while it waits, the CPU counts while it works."""

    def __init__(self, awaitable: Any, call: _Call) -> None:
        self._awaitable = awaitable
        self._call = call

    def __await__(self) -> Generator[Any, Any, Any]:
        before, began = self._call.seconds, time.perf_counter()
        try:
            return (yield from _driven(self._awaitable.__await__(), self._call))
        finally:
            self._call.seconds = before + time.perf_counter() - began


def _driven(inner: Any, call: _Call) -> Generator[Any, Any, Any]:
    """`yield from inner` (PEP 380), with each of its steps added to the call."""
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            with call.step():
                item = inner.send(value) if error is None else inner.throw(error)
        except StopIteration as ended:
            return ended.value
        value = error = None
        try:
            value = yield item
        except GeneratorExit:
            inner.close()
            raise
        except BaseException as thrown:  # noqa: BLE001 - it is the inner one's
            error = thrown


def _module(function: Any) -> str:
    """The function's module; of a program that was started as a file, the file's name."""
    name = str(getattr(function, "__module__", None) or "functions")
    if name == "__main__":
        file = getattr(sys.modules["__main__"], "__file__", None)
        return Path(file).stem if file else name
    return name


def _qualified(function: Any) -> str:
    return str(getattr(function, "__qualname__", "function")).replace(".<locals>", "")


def _facts() -> dict[str, Any]:
    from recorder.bench import environment
    from recorder.benchmarks import checkout

    return {**environment.facts(), **checkout()}


measured = Measured()
