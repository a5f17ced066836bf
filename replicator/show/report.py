"""The account at the end: what each phase took, the slowest tables, and what failed or was left undone."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from replicator.events import (
    Done,
    Event,
    Failed,
    Finished,
    Moved,
    Note,
    Planned,
    Ready,
    Started,
    counted,
    duration_text,
    one_line,
    size_text,
)
from replicator.model import Phase
from replicator.model.words import shown
from replicator.show.document import document
from replicator.show.folding import folded

SLOWEST = 5  # tables shown
FAILURES = 20  # failed steps shown; JSON has them all
TABLE_WIDTH = 80  # columns; a narrower terminal gets lines
FILE_WIDTH = 100  # columns, where the output is not a terminal


@dataclass(slots=True)
class _Span:
    """A phase: `began` and `ended` are clock readings of its first start and its last end."""

    planned: int = 0
    done: int = 0
    rows: int = 0
    bytes: int = 0
    began: float | None = None
    ended: float | None = None

    @property
    def seconds(self) -> float:
        return self.ended - self.began if self.began is not None and self.ended is not None else 0.0


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the table and an object of the JSON document."""

    phase: str
    planned: int
    done: int
    seconds: float
    rows: int
    bytes: int

    @property
    def steps(self) -> str:
        return f"{self.done:,}" if self.done >= self.planned else f"{self.done:,} of {self.planned:,}"

    @property
    def words(self) -> str:
        words = [f"{self.phase}: {self.steps} {'step' if self.steps == '1' else 'steps'}"]
        words += [counted(self.rows, "row")] if self.rows else []
        words += [size_text(self.bytes)] if self.bytes else []
        return ", ".join(words)


class Report:
    """Collects events, from any thread, and writes the account of them. An instance can be called: it is an Emit.

    A step that failed and was done at a later attempt counts as done. `clock` is read when an event arrives.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._spans = {phase: _Span() for phase in Phase}
        self._tables: list[Done] = []
        self._failed: dict[str, Failed] = {}
        self._finished: Finished | None = None
        self.servers: dict[str, dict[str, str]] = {}
        """Those that answered: where they are, and their versions."""
        self.differences: Sequence[str] = ()
        """What a verification found."""
        self.deferred = ""
        """What is left to do while the copy is in use, in words."""
        self.left_out: dict[str, None] = {}
        """What the copy lacks, since that was agreed to, in words."""

    def __call__(self, event: Event) -> None:
        """Do what `add` does."""
        self.add(event)

    def add(self, event: Event) -> None:
        """Take an event into the account; Moved, Waiting and other notes leave no trace."""
        if isinstance(event, Moved):
            return
        with self._lock:
            match event:
                case Planned(steps):
                    for phase, number in steps.items():
                        # What is planned again, after a crash, was not done; what was done stays done.
                        self._spans[phase].planned = self._spans[phase].done + number
                case Started(phase=phase):
                    span = self._spans[phase]
                    span.began = self._clock() if span.began is None else span.began
                case Done():
                    self._done(event)
                case Failed(step, phase):
                    self._spans[phase].ended = self._clock()
                    self._failed[step] = event
                case Note(text, deferred=True):
                    self.deferred = text
                case Note(text, left_out=True):
                    self.left_out[text] = None
                case Ready(server, where, version):
                    self.servers[server] = {"where": where, "version": version}
                case Finished():
                    self._finished = event

    def _done(self, event: Done) -> None:
        span = self._spans[event.phase]
        span.ended = self._clock()
        span.done += 1
        span.rows += event.rows
        span.bytes += event.bytes
        self._failed.pop(event.step, None)
        if event.phase is Phase.DATA:
            self._tables.append(event)

    @property
    def unfinished(self) -> int:
        """How many steps were planned and neither done nor failed."""
        spans = self._spans.values()
        return max(0, sum(max(0, span.planned - span.done) for span in spans) - len(self._failed))

    @property
    def ok(self) -> bool:
        """Whether the command said that it succeeded and every planned step is done."""
        return self._finished is not None and self._finished.ok and not self._failed and not self.unfinished

    def to_json(self, **more: Any) -> str:
        """Return one JSON document: seconds, bytes and counts as numbers, phases in the order of `Phase`.

        `more` are fields that the events do not tell: see schema.json.
        """
        return document(str(more.pop("command", "clone")), **self.to_data(), **more)

    def to_data(self) -> dict[str, Any]:
        """Return the account as data."""
        total, rows = self._total(), self._rows()
        return {
            "ok": self.ok,
            "phases": [asdict(row) for row in rows],
            "phases_overlap": self._overlap(),
            "total": {name: value for name, value in asdict(total).items() if name != "phase"},
            "servers": self.servers,
            "tables": self._by_table(),
            "failed": [
                {"step": failed.step, "phase": failed.phase, "reason": failed.reason}
                for failed in self._failed.values()
            ],
            "unfinished": self.unfinished,
            "differences": list(self.differences),
            "left_out": list(self.left_out),
            **({"deferred": self.deferred} if self.deferred else {}),
        }

    def _by_table(self) -> list[dict[str, Any]]:
        """Return what was copied of each table, its parts added up, the longest first."""
        tables: dict[str, dict[str, Any]] = {}
        for done in self._tables:
            name = done.table or done.step.removeprefix("data ")
            row = tables.setdefault(name, {"table": name, "rows": 0, "bytes": 0, "seconds": 0.0})
            row["rows"] += done.rows
            row["bytes"] += done.bytes
            row["seconds"] = round(row["seconds"] + done.seconds, 6)
        return sorted(tables.values(), key=lambda row: -float(row["seconds"]))

    def render(
        self,
        file: TextIO | None = None,
        output: Literal["auto", "plain", "json"] = "auto",
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the account to `file` (default: the current sys.stdout). `about` is what JSON has besides.

        Colour only with "auto" on a terminal; ASCII lines, and escapes for other characters, as its encoding demands.
        """
        file = file or sys.stdout
        if output == "json":
            file.write(self.to_json(**(about or {})) + "\n")
            return
        terminal = output == "auto" and file.isatty()
        console = Console(
            file=file, force_terminal=terminal, width=None if terminal else FILE_WIDTH, markup=False, highlight=False
        )
        with console.capture() as capture:
            self._print(console)
        encoding = file.encoding or "utf-8"
        text = "".join(line.rstrip() + "\n" for line in capture.get().splitlines())
        file.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def _print(self, console: Console) -> None:
        rows = [*self._rows(), self._total()]
        if len(rows) == 1 and not self.differences:  # stopped before the plan was made
            return
        if console.width < TABLE_WIDTH:
            console.print(_lines((row.seconds, row.words) for row in rows))
        else:
            console.print(_table(rows))
        if self._overlap():
            console.print("The phases overlap: their durations add up to more than the total.")
        if self._spans[Phase.VERIFY].rows:
            console.print("The total does not count the rows and bytes that were verified.")
        slow = [done for done in self._slowest() if round(done.seconds, 1)]
        if slow:
            console.print(Text("\nslowest tables", style="bold"))
            console.print(_lines((done.seconds, _copied(done)) for done in slow))
        self._print_failures(console)
        if self.differences:
            console.print(Text(f"\ndifferences: {len(self.differences):,}", style="bold red"))
        for difference in self.differences:
            _print_line(console, f"  {one_line(difference)}")

    def _print_failures(self, console: Console) -> None:
        if self._failed:
            console.print(Text(f"\nfailed steps: {len(self._failed):,}", style="bold red"))
        for failed in list(self._failed.values())[:FAILURES]:
            _print_line(console, one_line(f"  {shown(failed.step)}: {failed.reason}"), "red")
        if len(self._failed) > FAILURES:
            console.print(Text(f"  and {len(self._failed) - FAILURES:,} more", style="red"))
        if self.unfinished:
            console.print(Text(f"unfinished steps: {self.unfinished:,}", style="bold red"))

    def _rows(self) -> list[_Row]:
        return [
            _Row(str(phase), span.planned, span.done, span.seconds, span.rows, span.bytes)
            for phase, span in self._spans.items()
            if span.planned or span.began is not None
        ]

    def _total(self) -> _Row:
        seconds = self._finished.seconds if self._finished else self._clock() - self._began
        planned = sum(max(span.planned, span.done) for span in self._spans.values())  # verification is not planned
        done = sum(span.done for span in self._spans.values())
        copied = [span for phase, span in self._spans.items() if phase is not Phase.VERIFY]  # the same rows again
        return _Row("total", planned, done, seconds, sum(s.rows for s in copied), sum(s.bytes for s in copied))

    def _slowest(self) -> list[Done]:
        return sorted(self._tables, key=lambda done: done.seconds, reverse=True)[:SLOWEST]

    def _overlap(self) -> bool:
        times = ((span.began, span.ended) for span in self._spans.values())
        spans = sorted((began, ended) for began, ended in times if began is not None and ended is not None)
        return any(later[0] < earlier[1] for earlier, later in pairwise(spans))


def _print_line(console: Console, line: str, style: str = "") -> None:
    """Print a line of any length: folded on a terminal, whole in a file."""
    text = folded(line, console.width) if console.is_terminal else line
    console.print(Text(text, style=style), soft_wrap=True)


def _table(rows: list[_Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    table.add_column("phase")
    for name in ("steps", "duration", "rows", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.phase,
            row.steps,
            duration_text(row.seconds),
            f"{row.rows:,}" if row.rows else "",
            size_text(row.bytes) if row.bytes else "",
            style="bold" if row is rows[-1] else "",
        )
    return table


def _lines(rows: Iterable[tuple[float, str]]) -> Table:
    """A duration and words a line: what is left of a table where names are long or the terminal is narrow."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(justify="right", no_wrap=True)
    lines.add_column(overflow="fold")
    for seconds, words in rows:
        lines.add_row(duration_text(seconds), Text(one_line(words)))
    return lines


def _copied(done: Done) -> str:
    return f"{done.step}: {counted(done.rows, 'row')}, {size_text(done.bytes)}"
