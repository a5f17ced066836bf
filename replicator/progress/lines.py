"""Progress as lines: plain ones for a log, JSON for programs."""

import json
import threading
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TextIO

from replicator.events import (
    Done,
    Event,
    Failed,
    Finished,
    Moved,
    Note,
    Planned,
    Ready,
    Retried,
    Started,
    Waiting,
    duration_text,
    size_text,
)
from replicator.model import Phase
from replicator.progress.state import State, counted, message

QUIET_TICKS = 6  # so many times rarer while nothing but indexes and the like is made: silence looks like a hang


class Lines:
    """Whole lines on a stream; characters that its encoding lacks are written as escapes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        self._gone = False

    def write(self, line: str) -> None:
        """Write a line."""
        if self._gone:
            return
        line = line.encode(self._encoding, "backslashreplace").decode(self._encoding)
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError:  # a closed pipe: nobody reads the progress, but the copy is still wanted
            self._gone = True


class Json:
    """One object a line. The "moved" objects of a step that ends add up to all that it moved."""

    def __init__(self, stream: TextIO) -> None:
        self._lock = threading.Lock()
        self._lines = Lines(stream)
        self._moved: dict[tuple[str, Phase, int], int] = {}

    def emit(self, event: Event) -> None:
        """Take an event."""
        with self._lock:
            if isinstance(event, Moved):
                key = event.step, event.phase, event.worker
                self._moved[key] = self._moved.get(key, 0) + event.bytes
                return
            if isinstance(event, Done | Failed | Retried):
                self._flush((event.step, event.phase, event.worker))
            self._write(event)

    def tick(self) -> None:
        """Write what is due: called every now and then."""
        with self._lock:
            for key in list(self._moved):
                self._flush(key)

    def _flush(self, key: tuple[str, Phase, int]) -> None:
        if moved := self._moved.pop(key, 0):
            self._write(Moved(*key, moved))

    def _write(self, event: Event) -> None:
        head = {"event": type(event).__name__.lower(), "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
        self._lines.write(json.dumps(head | asdict(event)))


class Plain:
    """A line for what is worth one: not for each of thousands of small steps."""

    def __init__(self, stream: TextIO) -> None:
        self._lock = threading.Lock()
        self._lines = Lines(stream)
        self._state = State()
        self._ticks = 0

    def emit(self, event: Event) -> None:
        """Take an event."""
        with self._lock:
            edge = self._state.apply(event)
            match event:
                case Started(phase=phase) if edge:
                    planned = self._state.counts[phase].planned
                    self._lines.write(f"{phase}: {counted(planned, 'step')} to do" if planned else f"{phase}: begins")
                case Done(phase=phase):
                    if phase is Phase.DATA:
                        self._lines.write(message(event))
                    if edge:
                        self._lines.write(self._summary(phase))
                case Waiting() | Ready() | Note() | Failed() | Retried():
                    self._lines.write(message(event))
                case Planned(steps, size):
                    of_data = f", {size_text(size)} of data" if size else ""
                    self._lines.write(f"planned: {counted(sum(steps.values()), 'step')}{of_data}")
                case Finished(ok, seconds):
                    for phase in filter(lambda phase: self._state.counts[phase].open, Phase):
                        self._lines.write(self._summary(phase))
                    self._lines.write(f"{'finished in' if ok else 'failed after'} {duration_text(seconds)}")

    def _summary(self, phase: Phase) -> str:
        count = self._state.counts[phase]
        words = [counted(count.done, "object" if phase is Phase.SCHEMA else "step")]
        words += [f"{count.planned - count.done:,} not done"] if count.done < count.planned else []
        words += [counted(count.rows, "row")] if count.rows else []
        words += [size_text(count.bytes)] if count.bytes else []
        seconds = time.monotonic() - (count.began or self._state.began)
        return f"{phase}: {', '.join(words)} in {duration_text(seconds)}"

    def tick(self) -> None:
        """Write what is due: called every now and then."""
        with self._lock:
            self._ticks += 1
            phases = ", ".join(self._state.phases())
            if self._state.moving and self._state.total:
                self._lines.write(", ".join([*self._state.figures(), phases]))
            elif phases and self._ticks % QUIET_TICKS == 0:
                self._lines.write(f"after {self._state.elapsed()}: {phases}")
