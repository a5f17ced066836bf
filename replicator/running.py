"""A command as a function, and as a run in a thread of its own that another thread can follow and cancel."""

import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, ParamSpec, Self, TypeVar

from replicator.errors import Interrupted, UsageError
from replicator.events import Emit, Event
from replicator.sessions.sheltered import sheltered
from replicator.sessions.watch import Watch, prepared

P = ParamSpec("P")
R = TypeVar("R")


class Running(Generic[R]):
    """A run in a separate thread. Iterate over it to get its events; the iteration ends with the run.

    Leaving the `with` block waits for the run, and raises its error unless `result` did; Interrupted after `cancel`.
    An exception in the block cancels the run, and is what leaves the block.
    """

    def __init__(self, action: Callable[[Emit], R]) -> None:
        self._action = action
        self._watch = Watch()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._result: list[R] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="replicator", daemon=True)
        self._reported = False

    def _run(self) -> None:
        prepared.set(self._watch)
        try:
            self._result.append(self._action(self._events.put))
        except KeyboardInterrupt:  # before the journal exists
            self._error = Interrupted()
        except BaseException as error:
            self._error = error
        finally:
            self._events.put(None)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __iter__(self) -> Iterator[Event]:
        while (event := self._events.get()) is not None:
            yield event
        self._events.put(None)  # ends a second iteration, too

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error:
            self.cancel()
        self._thread.join()
        if not error and not self._reported:
            self.result()

    def cancel(self) -> None:
        """End the run as Ctrl-C does, from any thread: `result` then raises Interrupted.

        Its hint names the command that continues the copy; it is None if nothing was written yet.
        """
        self._watch.cancel()

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return not self._thread.is_alive() and self._thread.ident is not None

    def result(self, timeout: float | None = None) -> R:
        """Wait for the run and return its result. Raises the run's error, or TimeoutError after `timeout` seconds."""
        if self._thread.ident is None:
            raise UsageError("The run has not begun.", hint="It begins when its `with` block is entered.")
        self._thread.join(timeout)
        if not self.ended:
            raise TimeoutError("The run is not over yet.")
        self._reported = True
        if self._error:
            raise self._error
        return self._result[0]


class Command(Generic[P, R]):
    """A command. Call it to run it and wait for it; `running` takes the same arguments, and does not wait."""

    def __init__(self, action: Callable[P, R]) -> None:
        self._action = action
        self.__doc__ = action.__doc__
        self.__name__ = action.__name__
        self.__wrapped__ = action  # for inspect.signature

    def __call__(self, *args: P.args, **options: P.kwargs) -> R:
        """Run the command. In the main thread, Ctrl-C cancels it, and is raised when it has cleaned up."""
        return sheltered(lambda: self._action(*args, **options))

    def running(self, *args: P.args, **options: P.kwargs) -> Running[R]:
        """Return the command as a run, which starts when the `with` block is entered."""
        given = options.pop("on_event", None)

        def action(emit: Emit) -> R:
            def forward(event: Event) -> None:
                emit(event)
                if callable(given):
                    given(event)

            return self._action(*args, **{**options, "on_event": forward})  # type: ignore[arg-type]

        return Running(action)
