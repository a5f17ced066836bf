"""How long what fails is tried again: from its first failure on, whatever it takes to fail."""

import threading
from collections.abc import Callable

import psycopg
import pytest

from replicator.errors import StepFailed, Undone
from replicator.sessions import retry
from replicator.sessions.retry import Retry

HOUR = 3600.0


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def fails_after(self, seconds: float, error: BaseException | None = None) -> Callable[[bool], None]:
        self.tries = 0

        def action(_: bool) -> None:
            self.tries += 1
            self.now += seconds
            raise error or psycopg.OperationalError("the server is away")

        return action


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(retry, "FIRST_WAIT_SECONDS", 0.0)

    class Time:
        monotonic = staticmethod(lambda: clock.now)

    monkeypatch.setattr(retry, "time", Time)
    return clock


def ignore(error: BaseException, seconds: float) -> None:
    pass


def test_what_fails_after_hours_is_tried_once_more(clock: Clock) -> None:
    with pytest.raises(psycopg.OperationalError):
        Retry(600).run("step", clock.fails_after(3 * HOUR), ignore)
    assert clock.tries == 2


def test_what_fails_at_once_is_tried_for_all_that_time(clock: Clock) -> None:
    with pytest.raises(psycopg.OperationalError):
        Retry(600).run("step", clock.fails_after(60), ignore)
    assert clock.tries == 11


def test_without_any_time_it_is_tried_once(clock: Clock) -> None:
    with pytest.raises(psycopg.OperationalError):
        Retry(0).run("step", clock.fails_after(0), ignore)
    assert clock.tries == 1


def test_what_was_done_has_all_its_time_again(clock: Clock) -> None:
    """So has a step of which another run of all steps makes a new beginning, but not one that always crashes."""
    patience = Retry(600)
    said: list[float] = []
    for _ in range(3):
        tries = iter([psycopg.OperationalError("away"), None])

        def action(_: bool) -> str:
            clock.now += HOUR
            if error := next(tries):  # noqa: B023
                raise error
            return "done"

        assert patience.run("step", action, lambda error, seconds: said.append(seconds)) == "done"
    assert len(said) == 3


def test_a_step_that_crashes_the_server_each_time_does_not_begin_anew_each_time(clock: Clock) -> None:
    patience = Retry(600)
    outcomes = iter([psycopg.OperationalError("away"), Undone(), psycopg.OperationalError("away")])

    def action(_: bool) -> None:
        clock.now += HOUR
        raise next(outcomes)

    with pytest.raises(Undone):
        patience.run("step", action, ignore)
    with pytest.raises(psycopg.OperationalError):
        patience.run("step", action, ignore)
    assert not list(outcomes)


def test_what_cannot_pass_is_not_tried_again(clock: Clock) -> None:
    with pytest.raises(StepFailed):
        Retry(600).run("step", clock.fails_after(1, StepFailed("step", "wrong")), ignore)
    assert clock.tries == 1


def test_when_all_is_stopped_nothing_is_tried_again(clock: Clock) -> None:
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(psycopg.OperationalError):
        Retry(600).run("step", clock.fails_after(1), ignore, stopped)
    assert clock.tries == 1
