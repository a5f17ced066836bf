"""Trying again what may pass: a connection that is lost, a deadlock, a server that restarts."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from replicator.sessions.failures import may_pass

T = TypeVar("T")

FIRST_WAIT_SECONDS = 0.5  # on average half of it; the next are twice as long each
LONGEST_WAIT_SECONDS = 30.0

Tell = Callable[[BaseException, float], None]
"""Says why something is tried again, and in how many seconds."""


class Retry:
    """Tries each thing again until `seconds` have passed since it failed first. What it has done is as new after that.

    So what fails at the end of hours is tried once more, and what a server refuses at once, for as long as that.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._failed_first: dict[str, float] = {}
        self.apart: set[str] = set()
        """What failed together with others: one of them may be what makes a server crash. Each is tried by itself."""

    def run(self, name: str, action: Callable[[bool], T], tell: Tell, stopped: threading.Event | None = None) -> T:
        """Do it, again and again while what fails may pass. `action` is told whether it is tried again.

        When `stopped` is set, what fails is not tried any more. Raises what it raised.
        """
        stopped = stopped or threading.Event()

        def enough(_: tenacity.RetryCallState) -> bool:
            first = self._failed_first.setdefault(name, time.monotonic())
            return stopped.is_set() or time.monotonic() - first >= self._seconds

        def say(state: tenacity.RetryCallState) -> None:
            assert state.outcome is not None and state.next_action is not None
            error = state.outcome.exception()
            assert error is not None
            tell(error, state.next_action.sleep)

        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception(may_pass),
            wait=tenacity.wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
            stop=enough,
            sleep=tenacity.sleep_using_event(stopped),
            before_sleep=say,
            reraise=True,
        )
        for attempt in attempts:
            with attempt:
                result = action(attempt.retry_state.attempt_number > 1)
        self._failed_first.pop(name, None)
        return result

    def failed(self, name: str, error: BaseException) -> None:
        """Note that something failed that begins again elsewhere. Raises the error where it has failed for too long."""
        first = self._failed_first.setdefault(name, time.monotonic())
        if time.monotonic() - first >= self._seconds:
            raise error
