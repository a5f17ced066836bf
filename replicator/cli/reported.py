"""What is shown while a command runs, and the report at its end."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from replicator import events
from replicator.cli.invocation import Common, Output
from replicator.errors import VerificationFailed
from replicator.events import Emit
from replicator.runs import reading
from replicator.secrets import of_traceback
from replicator.sessions.watch import Watch, watched
from replicator.show.progress import progress
from replicator.show.report import Report


class Masking(logging.Formatter):
    """Formats what is logged, by the driver as well, without what may be secret."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's line, and its traceback."""
        return of_traceback(super().format(record))


@contextmanager
def reported(output: Output, *, table: bool = True) -> Iterator[Emit]:
    """Show progress on stderr and, at the end, the report on stdout, differences included; whatever becomes of it."""
    common = click.get_current_context().ensure_object(Common)
    if common.debug:
        log = logging.StreamHandler(sys.stderr)
        log.setFormatter(Masking(logging.BASIC_FORMAT))
        logging.basicConfig(level=logging.DEBUG, handlers=[log])
    reading.own_process.set(True)
    report = Report()
    common.left_out, common.deferred = report.left_out, lambda: report.deferred
    began = time.monotonic()
    ok = False
    try:
        with progress(output, verbose=common.verbose) as show:

            def emit(event: events.Event) -> None:
                report.add(event)
                show(event)

            try:
                for note in common.notes:
                    emit(events.Note(note))
                with watched(
                    Watch(stall_seconds=common.stall_timeout, lock_waits=lambda text: emit(events.Note(text)))
                ):
                    yield emit
                ok = True
            finally:
                emit(events.Finished(ok, time.monotonic() - began))
    except VerificationFailed as error:
        report.differences = error.differences
        raise
    finally:
        if table:
            report.render(output=output)
