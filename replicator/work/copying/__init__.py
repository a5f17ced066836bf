"""A table's rows from one server to the other: by `relay`, or by `driver`, which always works."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence

from psycopg import sql

from replicator.model import CopyTable, Part, Table
from replicator.sessions import failures
from replicator.sessions.postgres import Connection
from replicator.sessions.setup import having
from replicator.work.copying import driver, relay, triggers
from replicator.work.copying.wire import NoWire, open_wire

logger = logging.getLogger(__name__)

FROZEN_BYTES = 1024 * 1024
"""A smaller table that is empty is not emptied anew, which makes files: with three of them, as long as 2,000 rows take
(2026-11, PostgreSQL 18, ext4)."""

Moved = Callable[[int], None]
Transfer = Callable[[Connection, Connection, str, str, Moved], int]


def lock(destination: Connection, works: Iterable[CopyTable]) -> set[str]:
    """Lock the tables that are to be filled, those that this run has made, as long as the transaction lasts.

    Returns those that have never had a row. Raises StepFailed where somebody has given one a trigger.
    """
    mine = {work.target.relation: _alone(work) for work in works if work.fresh and not work.table.extension}
    return triggers.refuse(destination, mine) if mine else set()


def copy_table(
    source: Connection,
    destination: Connection,
    work: CopyTable,
    transfer: Transfer,
    moved: Moved,
    *,
    blank: Collection[str] = (),
) -> int:
    """Copy the rows that the source connection's snapshot shows. Returns how many; calls `moved` with bytes as they go.

    Both connections are in a transaction, which has locked the table; `blank`: what was blank then. Raises
    psycopg.Error or a ReplicatorError, and may close both connections.
    """
    for statement in work.before:
        with failures.on("destination"):
            destination.execute(statement)
    freeze = _alone(work) and not (work.table.bytes < FROZEN_BYTES and work.target.relation in blank)
    if freeze:
        # Emptied in the transaction that fills it, it can be frozen; with wal_level = minimal it need not be logged.
        with failures.on("destination"):
            destination.execute(f"TRUNCATE ONLY {work.target.relation}")
    statements = copy_out(work), copy_in(work, freeze=freeze)
    logger.debug("%s | %s", *statements)
    with having(work.path, source, destination):
        rows = transfer(source, destination, *statements, moved)
    for statement in work.after:
        with failures.on("destination"):
            destination.execute(statement)
    return rows


def choose_transfer(source: Connection, destination: Connection, *, relay_wanted: bool) -> tuple[Transfer, str]:
    """Return the fastest way between these two connections, and in words which it is and why."""
    if not relay_wanted:
        return driver.transfer, "Rows go through the driver (--relay off)."
    try:
        wires = [open_wire(conn.pgconn).name for conn in (source, destination)]
    except NoWire as reason:
        return driver.transfer, f"Rows go through the driver, which is slower than the relay: {reason}."
    return relay.transfer, f"Rows are relayed from socket to socket, {wires[0]} to {wires[1]}."


def copy_out(work: CopyTable) -> str:
    """Return the statement that reads the rows. All names come quoted from the source.

    >>> from replicator.model import Address, Column, Reading, Table
    >>> table = Table(Address(1259, 1), "public.t", "public", (Column("id", "pg_catalog.int4", True),), 0, 0, None)
    >>> copy_out(CopyTable(table, table.reading, table.target, binary=True))
    'COPY public.t (id) TO STDOUT (FORMAT binary)'
    >>> copy_out(CopyTable(table, Reading("public.t", ("-id",), "WHERE id > 9"), table.target, binary=True))
    'COPY (SELECT -id FROM ONLY public.t WHERE id > 9) TO STDOUT (FORMAT binary)'
    """
    reading = work.reading
    assert not (work.part and reading.condition), "a table with a condition is not copied in parts"
    where = f"WHERE {condition_of(work.table, work.part)}" if work.part else reading.condition
    if where or reading.expressions != tuple(column.name for column in work.table.columns):
        rows = f"(SELECT {', '.join(reading.expressions)} FROM ONLY {reading.relation} {where}".rstrip() + ")"
    else:
        rows = f"{reading.relation}{_column_list(reading.expressions)}"
    return f"COPY {rows} TO STDOUT (FORMAT {_format(work)})"


def condition_of(table: Table, part: Part) -> str:
    """Return what is true of a part's rows. What it is cut by may come from a journal: it is a literal here, no more.

    >>> from replicator.model import Address
    >>> table = Table(Address(1259, 1), "t", "public", (), 0, 0, None, key='"a"', key_type="text")
    >>> condition_of(table, Part(2, 3, None, "7", "9"))
    "ctid >= '(7,0)'::pg_catalog.tid AND ctid < '(9,0)'::pg_catalog.tid"
    >>> print(condition_of(table, Part(1, 2, '"a"', None, "it's")))
    "a" < 'it''s'::text
    """
    key = "ctid" if part.key is None else table.key
    words = ((sign, end) for sign, end in ((">=", part.since), ("<", part.before)) if end is not None)
    return " AND ".join(f"{key} {sign} {_literal(table, part, end)}" for sign, end in words)


def _literal(table: Table, part: Part, end: str) -> str:
    if part.key is None:
        return f"'({int(end)},0)'::pg_catalog.tid"
    return f"{sql.Literal(end).as_string().strip()}::{table.key_type}"


def copy_in(work: CopyTable, *, freeze: bool) -> str:
    """Return the statement that takes the rows; frozen if the table was just emptied."""
    options = f"FORMAT {_format(work)}{', FREEZE' * freeze}"
    return f"COPY {work.target.relation}{_column_list(work.target.columns)} FROM STDIN ({options})"


def _alone(work: CopyTable) -> bool:
    """Tell whether the table holds nothing but what this copy brings: of no other part, no other partition."""
    return work.fresh and not (work.table.root or work.table.extension or work.part)


def _column_list(names: Sequence[str]) -> str:
    # No list for no columns: `()` is a syntax error, and without a list generated columns are left out anyway.
    return f" ({', '.join(names)})" if names else ""


def _format(work: CopyTable) -> str:
    return "binary" if work.binary else "text"
