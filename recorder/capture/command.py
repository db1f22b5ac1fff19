"""What the wrapper and the recording beside it tell each other; imports next to nothing."""

import time


class Plan:
    """What to record and how: `build` or `run`, and our own options, None where not given."""

    def __init__(
        self,
        kind: str,
        asked_database: str | None = None,
        zone: str | None = None,
        image_name: str | None = None,
    ) -> None:
        self.kind = kind
        self.asked_database = asked_database
        self.zone = zone
        self.image_name = image_name


class Ending:
    """Tells the recording when and how the command ended, and us what it could not record.

    `begun` is when the command began (seconds since 1970), `seconds` how long it took.
    """

    def __init__(self) -> None:
        self.begun = time.time()
        self.seconds = 0.0
        self.exit_code = 0
        self.troubles: list[str] = []
        self._clock = time.monotonic()

    def expect(self) -> None:
        """Make ready for all below, once the command runs: `threading` takes 1 ms to import."""
        import threading

        self._ended = threading.Event()
        self._recorded = threading.Event()

    def tell(self, exit_code: int) -> None:
        """Say that the command has ended."""
        self.exit_code = exit_code
        self.seconds = time.monotonic() - self._clock
        self._ended.set()

    def wait(self) -> None:
        """Wait until the command has ended."""
        self._ended.wait()

    def say_recorded(self) -> None:
        """Say that all is stored that there is to store, though the recording may still tidy up."""
        self._recorded.set()

    def is_recorded(self, seconds: float) -> bool:
        """Whether that was said, waiting for it so many seconds at most."""
        return self._recorded.wait(seconds)
