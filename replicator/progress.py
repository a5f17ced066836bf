"""Progress on stderr: a live display on a terminal, plain lines elsewhere, JSON lines for programs."""

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal, TextIO, assert_never

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from replicator.events import (
    Done,
    Emit,
    Event,
    Failed,
    Finished,
    Moved,
    Note,
    Planned,
    Ready,
    Started,
    Waiting,
    duration_text,
    one_line,
    size_text,
)
from replicator.model import Phase

REFRESHES_PER_SECOND = 8  # of the live display
PLAIN_SECONDS = 10.0  # between two progress lines while data moves
QUIET_TICKS = 6  # so many times rarer while nothing but indexes and the like is made: silence looks like a hang
JSON_SECONDS = 1.0  # between two "moved" objects of a step
RATE_SECONDS = 10.0  # the rate is the mean of so long a time
MOVING = (Phase.DATA, Phase.LARGE_OBJECTS)  # the phases whose bytes are in Planned.bytes
WIDE = 60  # columns; below it, a worker's line shows less
STYLES: dict[type[Event], str] = {Failed: "red", Waiting: "yellow"}


@contextmanager
def progress(output: Literal["auto", "plain", "json"], stream: TextIO | None = None) -> Iterator[Emit]:
    """Show events on `stream` (default: the current sys.stderr) until the block ends.

    What is yielded may be called from any thread. "auto" is the live display where the stream is a terminal that can
    show it, and plain lines otherwise. A reader of the stream that goes away does not stop the work.
    """
    stream = stream or sys.stderr
    console = Console(file=stream, markup=False, highlight=False, emoji=False)
    if output == "auto" and _can_be_live(stream, console):
        terminal = _Terminal(console)
        with Live(
            get_renderable=terminal.render,
            console=console,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,  # results belong on stdout, whatever happens here
        ):
            yield terminal.emit
    else:
        view = _Json(stream) if output == "json" else _Plain(stream)
        with _ticking(view.tick, JSON_SECONDS if output == "json" else PLAIN_SECONDS):
            yield view.emit


def _can_be_live(stream: TextIO, console: Console) -> bool:
    able = console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf")
    return able and stream.isatty()  # FORCE_COLOR makes rich take any file for a terminal


@contextmanager
def _ticking(tick: Callable[[], None], seconds: float) -> Iterator[None]:
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(seconds):
            tick()

    thread = threading.Thread(target=run, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class _Lines:
    """Whole lines on a stream; characters that its encoding lacks are written as escapes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        self._gone = False

    def write(self, line: str) -> None:
        if self._gone:
            return
        line = line.encode(self._encoding, "backslashreplace").decode(self._encoding)
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError:  # a closed pipe: nobody reads the progress, but the copy is still wanted
            self._gone = True


@dataclass(slots=True)
class _Count:
    """What has happened in a phase."""

    planned: int = 0
    done: int = 0
    rows: int = 0
    bytes: int = 0
    began: float | None = None

    @property
    def open(self) -> bool:
        return self.began is not None and (self.done < self.planned or not self.planned)

    def __str__(self) -> str:
        return f"{self.done:,}/{self.planned:,}" if self.planned else f"{self.done:,}"


@dataclass(slots=True)
class _Running:
    """A step in work."""

    step: str
    phase: Phase
    expected: int
    began: float
    moved: int = 0


class _State:
    """The events added up. Not locked: its owner does that."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.counts = {phase: _Count() for phase in Phase}
        self.workers: dict[int, _Running | None] = {}
        self.total = 0
        self._moved = 0
        self._finished = 0
        self._samples: deque[tuple[float, int]] = deque()
        self._data_began = self.began

    def apply(self, event: Event) -> bool:
        """Add an event. Return whether it begins or ends its phase."""
        match event:
            case Moved(_, phase, worker, size):  # thousands a second: no more than additions
                if running := self.workers.get(worker):
                    running.moved += size
                    self._moved += size if phase in MOVING else 0
            case Planned(steps, size):
                for phase, number in steps.items():
                    self.counts[phase].planned += number
                self.total += size
            case Started():
                return self._started(event)
            case Done():
                return self._done(event)
            case Failed(worker=worker):
                self.workers[worker] = None
            case Waiting() | Ready() | Note() | Finished():
                pass
            case _:
                assert_never(event)
        return False

    def _started(self, event: Started) -> bool:
        now = time.monotonic()
        self.workers[event.worker] = _Running(event.step, event.phase, event.bytes, now)
        if event.phase in MOVING and not self._samples:
            self._samples.append((now, 0))
            self._data_began = now
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
        return duration_text(time.monotonic() - self.began, 0)

    @property
    def moving(self) -> bool:
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
        if now > then:
            amount += f", {size_text(round((self._moved - before) / (now - then)))}/s"
        if credited:
            share += f", {duration_text((now - self._data_began) * (self.total - credited) / credited, 0)} left"
        return share, amount

    def phases(self) -> list[str]:
        """Return the phases in work, each with its counts; a phase that nobody planned has no total."""
        return [f"{phase} {count}" for phase, count in self.counts.items() if count.open]


def _message(event: Waiting | Ready | Note | Done | Failed) -> str:
    match event:
        case Waiting(server, where, attempt, attempts, delay, reason):
            words = f"waiting for {server} {where}: attempt {attempt} of {attempts}: {reason}; next in {delay:.3g} s"
        case Ready(server, where, version):
            words = f"{server} {where}: PostgreSQL {version}"
        case Note(text):
            words = f"note: {text}"
        case Done(step, _, _, seconds, rows, size):
            words = f"{step}: {_counted(rows, 'row')}, {size_text(size)} in {duration_text(seconds)}"
        case Failed(step, _, _, reason):
            words = f"failed: {step}: {reason}"
        case _:
            assert_never(event)
    return one_line(words)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


class _Json:
    """One object a line. The "moved" objects of a step that ends add up to all that it moved."""

    def __init__(self, stream: TextIO) -> None:
        self._lock = threading.Lock()
        self._lines = _Lines(stream)
        self._moved: dict[tuple[str, Phase, int], int] = {}

    def emit(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, Moved):
                key = event.step, event.phase, event.worker
                self._moved[key] = self._moved.get(key, 0) + event.bytes
                return
            if isinstance(event, Done | Failed):
                self._flush((event.step, event.phase, event.worker))
            self._write(event)

    def tick(self) -> None:
        with self._lock:
            for key in list(self._moved):
                self._flush(key)

    def _flush(self, key: tuple[str, Phase, int]) -> None:
        if moved := self._moved.pop(key, 0):
            self._write(Moved(*key, moved))

    def _write(self, event: Event) -> None:
        head = {"event": type(event).__name__.lower(), "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
        self._lines.write(json.dumps(head | asdict(event)))


class _Plain:
    """A line for what is worth one: not for each of thousands of small steps."""

    def __init__(self, stream: TextIO) -> None:
        self._lock = threading.Lock()
        self._lines = _Lines(stream)
        self._state = _State()
        self._ticks = 0

    def emit(self, event: Event) -> None:
        with self._lock:
            edge = self._state.apply(event)
            match event:
                case Started(phase=phase) if edge:
                    planned = self._state.counts[phase].planned
                    self._lines.write(f"{phase}: {_counted(planned, 'step')} to do" if planned else f"{phase}: begins")
                case Done(phase=phase):
                    if phase is Phase.DATA:
                        self._lines.write(_message(event))
                    if edge:
                        self._lines.write(self._summary(phase))
                case Waiting() | Ready() | Note() | Failed():
                    self._lines.write(_message(event))
                case Planned(steps, size):
                    of_data = f", {size_text(size)} of data" if size else ""
                    self._lines.write(f"planned: {_counted(sum(steps.values()), 'step')}{of_data}")
                case Finished(ok, seconds):
                    for phase in filter(lambda phase: self._state.counts[phase].open, Phase):
                        self._lines.write(self._summary(phase))
                    self._lines.write(f"{'finished in' if ok else 'failed after'} {duration_text(seconds)}")

    def _summary(self, phase: Phase) -> str:
        count = self._state.counts[phase]
        words = [_counted(count.done, "object" if phase is Phase.SCHEMA else "step")]
        words += [f"{count.planned - count.done:,} not done"] if count.done < count.planned else []
        words += [_counted(count.rows, "row")] if count.rows else []
        words += [size_text(count.bytes)] if count.bytes else []
        seconds = time.monotonic() - (count.began or self._state.began)
        return f"{phase}: {', '.join(words)} in {duration_text(seconds)}"

    def tick(self) -> None:
        with self._lock:
            self._ticks += 1
            phases = ", ".join(self._state.phases())
            if self._state.moving and self._state.total:
                self._lines.write(", ".join([*self._state.figures(), phases]))
            elif phases and self._ticks % QUIET_TICKS == 0:
                self._lines.write(f"after {self._state.elapsed()}: {phases}")


class _Terminal:
    """A headline, a bar and a line for each worker, drawn anew a few times a second; messages scroll away above."""

    def __init__(self, console: Console) -> None:
        self._lock = threading.Lock()
        self._console = console
        self._state = _State()

    def emit(self, event: Event) -> None:
        with self._lock:
            self._state.apply(event)
        # Without the lock: printing draws the live area again, which takes it.
        match event:
            case Failed() | Waiting() | Ready() | Note():
                self._console.print(Text(_message(event), style=STYLES.get(type(event), "")))

    def render(self) -> RenderableType:
        """Build what the live area shows now, for the terminal's present size."""
        width, height = self._console.size
        with self._lock:
            parts: list[RenderableType] = [self._headline()]
            if self._state.total:
                parts.extend(self._bar(width))
            if self._state.workers:
                parts.append(self._workers(width, max(1, height - 6)))
        return Group(*parts)

    def _headline(self) -> Text:
        phases = self._state.phases() or ["preparing" if not self._state.workers else "between two phases"]
        return Text(" · ".join([*phases, self._state.elapsed()]), style="bold")

    def _bar(self, width: int) -> Iterator[RenderableType]:
        bar = ProgressBar(total=self._state.total, completed=self._state.credited())
        share, amount = self._state.figures()
        fits = width >= 2 * len(share + amount)
        line = Table.grid(expand=True, padding=(0, 1))
        line.add_column(ratio=1)
        line.add_column(no_wrap=True)
        line.add_row(bar, f"{share}, {amount}" if fits else share)
        yield line
        if not fits:
            yield Text(amount, no_wrap=True, overflow="ellipsis")

    def _workers(self, width: int, most: int) -> Table:
        lines = Table.grid(expand=True, padding=(0, 1))
        lines.add_column(justify="right", style="cyan", min_width=2)
        lines.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        lines.add_column(justify="right", no_wrap=True)
        for worker in sorted(self._state.workers)[:most]:
            running = self._state.workers[worker]
            name = Text(one_line(running.step)) if running else Text("idle", style="dim")
            lines.add_row(str(worker), name, _amount(running, width) if running else "")
        if (hidden := len(self._state.workers) - most) > 0:
            lines.add_row("", Text(f"and {_counted(hidden, 'worker')} more", style="dim"), "")
        return lines


def _amount(running: _Running, width: int) -> str:
    if running.moved:
        expected = f" of {size_text(running.expected)}" if running.expected and width >= WIDE else ""
        return size_text(running.moved) + expected
    seconds = time.monotonic() - running.began
    return duration_text(seconds, 0) if seconds >= 1 else ""
