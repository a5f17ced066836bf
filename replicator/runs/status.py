"""`status` and `clean`: show or remove what an unfinished clone left on the destination."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from replicator import events, journal
from replicator.catalog import FACETS
from replicator.catalog.read import read_catalog
from replicator.errors import PreflightFailed
from replicator.events import Emit
from replicator.journal import deferred, ownership
from replicator.journal.deferred import OPEN
from replicator.journal.run import Status
from replicator.model.words import shown
from replicator.runs import defaults, resume, rows_only, swap
from replicator.runs.prepare import DROPPED
from replicator.sessions import claim, postgres
from replicator.sessions.postgres import Connection
from replicator.work import emptying

ABSENT = "So it holds no unfinished clone. Check its name."
"""The hint where the database does not exist."""
HALF_BUILT = """
SELECT array_agg(name)
  FROM unnest(%s::text[]) AS name
  JOIN pg_index i ON i.indexrelid = to_regclass(name)
 WHERE NOT i.indisvalid
"""
EXISTS = "SELECT FROM pg_database WHERE datname = %s AND datallowconn AND datconnlimit <> -2"


def unfinished_clone(dsn: str) -> Status | None:
    """Return the state of the unfinished clone in this database, or of its replacement (swap); None without one."""
    with _journaled(dsn, "status") as (conn, _):
        return journal.read_status(conn) or swap.begun(conn) if conn else None


def clean_up(dsn: str, emit: Emit = lambda event: None) -> Counter[str] | None:
    """Remove an unfinished clone. Returns how many objects were dropped, by kind; None without a journal.

    Nothing is dropped after --data-only (foreign keys are restored), from a copy in use, or if
    --replace drop had not started dropping. After --replace swap, the second database is dropped, not this one.
    Extensions that existed before are kept. Raises PreflightFailed while the run is active.
    """
    with _journaled(dsn, "clean") as (conn, replacing):
        dropped = _clean(conn, emit) if conn else None
    if replacing:
        swap.discard(dsn, emit)
    return dropped


@contextmanager
def _journaled(dsn: str, application: str) -> Iterator[tuple[Connection | None, bool]]:
    """Connect to the database that has a journal: this one, or its replacement (True)."""
    incoming = swap.incoming_dsn(dsn)
    with postgres.connect(dsn, application=application) as conn:
        name = postgres.database_name(incoming)
        if ownership.exists(conn) or not conn.execute(EXISTS, [name]).fetchall():
            yield conn if ownership.exists(conn) else None, False
            return
    with postgres.connect(incoming, application=application) as conn:
        found = ownership.exists(conn) or swap.begun(conn) is not None
        yield conn if found else None, found


def _report_abandoned(conn: Connection, names: Sequence[str], emit: Emit) -> None:
    """Report the deferred steps, which the dropped journal cannot list any more, and half-built indexes."""
    if names:
        emit(events.Note(f"Cancelled, and left unchanged: {', '.join(map(shown, names))}."))
    indexes = [name.removeprefix("index ") for name in names if name.startswith("index ")]
    ((half_built,),) = conn.execute(HALF_BUILT, [indexes]).fetchall()
    for index in half_built or ():
        text = f"Index {index} is invalid, since its build was interrupted: no query uses it, but writes maintain it."
        ways = f"Drop it with `DROP INDEX CONCURRENTLY {index}`, or build it with `REINDEX INDEX CONCURRENTLY {index}`."
        emit(events.Note(f"{text} {ways}"))


def _clean(conn: Connection, emit: Emit) -> Counter[str]:
    if holder := claim.claim(conn, end_silent=True):
        status = journal.read_status(conn)
        what = "`validate` of this database" if status and status.open else "The clone into this database"
        raise PreflightFailed(f"{what} is still running: {holder}.", hint="Stop it first.")
    if not ownership.exists(conn):
        if (begun := swap.begun(conn)) and begun.alive:
            raise PreflightFailed(f'Sessions use "{begun.database}", which has no journal yet.', hint="End them first.")
        return Counter()
    if previous := resume.read_previous_run(conn):
        resume.end_sessions(previous, conn)
    run = previous.run if previous else None
    if run and run.state == OPEN:
        _report_abandoned(conn, deferred.read_names(conn), emit)
        journal.drop(deferred.thawed(conn))
        return Counter()
    if run and run.rows_only:
        for text in rows_only.restore_foreign_keys(conn, previous.steps if previous else ()):
            emit(events.Note(text))
        return Counter()
    if previous and _not_yet_dropped(conn, previous):
        emit(events.Note("The previous contents had not been dropped yet: they stay; only the journal is removed."))
        journal.drop(conn)
        return Counter()
    with events.saying(emit, "Dropping what the unfinished clone left"):
        before = _count_objects(conn)
        emptying.empty(conn, run.kept if run else (), journal.read_extensions(conn))
        defaults.restore(conn)
        removed = before - _count_objects(conn)
    journal.drop(conn)
    return removed


def _count_objects(conn: Connection) -> Counter[str]:
    """Return the number of objects by kind, without comments, privileges and the like."""
    catalog = read_catalog(conn)
    counts = Counter(o.kind.replace("_", " ") for o in catalog.objects if o.kind not in FACETS)
    counts["large object"] = sum(objects.count for objects in catalog.large_objects)
    return counts


def _not_yet_dropped(conn: Connection, previous: resume.PreviousRun) -> bool:
    """Tell whether --replace drop had not started dropping."""
    to_drop = any(step.name == DROPPED and not step.done for step in previous.steps)
    return to_drop and not journal.has_begun_dropping(conn)
