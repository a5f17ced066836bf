"""Progress on stderr: a live display on a terminal, plain lines elsewhere, JSON lines for programs."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TextIO

from rich.console import Console
from rich.live import Live

from replicator.events import Emit
from replicator.show.lines import Json, Plain
from replicator.show.several import SeveralLines, SeveralTerminals
from replicator.show.terminal import Terminal

REFRESHES_PER_SECOND = 8  # of the live display
PLAIN_SECONDS = 1.0  # between two looks at whether there is something to be said
JSON_SECONDS = 1.0  # between two "moved" objects of a step


@contextmanager
def progress(
    output: Literal["auto", "plain", "json"], stream: TextIO | None = None, *, verbose: bool = False
) -> Iterator[Emit]:
    """Show events on `stream` (default: the current sys.stderr) until the block ends.

    What is yielded may be called from any thread. "auto" is the live display where the stream is a terminal that can
    show it, and plain lines otherwise. `verbose` shows details, too. A reader of the stream that goes away does not
    stop the work.
    """
    stream = stream or sys.stderr
    console = Console(file=stream, markup=False, highlight=False, emoji=False)
    if output == "auto" and _can_be_live(stream, console):
        terminal = SeveralTerminals(lambda database: Terminal(console, verbose=verbose, database=database))
        with Live(
            get_renderable=terminal.render,
            console=console,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,  # results belong on stdout, whatever happens here
        ):
            yield terminal.emit
    else:

        def view_of(database: str) -> Json | Plain:
            as_json = output == "json"
            return Json(stream, database=database) if as_json else Plain(stream, verbose=verbose, database=database)

        view = SeveralLines(view_of)
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
