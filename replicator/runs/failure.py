"""A run that fails or is interrupted: record it in the journal, and name the command that continues it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from replicator import journal
from replicator.errors import Interrupted, ReplicatorError, SourceChanged, VerificationFailed
from replicator.journal import unfinished
from replicator.journal.run import CHANGED
from replicator.runs.begin import Copy
from replicator.runs.endpoints import identity
from replicator.sessions import failures, snapshot


@contextmanager
def recorded(copy: Copy) -> Iterator[None]:
    """If a run fails, record why in the journal and add the command that continues it to the error."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        ended = Interrupted(str(error)) if isinstance(error, KeyboardInterrupt) else error
        states = {VerificationFailed: "differs", Interrupted: "interrupted", SourceChanged: CHANGED}
        state = states.get(type(ended), "failed")
        with suppress(psycopg.Error, ReplicatorError):  # the run is unfinished even without this record
            differs = ended.names if isinstance(ended, VerificationFailed) else None
            journal.fail(copy.control(), state, failures.one_line(ended), differs)
        if isinstance(ended, SourceChanged):
            ended.hint = next_command(ended, copy)
        elif isinstance(ended, ReplicatorError) and not isinstance(ended, VerificationFailed):  # has it already
            ended.hint = f"{ended.hint or ''} {next_command(ended, copy)}".strip()
        if ended is error:
            raise
        raise ended from error


def next_command(error: ReplicatorError, copy: Copy) -> str:
    """Return how many steps are done, and the command that finishes the copy."""
    status = None
    with suppress(psycopg.Error, ReplicatorError):
        status = journal.read_status(copy.control())
    progress = f"The copy is incomplete ({status.done} of {status.steps} steps done)." if status else ""
    if isinstance(error, SourceChanged):
        return f"{progress} {unfinished.go_on(copy.options, all_read=False, resume=False)}"
    all_read = status is not None and status.all_read
    if copy.settings.append and isinstance(error.__cause__, psycopg.errors.UniqueViolation):
        return f"{progress} {unfinished.keys_are_taken(copy.options)}"
    held_until = None if all_read or not status else status.held_until
    if held_until and not is_held(copy):
        held_until = None
    return f"{progress} {unfinished.go_on(copy.options, all_read=all_read, held_until=held_until)}"


def is_held(copy: Copy) -> bool:
    """Tell whether another process keeps the snapshot after this one ends: release it here, then import it again."""
    with suppress(psycopg.Error, ReplicatorError):
        if run := journal.read_run(copy.control()):
            copy.ends.snapshot.release()
            with snapshot.take(copy.settings.source, copy.ends.encoding, imported=run.snapshot) as joined:
                return identity(joined) == (run.moment, run.source_start)
    return False
