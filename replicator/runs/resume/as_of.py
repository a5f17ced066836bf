"""Verify the tables of a resumed copy that were read in an earlier snapshot than the current one.

Such a table may have changed on the source since. If it equals the source now, it is correct. If not, that is a
difference only if the source table is unchanged: it has as many rows as were copied, none newer than their snapshot.
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
# Transaction IDs wrap around, so ages are compared.
ROWS = """
SELECT count(*), count(*) FILTER (WHERE age(xmin) <= age(%s::text::xid))
  FROM {} {}
"""


def read_earlier(prepared: Prepared, ends: Endpoints) -> set[str]:
    """Return the names of what was read in another snapshot than the current one, as used by a comparison.

    Excludes what an earlier verification found to differ: that must equal the source.
    """
    if ends.previous is None:
        return set()
    read = {step.work.table.identity for step in prepared.plan.steps if isinstance(step.work, CopyTable)}
    other = run.read_at_another_moment(ends.control.keep(), ends.snapshot.read_point.snapshot)
    names = {
        f"table {table.loaded_into}"
        for table in prepared.catalog.tables
        if table.identity in other or table.identity not in read  # empty when the first run began
    }
    if ends.previous.read:
        names.add(LARGE_OBJECTS)
    return names - set(ends.previous.run.differs)


def unchanged(names: Collection[str], prepared: Prepared, ends: Endpoints) -> set[str]:
    """Return which of these tables have not changed on the source since they were read."""
    copied = run.read_copied(ends.control.keep())
    tables = [table for table in prepared.catalog.tables if f"table {table.loaded_into}" in names]
    with ends.source.sessions.use() as conn, ends.snapshot.imported(conn):
        changed = {t.loaded_into for t in tables if _has_changed(conn, t, *copied.get(t.identity, (0, "")))}
    return {f"table {table.loaded_into}" for table in tables if table.loaded_into not in changed}


def _has_changed(source: Connection, table: Table, rows: int | None, snapshot: str | None) -> bool:
    if rows is None or snapshot is None:  # repaired since, or read in several snapshots
        return True
    first = int(snapshot.partition(":")[0] or 3) % 2**32
    query = ROWS.format(table.reading.item, table.reading.condition.replace("%", "%%"))
    ((count, newer),) = source.execute(query, [str(first)]).fetchall()
    return bool(count != rows or newer)


def not_verified(unproven: Sequence[str]) -> str:
    """Return a note that names what could not be verified."""
    moment = "They were copied earlier and have changed on the source since."
    return f"Not verified: {listed(unproven)}. {moment}"


def report_read_points(control: Connection, catalog: Catalog, emit: Emit) -> None:
    """Emit notes that name each table's read point."""
    for note in list(read_points(control, catalog)):
        emit(events.Note(note))


def read_points(control: Connection, catalog: Catalog) -> Iterator[str]:
    """Yield the tables of each read point, if there are several."""
    read = journal.read_moments(control)
    if len(read) < 2:
        return
    for lsn, tables in read:
        yield f"Copied as of WAL position {lsn} of the source, or earlier: {', '.join(tables)}."
    if empty := [table.identity for table in catalog.tables if table.empty]:
        yield f"Empty when the first run began, and left empty: {', '.join(empty)}."
