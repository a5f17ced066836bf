"""The rate limit of a run, shared by all its workers."""

import threading
import time
from collections.abc import Callable

from replicator.errors import Interrupted

BURST_SECONDS = 0.1  # how much unused time may be made up for


class Throttle:
    """Computes how long to wait after some bytes, to keep an average rate."""

    def __init__(self, bytes_per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = bytes_per_second
        self._clock = clock
        self._free_at = clock()
        self._lock = threading.Lock()

    def take(self, bytes: int) -> float:
        """Count bytes that were moved, and return the seconds to wait before the next.

        >>> throttle = Throttle(1000, clock=lambda: 5.0)
        >>> throttle.take(500), throttle.take(1000)
        (0.5, 1.5)
        """
        with self._lock:
            now = self._clock()
            self._free_at = max(self._free_at, now - BURST_SECONDS) + bytes / self._pace
            return max(0.0, self._free_at - now)

    def wait(self, bytes: int, stopped: threading.Event) -> None:
        """Wait as long as these bytes may take. Raises Interrupted if the run is cancelled meanwhile."""
        if stopped.wait(self.take(bytes)):
            raise Interrupted("stopped")
