"""The fingerprints of all tables, piece by piece on both sides at once, and added up."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psycopg

from replicator.errors import StepFailed
from replicator.events import Emit
from replicator.model import CompareLargeObjects, CompareTable, Outcome, Step
from replicator.postgres import one_line
from replicator.throttle import Throttle
from replicator.verify.fingerprint import Fingerprint, Hashing, fingerprint_large_objects, fingerprint_table
from replicator.verify.side import Sides
from replicator.work import Counter, naming

MEANWHILE = "while it was compared"
AGAIN = "Run `verify` again."
GONE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
)
"""What a server says of a table that was there when its catalogs were read, and is not any more, or not as it was."""


@contextmanager
def comparing(step: Step) -> Iterator[None]:
    """Say in every error which step it is of, and of a table that was dropped or altered, what happened to it."""
    with naming(step):
        try:
            yield
        except GONE as error:
            reason = f"{one_line(error)} It was dropped, renamed or altered {MEANWHILE}."
            raise StepFailed(step.name, reason, hint=AGAIN) from error


def called(step: Step) -> str:
    """Return what the mismatch of a step is called."""
    return f"table {step.work.identity}" if isinstance(step.work, CompareTable) else step.name.removeprefix("verify ")


def fingerprints(
    sides: Sides, step: Step, hashing: Hashing, moved: Callable[[int], None] = lambda bytes: None
) -> tuple[Fingerprint, Fingerprint]:
    """Return the source's and the destination's fingerprint of what a step compares. Both report what they read."""

    def compute(number: int) -> Fingerprint:
        side = (sides.source, sides.destination)[number]
        match step.work:
            case CompareTable() as work:
                return fingerprint_table(side, work, hashing, work.blocks[number], work.bytes[number], moved)
            case CompareLargeObjects(range):
                return fingerprint_large_objects(side, range)
            case _:
                raise AssertionError(f"not a verification's work: {step.work}")

    return sides.together(compute, 0, 1)


class Sums:
    """Adds up the fingerprints of the pieces: `by_name` has the source's and the destination's."""

    def __init__(self, sides: Sides, hashing: Hashing, emit: Emit, throttle: Throttle | None) -> None:
        self._sides = sides
        self._hashing = hashing
        self._emit = emit
        self._throttle = throttle
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.by_name: defaultdict[str, tuple[Fingerprint, Fingerprint]] = defaultdict(lambda: ((0, 0), (0, 0)))

    def run(self, batch: Sequence[Step], worker: int) -> dict[str, Outcome]:
        """Compute one piece on both sides."""
        (step,) = batch
        began = time.monotonic()
        counter = Counter(self._emit, step, worker, self._wait)
        with comparing(step):
            here, there = fingerprints(self._sides, step, self._hashing, _one_at_a_time(counter))
        counter.report()
        with self._lock:
            ours, theirs = self.by_name[called(step)]
            self.by_name[called(step)] = (_plus(ours, here), _plus(theirs, there))
        return {step.name: Outcome(time.monotonic() - began, here[0], counter.total)}

    def cancel(self) -> None:
        """Make every worker come home."""
        self._stopped.set()
        self._sides.cancel()

    def _wait(self, bytes: int) -> None:
        if self._throttle:
            self._throttle.wait(bytes, self._stopped)


def _one_at_a_time(moved: Callable[[int], None]) -> Callable[[int], None]:
    """Both sides report to the same counter; where it waits, to keep to a rate, both wait."""
    lock = threading.Lock()

    def locked(bytes: int) -> None:
        with lock:
            moved(bytes)

    return locked


def _plus(one: Fingerprint, other: Fingerprint) -> Fingerprint:
    return one[0] + other[0], one[1] + other[1]
