"""Progress on a terminal: a live area that is drawn anew a few times a second."""

import threading
import time
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from replicator.events import Event, Failed, Note, Ready, Retried, Waiting, counted, duration_text, one_line, size_text
from replicator.model.words import shown
from replicator.show.state import Running, State, message

WIDE = 60  # columns; below it, a worker's line shows less
STYLES: dict[type[Event], str] = {Failed: "red", Waiting: "yellow", Retried: "yellow"}


class Terminal:
    """A headline, a bar and a line for each worker, drawn anew a few times a second; messages scroll away above.

    `database`: the one that the events are about, where there are several.
    """

    def __init__(self, console: Console, *, verbose: bool = False, database: str = "") -> None:
        self._head = f"{one_line(database)}: " if database else ""
        self._lock = threading.Lock()
        self._console = console
        self._verbose = verbose
        self._state = State()

    def emit(self, event: Event) -> None:
        """Take an event."""
        with self._lock:
            self._state.apply(event)
        # Without the lock: printing draws the live area again, which takes it.
        match event:
            case Note(detail=True) if not self._verbose:
                pass
            case Failed() | Waiting() | Ready() | Note() | Retried():
                self._console.print(Text(self._head + message(event), style=STYLES.get(type(event), "")))

    def render(self, part: int = 1) -> RenderableType:
        """Build what the live area shows now, for the terminal's present size, or for one of so many parts of it."""
        width, height = self._console.size
        height //= part
        with self._lock:
            parts: list[RenderableType] = [self._headline()]
            if self._state.total:
                parts.extend(self._bar(width))
            if self._state.workers:
                parts.append(self._workers(width, max(1, height - 6)))
        return Group(*parts)

    def _headline(self) -> Text:
        phases = self._state.phases() or ["preparing" if not self._state.workers else "between two phases"]
        return Text(self._head + " · ".join([*phases, self._state.elapsed()]), style="bold")

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
            name = Text(one_line(shown(running.step))) if running else Text("idle", style="dim")
            lines.add_row(str(worker), name, _amount(running, width) if running else "")
        if (hidden := len(self._state.workers) - most) > 0:
            lines.add_row("", Text(f"and {counted(hidden, 'worker')} more", style="dim"), "")
        return lines


def _amount(running: Running, width: int) -> str:
    if running.moved:
        expected = f" of {size_text(running.expected)}" if running.expected and width >= WIDE else ""
        return size_text(running.moved) + expected
    seconds = time.monotonic() - running.began
    return duration_text(seconds, 0) if seconds >= 1 else ""
