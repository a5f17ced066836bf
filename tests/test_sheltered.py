"""A signal cancels a command in the thread where it runs, and never interrupts its cleanup."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from replicator.sessions import sheltered as module
from replicator.sessions.sheltered import sheltered
from replicator.sessions.watch import Watch, prepared, watched


class Ended(Exception):
    """What a handler raises."""


@pytest.fixture(autouse=True)
def handled() -> Iterator[None]:
    """A handler that raises, as that of SIGTERM does."""

    def raise_it(number: int, frame: object) -> None:
        raise Ended

    before = signal.signal(signal.SIGUSR1, raise_it)
    yield
    signal.signal(signal.SIGUSR1, before)


def interrupt(times: int, pause: float = 0.1) -> None:
    """Send signals to this process while the test goes on."""

    def send() -> None:
        for _ in range(times):
            time.sleep(pause)
            os.kill(os.getpid(), signal.SIGUSR1)

    threading.Thread(target=send).start()


def waits_and_cleans(cleaned: list[str], seconds: float) -> None:
    with watched(prepared.get()) as watch:
        try:
            watch.sleep(30)
        finally:
            watch.sleep(seconds)
            cleaned.append("all")


def test_the_cleanup_is_not_interrupted() -> None:
    cleaned: list[str] = []
    interrupt(3)
    with pytest.raises(Ended):
        sheltered(lambda: waits_and_cleans(cleaned, 1.0))
    assert cleaned == ["all"]


def test_a_late_interrupt_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAVING_SECONDS", 0.05)
    cleaned: list[str] = []
    interrupt(2)
    with pytest.raises(Ended):
        sheltered(lambda: waits_and_cleans(cleaned, 2.0))
    assert cleaned == []


def test_an_interrupt_that_comes_too_late_to_cancel_is_raised() -> None:
    interrupt(1)
    with pytest.raises(Ended):
        sheltered(lambda: time.sleep(0.5))


def test_results_and_errors_come_through() -> None:
    assert sheltered(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        sheltered(lambda: 1 / 0)


def test_a_run_is_cancelled_once() -> None:
    """A second cancel during the cleanup would leave it half done."""
    with watched(Watch()) as watch:
        watch.cancel()
        with pytest.raises(KeyboardInterrupt):
            watch.check()
        watch.cancel()
        watch.check()
