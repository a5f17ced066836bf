"""What of a resumed copy is of an earlier moment than the snapshot at hand, and what can be told of it all the same.

A table that an earlier run read may have changed since. Where it is as the source is now, it was copied well. Where it
is not, it differs only if the source's has not changed: it has as many rows as were copied, none of them newer than the
snapshot that they were read in.
"""

from collections.abc import Collection, Iterator, Sequence

from replicator import events, journal
from replicator.events import Emit, listed
from replicator.journal import run
from replicator.model import Catalog, CopyTable, Table
from replicator.runs.endpoints import Endpoints
from replicator.runs.prepare import Prepared
from replicator.sessions.postgres import Connection

LARGE_OBJECTS = "large objects"
# Numbers of transactions go round: the age tells which is the older one.
ROWS = """
SELECT count(*), count(*) FILTER (WHERE age(t.xmin) <= age(%s::text::xid))
  FROM ONLY {} AS t {}
"""


def read_earlier(prepared: Prepared, ends: Endpoints) -> set[str]:
    """Return what is of another moment than the snapshot at hand, as a comparison calls it.

    What was found to differ in its own moment is left out: it has to be as the source is.
    """
    if ends.previous is None:
        return set()
    read = {step.work.table.identity for step in prepared.plan.steps if isinstance(step.work, CopyTable)}
    other = run.read_at_another_moment(ends.control.keep(), ends.snapshot.read_point.snapshot)
    names = {
        f"table {table.loaded_into}"
        for table in prepared.catalog.tables
        if table.identity in other or table.identity not in read  # without rows when the first run began
    }
    if ends.previous.read:
        names.add(LARGE_OBJECTS)
    return names - set(ends.previous.run.differs)


def unchanged(names: Collection[str], prepared: Prepared, ends: Endpoints) -> set[str]:
    """Return those of these tables that have not changed on the source since they were read."""
    copied = run.read_copied(ends.control.keep())
    tables = [table for table in prepared.catalog.tables if f"table {table.loaded_into}" in names]
    with ends.source.sessions.use() as conn, ends.snapshot.imported(conn):
        changed = {t.loaded_into for t in tables if _has_changed(conn, t, *copied.get(t.identity, (0, "")))}
    return {f"table {table.loaded_into}" for table in tables if table.loaded_into not in changed}


def _has_changed(source: Connection, table: Table, rows: int | None, snapshot: str | None) -> bool:
    if rows is None or snapshot is None:  # repaired since, or read in several snapshots
        return True
    first = int(snapshot.partition(":")[0] or 3) % 2**32
    query = ROWS.format(table.identity, table.condition)
    ((count, newer),) = source.execute(query, [str(first)]).fetchall()
    return bool(count != rows or newer)


def not_verified(unproven: Sequence[str]) -> str:
    """Say what could not be verified."""
    moment = "They were copied earlier and have changed on the source since."
    return f"Not verified: {listed(unproven)}. {moment}"


def report_read_points(control: Connection, catalog: Catalog, emit: Emit) -> None:
    """Say which tables are of which moment."""
    for note in list(read_points(control, catalog)):
        emit(events.Note(note))


def read_points(control: Connection, catalog: Catalog) -> Iterator[str]:
    """Yield which tables are of which moment, if the copy is not of one alone."""
    read = journal.read_moments(control)
    if len(read) < 2:
        return
    for lsn, tables in read:
        yield f"Copied as of WAL position {lsn} of the source, or earlier: {', '.join(tables)}."
    if empty := [table.identity for table in catalog.tables if table.empty]:
        yield f"Empty when the first run began, and left empty: {', '.join(empty)}."
