"""Progress as lines: plain ones for a log, JSON for programs."""

import logging
import threading
import time
from dataclasses import asdict
from typing import TextIO

from replicator import events
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
    counted,
    duration_text,
    one_line,
    size_text,
)
from replicator.model import Phase
from replicator.model.words import shown
from replicator.secrets import of_traceback
from replicator.show.document import as_json, now
from replicator.show.folding import fitting
from replicator.show.state import State, message

MOVING_SECONDS = 10.0  # at most between two lines while bytes are copied or compared
NAMED = 3  # of the steps that take long


class Lines:
    """Lines on a stream; characters that its encoding lacks are written as escapes. `whole`: even on a terminal.

    Each line begins with `head`.
    """

    def __init__(self, stream: TextIO, *, whole: bool = False, head: str = "") -> None:
        self._stream = stream
        self._whole = whole
        self._head = head
        self._encoding = stream.encoding or "utf-8"
        self._gone = False

    def write(self, line: str) -> None:
        """Write a line."""
        if self._gone:
            return
        line = f"{self._head}{line}".encode(self._encoding, "backslashreplace").decode(self._encoding)
        try:
            self._stream.write((line if self._whole else fitting(line, self._stream)) + "\n")
            self._stream.flush()
        except OSError:  # a closed pipe: nobody reads the progress, but the copy is still wanted
            self._gone = True


class Json:
    """One object a line. The "moved" objects of a step that ends add up to all that it moved.

    `database`: the one that the events are about, where there are several.
    """

    def __init__(self, stream: TextIO, *, database: str = "") -> None:
        self._database = {"database": database} if database else {}
        self._lock = threading.Lock()
        self._lines = Lines(stream, whole=True)
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
        head = {"event": type(event).__name__.lower(), "time": now()} | self._database
        self._lines.write(as_json(head | asdict(event)))


class Plain:
    """A line for what is worth one: not for each of thousands of small steps.

    `database`: the one that the events are about, where there are several.
    """

    def __init__(self, stream: TextIO, *, verbose: bool = False, database: str = "") -> None:
        self._lock = threading.Lock()
        self._lines = Lines(stream, head=f"{one_line(database)}: " if database else "")
        self._verbose = verbose
        self._state = State()
        self._edge = self._told = time.monotonic()
        self._due = self._edge + events.SILENT_SECONDS

    def emit(self, event: Event) -> None:
        """Take an event."""
        with self._lock:
            edge = self._state.apply(event)
            if edge:
                self._edge = time.monotonic()
                self._due = self._edge + events.SILENT_SECONDS
            match event:
                case Started(phase=phase) if edge:
                    planned = self._state.counts[phase].planned
                    self._lines.write(f"{phase}: {counted(planned, 'step')} to do" if planned else f"{phase}: begins")
                case Done(phase=phase):
                    if phase is Phase.DATA or self._verbose:
                        self._lines.write(message(event))
                    if edge:
                        self._lines.write(self._summary(phase))
                case Note(detail=True) if not self._verbose:
                    pass
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
        """Write what is due: called every second or so.

        A few seconds after a phase began, then rarer and rarer; and where a step has taken so long for the first time.
        """
        with self._lock:
            now, state = time.monotonic(), self._state
            long = [step for step in state.longest() if now - step.began >= events.SILENT_SECONDS]
            unsaid = now - self._told >= events.SILENT_SECONDS and not all(step.said for step in long)
            if not (phases := state.phases()) or (now < self._due and not unsaid):
                return
            head = list(state.figures()) if state.moving and state.total else []
            names = [f"{one_line(shown(step.step))} ({duration_text(now - step.began, 0)})" for step in long[:NAMED]]
            still = f"; still running: {', '.join(names)}" if names else ""
            more = f" and {len(long) - NAMED} more" if len(long) > NAMED else ""
            words = ", ".join([*head, *phases]) + still + more
            self._lines.write(words if head else f"after {state.elapsed()}: {words}")
            for step in long:
                step.said = True
            moving = state.moving or state.counts[Phase.VERIFY].open
            rarest = MOVING_SECONDS if moving else events.LONGEST_SILENCE_SECONDS
            self._told = now
            self._due = now + min(max(now - self._edge, events.SILENT_SECONDS), rarest)


class LogFormatter(logging.Formatter):
    """Formats what is logged as an event a line, tracebacks included, or as text; without what may be secret."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__(None if as_json else logging.BASIC_FORMAT)
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's line."""
        text = of_traceback(super().format(record))
        return log_event(record.levelname, record.name, text) if self._as_json else text


def log_event(level: str, logger: str, text: str) -> str:
    """Return what --debug adds, as an event."""
    return as_json({"event": "log", "time": now(), "level": level, "logger": logger, "text": text})
