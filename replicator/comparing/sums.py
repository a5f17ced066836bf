"""The fingerprints of all tables: computed in pieces, on both sides in parallel, and added up."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from replicator.comparing.attempts import Attempts
from replicator.comparing.fingerprint import Fingerprint, Hashing, fingerprint_large_objects, fingerprint_table
from replicator.comparing.sides import Pair
from replicator.events import Emit
from replicator.model import CompareLargeObjects, CompareTable, ComparingWork, Outcome, Step
from replicator.work.step_runner import Counter
from replicator.work.throttle import Throttle


def called(step: Step) -> str:
    """Return how the mismatch of a step is named."""
    if not isinstance(step.work, CompareTable):
        return step.name.removeprefix("verify ")
    return step.work.name


def fingerprints(
    sides: Pair, step: Step, hashing: Hashing, moved: Callable[[int], None] = lambda bytes: None
) -> tuple[Fingerprint, Fingerprint]:
    """Return the fingerprints on source and destination of what a step compares. Both report the bytes read."""

    def compute(number: int) -> Fingerprint:
        side = (sides.source, sides.destination)[number]
        assert isinstance(step.work, ComparingWork), f"a comparison copies nothing: {step.work}"
        match step.work:
            case CompareTable() as work:
                return fingerprint_table(side, work, hashing, work.blocks[number], work.bytes[number], moved)
            case CompareLargeObjects() as work:
                return fingerprint_large_objects(side, work, hashing)
            case _:
                assert_never(step.work)

    return sides.together(compute, 0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed(Outcome):
    """The fingerprints of one piece on the source and on the destination."""

    pair: tuple[Fingerprint, Fingerprint]


class Sums:
    """Adds up the fingerprints of the pieces: `by_name` holds those of source and destination."""

    def __init__(
        self, sides: Pair, hashing: Hashing, emit: Emit, throttle: Throttle | None, attempts: Attempts
    ) -> None:
        self._sides = sides
        self._hashing = hashing
        self._emit = emit
        self._throttle = throttle
        self._attempts = attempts
        self.bytes = 0
        self.by_name: defaultdict[str, tuple[Fingerprint, Fingerprint]] = defaultdict(lambda: ((0, 0), (0, 0)))

    def run(self, batch: Sequence[Step], worker: int) -> dict[str, Outcome]:
        """Compute one piece on both sides."""
        (step,) = batch
        began = time.monotonic()
        pair, moved = self._attempts.make(step, worker, lambda: self._attempt(step, worker))
        return {step.name: Summed(time.monotonic() - began, pair[0][0], moved, pair=pair)}

    def add(self, step: Step, outcome: Outcome) -> None:
        """Add the fingerprints of a piece to those of its table."""
        assert isinstance(outcome, Summed)
        self.bytes += outcome.bytes
        source, destination = self.by_name[called(step)]
        self.by_name[called(step)] = (_plus(source, outcome.pair[0]), _plus(destination, outcome.pair[1]))

    def _attempt(self, step: Step, worker: int) -> tuple[tuple[Fingerprint, Fingerprint], int]:
        counter = Counter(self._emit, step, worker, self._wait)
        try:
            pair = fingerprints(self._sides, step, self._hashing, _one_at_a_time(counter))
        except BaseException:
            counter.take_back()
            raise
        counter.report()
        return pair, counter.total

    def _wait(self, bytes: int) -> None:
        if self._throttle:
            self._throttle.wait(bytes, self._attempts.stopped)


def _one_at_a_time(moved: Callable[[int], None]) -> Callable[[int], None]:
    """Let both sides report to one counter, one at a time: if it waits to keep --max-rate, both wait."""
    lock = threading.Lock()

    def locked(bytes: int) -> None:
        with lock:
            moved(bytes)

    return locked


def _plus(one: Fingerprint, other: Fingerprint) -> Fingerprint:
    return one[0] + other[0], one[1] + other[1]
