"""What is shown while a command runs, and the report at its end."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from replicator import events, library, signals
from replicator.cli.ending import ending_as_data
from replicator.cli.invocation import Common, Output
from replicator.errors import VerificationFailed
from replicator.events import Emit
from replicator.show.lines import LogFormatter
from replicator.show.progress import progress
from replicator.show.report import Report


def located(error: BaseException, common: Common) -> BaseException:
    """Return an error of the definition with the file and the line of the mistake; another error as it is."""
    from replicator.settings.definition import DefinitionError

    return common.defined.located(error) if common.defined and isinstance(error, DefinitionError) else error


@contextmanager
def showing(common: Common, output: Output, add: Emit) -> Iterator[Emit]:
    """Show progress on stderr while a command runs; `add` gets each event first."""
    if common.debug:
        log = logging.StreamHandler(sys.stderr)
        log.setFormatter(LogFormatter(as_json=output == "json"))
        logging.basicConfig(level=logging.DEBUG, handlers=[log])
    began = time.monotonic()
    ok = False
    with progress(output, verbose=common.verbose) as show:

        def emit(event: events.Event) -> None:
            add(event)
            show(event)

        try:
            for note in common.notes:
                emit(events.Note(note))
            yield emit
            ok = True
        finally:
            emit(events.Finished(ok, time.monotonic() - began))


@contextmanager
def reported(output: Output, *, table: bool = True) -> Iterator[Emit]:
    """Show progress on stderr and, at the end, the report on stdout, differences included; whatever becomes of it."""
    common = click.get_current_context().ensure_object(Common)
    library.own_process()
    report = Report()
    common.servers = report.servers
    failure: BaseException | None = None
    try:
        with showing(common, output, report.add) as emit:
            yield emit
    except BaseException as error:
        failure = located(error, common)
        if failure is not error:
            raise failure from error
        report.differences = error.differences if isinstance(error, VerificationFailed) else ()
        raise
    finally:
        if table:
            if output == "json":
                signals.ignore()  # the document says how the command ended
            common.documented = True
            report.render(output=output, about={"command": common.command} | ending_as_data(failure))
