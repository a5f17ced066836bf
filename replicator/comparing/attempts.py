"""Retries a verification's work after errors that may pass. The snapshots outlive them: see Side.reading."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg

from replicator import events
from replicator.comparing.sides import Pair
from replicator.errors import StepFailed
from replicator.events import Emit
from replicator.model import CompareTable, Step, shown
from replicator.sessions.failures import naming, one_line
from replicator.sessions.retry import Retry

T = TypeVar("T")

DURING = "during the comparison"
GONE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
)
"""Errors about a table that was dropped or altered since the catalogs were read."""


class Attempts:
    """Runs and retries all steps, until it is stopped."""

    def __init__(self, sides: Pair, emit: Emit, seconds: float) -> None:
        self._sides = sides
        self._emit = emit
        self._again = Retry(seconds)
        self.stopped = threading.Event()

    def make(self, step: Step, worker: int, work: Callable[[], T]) -> T:
        """Return what `work` returns, retrying it as often as needed. Raises StepFailed."""

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
        """Set the search_path that functions rely on while queries of a step's table are planned; False if it is set.

        Such functions are in its indexes, statistics objects or partition key.
        """
        work, sides = step.work, (self._sides.source, self._sides.destination)
        # The condition is an extension's text, which need not be qualified with pg_catalog.
        if not isinstance(work, CompareTable) or work.target.condition or work.name in sides[0].paths:
            return False
        path = sides[0].catalog.path
        for side in sides:
            side.paths[work.name] = path
        self._emit(events.Note(f"{shown(step.name)}: done with search_path = {path}, which functions rely on."))
        return True

    def cancel(self) -> None:
        """Stop all workers."""
        self.stopped.set()
        self._sides.cancel()


@contextmanager
def comparing(step: Step) -> Iterator[None]:
    """Name the step in every error; if its table was dropped or altered, say so."""
    with naming(step):
        try:
            yield
        except GONE as error:
            reason = f"{one_line(error)} It was dropped, renamed or altered {DURING}."
            raise StepFailed(step.name, reason) from error
