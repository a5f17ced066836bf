"""Run a command where no signal interrupts its cleanup."""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

from replicator.sessions.watch import Watch, prepared

R = TypeVar("R")
LEAVING_SECONDS = 5.0
"""How long after Ctrl-C another one is ignored."""


def sheltered(action: Callable[[], R]) -> R:
    """Run a command in a second thread, which no signal interrupts: in the main one, a signal cancels the command.

    What its handler raised is raised again when all is cleaned up. One that comes LEAVING_SECONDS after the first ends
    the wait. In any other thread than the main one, nothing can interrupt: the command runs right there.
    """
    if threading.current_thread() is not threading.main_thread():
        return action()
    watch, ended = Watch(), threading.Event()
    results: list[R] = []
    errors: list[BaseException] = []

    def run() -> None:
        prepared.set(watch)
        try:
            results.append(action())
        except BaseException as error:
            errors.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=copy_context().run, args=(run,), name="replicator", daemon=True)
    interrupt: BaseException | None = None
    until = 0.0
    thread.start()
    while not ended.is_set():
        try:
            ended.wait()  # join() would forget the thread when it is interrupted
        except BaseException as error:
            watch.cancel(error)
            if interrupt and time.monotonic() > until:
                raise
            if not interrupt:
                interrupt, until = error, time.monotonic() + LEAVING_SECONDS
    thread.join()
    try:
        if interrupt and not errors:
            raise interrupt
        if errors:
            raise errors.pop()
        return results[0]
    finally:
        del interrupt  # else the error would keep itself alive
