"""The events added up: what is in work, how far it is, how long it will take; and an event in words."""

import time
from collections import deque
from dataclasses import dataclass
from typing import assert_never

from replicator.events import (
    Done,
    Event,
    Failed,
    Finished,
    InDatabase,
    Moved,
    Note,
    Planned,
    Ready,
    Retried,
    Started,
    Waiting,
    counted,
    duration_text,
    one_line,
    size_text,
)
from replicator.model import Phase
from replicator.model.words import shown

RATE_SECONDS = 10.0  # the rate is the mean of so long a time
MOVING = (Phase.DATA, Phase.LARGE_OBJECTS)  # the phases whose bytes are in Planned.bytes

Told = Waiting | Ready | Note | Done | Failed | Retried
"""What is worth a message."""


@dataclass(slots=True)
class Count:
    """What has happened in a phase."""

    planned: int = 0
    done: int = 0
    rows: int = 0
    bytes: int = 0
    began: float | None = None
    expected: int = 0
    """How many bytes will be read, where that is known and they are not copied: those are in `total`."""

    @property
    def open(self) -> bool:
        """Whether it has begun and is not over."""
        return self.began is not None and (self.done < self.planned or not self.planned)

    def __str__(self) -> str:
        return f"{self.done:,}/{self.planned:,}" if self.planned else f"{self.done:,}"


@dataclass(slots=True)
class Running:
    """A step in work."""

    step: str
    phase: Phase
    expected: int
    began: float
    moved: int = 0
    said: bool = False
    """Whether it was named as taking long."""


class State:
    """The events added up. Not locked: its owner does that."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.counts = {phase: Count() for phase in Phase}
        self.workers: dict[int, Running | None] = {}
        self.total = 0
        self._moved = 0
        self._finished = 0
        self._samples: deque[tuple[float, int]] = deque()
        self._data_began = self._came = self.began

    def apply(self, event: Event) -> bool:
        """Add an event. Return whether it begins or ends its phase."""
        match event:
            case Moved(_, phase, worker, size):  # thousands a second: no more than additions
                self._came = time.monotonic()
                if running := self.workers.get(worker):
                    running.moved += size
                    self._moved += size if phase in MOVING else 0
            case Planned(steps, size):
                for phase, number in steps.items():
                    self.counts[phase].planned = self.counts[phase].done + number
                if steps.keys() == {Phase.VERIFY}:
                    self.counts[Phase.VERIFY].expected = self.counts[Phase.VERIFY].bytes + size
                else:
                    self.total += size
            case Started():
                return self._started(event)
            case Done():
                return self._done(event)
            case Failed(worker=worker):
                self.workers[worker] = None
            case Waiting() | Ready() | Note() | Retried() | Finished() | InDatabase():
                pass
            case _:
                assert_never(event)
        return False

    def _started(self, event: Started) -> bool:
        now = time.monotonic()
        self.workers[event.worker] = Running(event.step, event.phase, event.bytes, now)
        if event.phase in MOVING and not self._samples:
            self._samples.append((now, 0))
            self._data_began = self._came = now
        count = self.counts[event.phase]
        first, count.began = count.began is None, count.began or now
        return first

    def _done(self, event: Done) -> bool:
        running, self.workers[event.worker] = self.workers.get(event.worker), None
        if running and event.phase in MOVING:
            self._finished += running.expected
            self._moved += max(0, event.bytes - running.moved)
        count = self.counts[event.phase]
        count.done += 1
        count.rows += event.rows
        count.bytes += event.bytes
        return count.done == count.planned

    def credited(self) -> int:
        """Return how much of `total` is through, a finished step counting as much as was expected of it.

        What lies on disk has another size on its way: a sum of what moved would not end at 100 %.
        """
        steps = (step for step in self.workers.values() if step and step.phase in MOVING)
        return min(self.total, self._finished + sum(min(step.moved, step.expected) for step in steps))

    def elapsed(self) -> str:
        """Return how long it has been going on, in words."""
        return duration_text(time.monotonic() - self.began, 0)

    @property
    def moving(self) -> bool:
        """Whether rows are on their way."""
        return any(self.counts[phase].open for phase in MOVING)

    def figures(self) -> tuple[str, str]:
        """Return how far it is, with the time left, and how much, with the rate, both of them while data moves."""
        credited, now = self.credited(), time.monotonic()
        share, amount = f"{100 * credited // self.total} %", f"{size_text(credited)} of {size_text(self.total)}"
        if not self.moving:
            return share, amount
        self._samples.append((now, self._moved))
        while self._samples[1][0] < now - RATE_SECONDS:
            self._samples.popleft()
        then, before = self._samples[0]
        if now - self._came > RATE_SECONDS:
            return share, f"{amount}, no data for {duration_text(now - self._came, 0)}"  # no time left to be told
        if now > then:
            amount += f", {size_text(round((self._moved - before) / (now - then)))}/s"
        if credited:
            share += f", {duration_text((now - self._data_began) * (self.total - credited) / credited, 0)} left"
        return share, amount

    def phases(self) -> list[str]:
        """Return the phases in work, each with its counts; a phase that nobody planned has no total."""
        return [f"{phase} {count}{self._read(phase)}" for phase, count in self.counts.items() if count.open]

    def _read(self, phase: Phase) -> str:
        count = self.counts[phase]
        read = count.bytes + sum(step.moved for step in self.workers.values() if step and step.phase is phase)
        return f", {size_text(min(read, count.expected))} of {size_text(count.expected)}" if count.expected else ""

    def longest(self) -> list[Running]:
        """Return the steps in work, the longest at it first, but for those whose bytes are counted together."""
        steps = (step for step in self.workers.values() if step and step.phase not in MOVING)
        return sorted(steps, key=lambda step: step.began)


def message(event: Told) -> str:
    """Return an event as one line for people."""
    match event:
        case Waiting(server, where, attempt, attempts, delay, reason):
            words = f"waiting for {server} {where}: attempt {attempt} of {attempts}: {reason}; next in {delay:.3g} s"
        case Ready(server, where, version):
            words = f"{server} {where}: PostgreSQL {version}"
        case Note(text):
            words = f"note: {text}"
        case Done(step, _, _, seconds, rows, size):
            moved = (
                f"{counted(rows, 'row')}, {size_text(size)} in " if rows or size or event.phase is Phase.DATA else ""
            )
            words = f"{shown(step)}: {moved}{duration_text(seconds)}"
        case Failed(step, _, _, reason):
            words = f"failed: {shown(step)}: {reason}"
        case Retried(step, _, _, delay, reason):
            reason = reason.removeprefix(f"{step} failed: ").removeprefix(f"{shown(step)} failed: ").rstrip(".")
            words = f"{shown(step)}: {reason}. Retrying in {delay:.1f} s."
        case _:
            assert_never(event)
    return one_line(words)
