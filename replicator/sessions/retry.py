"""Retries after temporary errors: a lost connection, a deadlock, a server that restarts."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from replicator.sessions.failures import may_pass
from replicator.sessions.watch import current

T = TypeVar("T")

FIRST_WAIT_SECONDS = 0.5  # on average half of it; the next are twice as long each
LONGEST_WAIT_SECONDS = 30.0

Tell = Callable[[BaseException, float], None]
"""Called before a retry with the error and the delay in seconds."""


class Retry:
    """Retries each action until `seconds` have passed since its first failure. Success resets that.

    So an action that fails after hours is still retried, and one that fails at once is retried for that long.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._failed_first: dict[str, float] = {}
        self.one_by_one: set[str] = set()
        """Steps that failed in one batch. One of them may crash the server, so each is retried by itself."""

    def run(self, name: str, action: Callable[[bool], T], tell: Tell, stopped: threading.Event | None = None) -> T:
        """Run an action, and retry it after temporary errors. `action` gets whether this is a retry.

        No retries after `stopped` is set. Raises the last error.
        """

        def enough(_: tenacity.RetryCallState) -> bool:
            first = self._failed_first.setdefault(name, time.monotonic())
            return bool(stopped and stopped.is_set()) or time.monotonic() - first >= self._seconds

        def say(state: tenacity.RetryCallState) -> None:
            assert state.outcome is not None and state.next_action is not None
            error = state.outcome.exception()
            assert error is not None
            tell(error, state.next_action.sleep)

        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception(may_pass),
            wait=tenacity.wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
            stop=enough,
            sleep=tenacity.sleep_using_event(stopped) if stopped else current().sleep,
            before_sleep=say,
            reraise=True,
        )
        for attempt in attempts:
            with attempt:
                result = action(attempt.retry_state.attempt_number > 1)
        self._failed_first.pop(name, None)
        return result

    def failed(self, name: str, error: BaseException) -> None:
        """Record the failure of an action that the caller restarts. Raises the error if it has failed for too long."""
        first = self._failed_first.setdefault(name, time.monotonic())
        if time.monotonic() - first >= self._seconds:
            raise error
