"""A real socket before the engine's, which is slow, or hangs up in the middle of an answer."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_ABOUT_IMAGE, _TO_BUILDKIT = b"/images/", b"POST /grpc"


class Relay:
    """Passes on what is said to the engine at `address` (`unix://`), on a socket in `folder`.

    A question about an image is held up for `slow` seconds. The connection to BuildKit is cut,
    once, when `cut_after` bytes of its answers have passed; `passed` counts them.
    """

    def __init__(self, address: str, folder: Path, slow: float, cut_after: float) -> None:
        self.address = f"unix://{folder / 'relay.sock'}"
        self.passed = 0
        self._there = address.removeprefix("unix://")
        self._slow, self._cut_after = slow, cut_after
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "relay.sock"))
        self._listener.listen()

    def serve(self) -> None:
        """Take connections until closed."""
        with contextlib.suppress(OSError):
            while True:
                asking, _ = self._listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(self._there)
                _begin(self._ask, asking, engine)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _ask(self, asking: socket.socket, engine: socket.socket) -> None:
        data = asking.recv(65536)
        answers = self._answer_and_cut if data.startswith(_TO_BUILDKIT) else self._answer
        _begin(answers, asking, engine)
        with contextlib.suppress(OSError):
            while data:
                if _ABOUT_IMAGE in data:
                    time.sleep(self._slow)
                engine.sendall(data)
                data = asking.recv(65536)
            engine.shutdown(socket.SHUT_RDWR)

    def _answer(self, asking: socket.socket, engine: socket.socket) -> None:
        with asking, engine, contextlib.suppress(OSError):
            while data := engine.recv(4096):
                asking.sendall(data)
            asking.shutdown(socket.SHUT_RDWR)

    def _answer_and_cut(self, asking: socket.socket, engine: socket.socket) -> None:
        with asking, engine, contextlib.suppress(OSError):
            while self.passed <= self._cut_after and (data := engine.recv(4096)):
                self.passed += len(data)
                asking.sendall(data)
            if self.passed > self._cut_after:
                self._cut_after = float("inf")
            asking.shutdown(socket.SHUT_RDWR)


def _begin(work: Callable[..., None], *sockets: socket.socket) -> None:
    threading.Thread(target=work, args=sockets, daemon=True).start()


@contextlib.contextmanager
def relaying(
    address: str, folder: Path, slow: float = 0, cut_after: float = float("inf")
) -> Iterator[Relay]:
    """A `Relay` that works until the end of the block."""
    (folder / "relay.sock").unlink(missing_ok=True)
    relay = Relay(address, folder, slow, cut_after)
    thread = threading.Thread(target=relay.serve)
    thread.start()
    try:
        yield relay
    finally:
        relay.close()
        thread.join()
