"""A verification's work, tried again while what fails may pass. The snapshots outlive it: see Side.reading."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg

from replicator import events
from replicator.comparing.sides import Pair
from replicator.errors import StepFailed
from replicator.events import Emit
from replicator.model import CompareTable, Step
from replicator.sessions.failures import naming, one_line
from replicator.sessions.retry import Retry

T = TypeVar("T")

MEANWHILE = "while it was compared"
GONE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
)
"""What a server says of a table that was there when its catalogs were read, and is not any more, or not as it was."""


class Attempts:
    """Makes the attempts of all steps, until it is told to stop."""

    def __init__(self, sides: Pair, emit: Emit, seconds: float) -> None:
        self._sides = sides
        self._emit = emit
        self._again = Retry(seconds)
        self.stopped = threading.Event()

    def make(self, step: Step, worker: int, work: Callable[[], T]) -> T:
        """Return what `work` returns, however often it must be tried. Raises StepFailed."""

        def tell(error: BaseException, seconds: float) -> None:
            reason = error.reason if isinstance(error, StepFailed) else one_line(error)
            self._emit(events.Retried(step.name, step.phase, worker, seconds, reason))

        def attempt(_: bool) -> T:
            with comparing(step):
                try:
                    return work()
                except GONE:
                    if not self._give_path(step):
                        raise
                    return work()

        return self._again.run(step.name, attempt, tell, self.stopped)

    def _give_path(self, step: Step) -> bool:
        """Have functions find what they rely on while queries of a step's table are planned; tell whether that is new.

        Such are in its indexes, statistics objects, partition key.
        """
        work, sides = step.work, (self._sides.source, self._sides.destination)
        # The words of a condition are an extension's: they need not say pg_catalog.
        if not isinstance(work, CompareTable) or work.condition or work.identity in sides[0].paths:
            return False
        path = sides[0].catalog.path
        for side in sides:
            side.paths[work.identity] = path
        self._emit(events.Note(f"{step.name}: done with search_path = {path}, since functions rely on that."))
        return True

    def cancel(self) -> None:
        """Make every worker come home."""
        self.stopped.set()
        self._sides.cancel()


@contextmanager
def comparing(step: Step) -> Iterator[None]:
    """Say in every error which step it is of, and of a table that was dropped or altered, what happened to it."""
    with naming(step):
        try:
            yield
        except GONE as error:
            reason = f"{one_line(error)} It was dropped, renamed or altered {MEANWHILE}."
            raise StepFailed(step.name, reason) from error
