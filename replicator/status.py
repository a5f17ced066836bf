"""What an unfinished clone left on the destination: what is there, and how it goes away again."""

from replicator import claim, data_only, emptying, events, journal, postgres, resume
from replicator.errors import PreflightFailed
from replicator.events import Emit
from replicator.postgres import Connection
from replicator.preparation import DROPPED
from replicator.run import Status


def look(dsn: str) -> Status | None:
    """Return the state of the unfinished clone in this database; None where there is none."""
    with postgres.connect(dsn, application="status") as conn:
        return journal.read_status(conn)


def clean_up(dsn: str, emit: Emit = lambda event: None) -> int | None:
    """Empty a database that holds an unfinished clone; None where there is no journal, else how many objects went.

    After --data-only nothing goes, and foreign keys come back; nor does anything after a --replace drop that had not
    begun to drop. Extensions that were there before stay. Raises PreflightFailed while that run goes on.
    """
    with postgres.connect(dsn, application="clean") as conn:
        if not journal.exists(conn):
            return None
        if holder := claim.claim(conn, end_silent=True):
            raise PreflightFailed(f"The clone into this database is still running: {holder}.", hint="End it first.")
        if left := resume.read_left(conn):
            resume.end_sessions(left, conn)
        run = left.run if left else None
        if run and run.rows_only:
            for text in data_only.give_back(conn):
                emit(events.Note(text))
            return 0
        if left and _still_whole(conn, left):
            emit(events.Note("Nothing of what was there had been dropped: it stays, the journal alone is removed."))
            journal.drop(conn)
            return 0
        with events.saying(emit, "Dropping what the unfinished clone left"):
            dropped = emptying.empty(conn, run.kept if run else (), journal.read_extensions(conn))
        journal.drop(conn)
        return dropped


def _still_whole(conn: Connection, left: resume.Left) -> bool:
    """Tell whether all is there that --replace drop was to drop: it had not begun with that."""
    to_drop = any(step.name == DROPPED and not step.done for step in left.steps)
    return to_drop and not journal.has_begun_dropping(conn)
