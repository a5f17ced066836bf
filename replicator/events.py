"""What is reported during a run. The library emits events; show/ turns them into words."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from replicator.model import Phase


@dataclass(frozen=True, slots=True)
class Waiting:
    """An attempt to connect failed; the next follows in `delay` seconds."""

    server: str
    where: str
    attempt: int
    attempts: int
    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A server answered."""

    server: str
    where: str
    version: str


@dataclass(frozen=True, slots=True)
class Note:
    """A remark that stops nothing. `left_out`: it names something that the copy lacks, as agreed or wanted.

    `deferred`: it lists the work that `validate` does later. `detail`: of interest only with --verbose.
    """

    text: str
    left_out: bool = False
    deferred: bool = False
    detail: bool = False


def left_out(words: str) -> Note:
    """Return a note about something that the copy lacks."""
    return Note(f"Left out: {words}", left_out=True)


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan is complete: `steps` by phase, and `bytes` to copy, or to read in the VERIFY phase."""

    steps: dict[Phase, int]
    bytes: int


@dataclass(frozen=True, slots=True)
class Started:
    """A worker (0, 1, …) began a step. `bytes` is the expected amount, 0 if there is none."""

    step: str
    phase: Phase
    worker: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A step has moved so many more bytes since its last Moved; a negative number if they were rolled back."""

    step: str
    phase: Phase
    worker: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Done:
    """A step is finished and committed."""

    step: str
    phase: Phase
    worker: int
    seconds: float
    rows: int
    bytes: int
    table: str = ""
    """The table whose rows, or a part of them, the step copied; empty for other steps."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A step failed; `reason` is one line."""

    step: str
    phase: Phase
    worker: int
    reason: str


@dataclass(frozen=True, slots=True)
class Retried:
    """A step failed for a reason that may pass; it is retried in `delay` seconds."""

    step: str
    phase: Phase
    worker: int
    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The whole command is over."""

    ok: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class InDatabase:
    """An event of one database, where several are copied. An empty name: it concerns the servers."""

    database: str
    event: "Event"


Event = Waiting | Ready | Note | Planned | Started | Moved | Done | Failed | Retried | Finished | InDatabase
Emit = Callable[[Event], None]


SILENT_SECONDS = 3.0
"""After so long without output, say what takes so long; then again after twice the time."""
LONGEST_SILENCE_SECONDS = 60.0
NAMED = 10
"""A list names at most so many things."""


@contextmanager
def saying(emit: Emit, text: str) -> Iterator[None]:
    """Emit a note about a long operation after a few seconds, then less and less often, until it ends."""
    ended = threading.Event()

    def repeat() -> None:
        began, pause = time.monotonic(), SILENT_SECONDS
        while not ended.wait(pause):
            seconds = time.monotonic() - began
            emit(Note(f"{text} ({duration_text(seconds, 0)})"))
            pause = min(max(seconds, SILENT_SECONDS), LONGEST_SILENCE_SECONDS)

    thread = threading.Thread(target=repeat, name="saying", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def size_text(bytes: int) -> str:
    """Write a size for people, in decimal units.

    >>> size_text(12_345_678)
    '12.3 MB'
    """
    if bytes < 1000:
        return f"{bytes} B"
    amount = float(bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.95:  # more would be written as 1000.0
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} PB"


def duration_text(seconds: float, digits: int = 1) -> str:
    """Write a duration for people; `digits` are the decimals if it is less than a minute.

    >>> duration_text(1.23), duration_text(184)
    ('1.2 s', '3 min 04 s')
    """
    if round(seconds, digits) < 60:
        return f"{seconds:.{digits}f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def listed(names: Sequence[str]) -> str:
    """Return a list of the first names, and how many more there are."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def one_line(text: str) -> str:
    """Make names and server messages safe in a line: no line break, terminal control or change of direction."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "row"), counted(1200, "row"), counted(2, "index")
    ('1 row', '1,200 rows', '2 indexes')
    """
    plural = {"index": "indexes"}.get(noun, f"{noun}s")
    return f"{number:,} {noun if number == 1 else plural}"
