"""What is shown while a command runs, and the report at its end."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from replicator import events, library
from replicator.cli.findings import findings_as_data
from replicator.cli.invocation import Common, Output
from replicator.errors import Interrupted, PreflightFailed, VerificationFailed
from replicator.events import Emit
from replicator.secrets import of_traceback
from replicator.sessions import failures
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
    library.own_process()
    report = Report()
    began = time.monotonic()
    ok = False
    failure: BaseException | None = None
    try:
        with progress(output, verbose=common.verbose) as show:

            def emit(event: events.Event) -> None:
                report.add(event)
                show(event)

            try:
                for note in common.notes:
                    emit(events.Note(note))
                yield emit
                ok = True
            finally:
                emit(events.Finished(ok, time.monotonic() - began))
    except BaseException as error:
        report.differences = error.differences if isinstance(error, VerificationFailed) else ()
        failure = error
        raise
    finally:
        if table:
            report.render(output=output, about={"command": common.command} | _end(failure))


def _end(error: BaseException | None) -> dict[str, Any]:
    """Return what the document says of an error, besides what events told."""
    if error is None:
        return {"exit_code": 0, "error": None, "findings": []}
    code = getattr(error, "exit_code", Interrupted.exit_code if isinstance(error, KeyboardInterrupt) else 6)
    findings = error.findings if isinstance(error, PreflightFailed) else ()
    words = {"message": failures.one_line(error), "hint": getattr(error, "hint", None)}
    return {"exit_code": code, "error": words, "findings": findings_as_data(findings)}
