"""Copies a table's rows between the servers: by `relay`, or by `driver`, which always works."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from psycopg import sql

from replicator.model import CopyTable, Part, Table
from replicator.sessions import failures
from replicator.sessions.postgres import NAMED_ROWS, Connection
from replicator.sessions.setup import having
from replicator.work.copying import driver, relay, triggers
from replicator.work.copying.wire import NoWire, open_wire

logger = logging.getLogger(__name__)

FROZEN_BYTES = 1024 * 1024
"""A smaller table that never had a row is not truncated: creating three new files takes as long as copying 2,000 rows
(2026-11, PostgreSQL 18, ext4)."""

Moved = Callable[[int], None]
Transfer = Callable[[Connection, Connection, str, str, Moved], int]


def lock(destination: Connection, works: Iterable[CopyTable]) -> set[str]:
    """Lock the tables to fill that this run has created, until the transaction ends.

    Returns those that never had a row. Raises StepFailed if somebody has added a trigger to one.
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
    """Copy the rows in the source connection's snapshot. Returns how many; calls `moved` with the bytes of each block.

    Both connections are in a transaction, which has locked the table; `blank` are the tables that never had a row.
    Raises psycopg.Error or a ReplicatorError, and may close both connections.
    """
    for statement in work.before:
        with failures.on("destination"):
            destination.execute(statement)
    freeze = _alone(work) and not (work.table.bytes < FROZEN_BYTES and work.target.relation in blank)
    if freeze:
        # A table truncated in the same transaction can be frozen, and with wal_level = minimal needs no WAL.
        with failures.on("destination"):
            destination.execute(f"TRUNCATE ONLY {work.target.relation}")
    rows = 0
    if not work.reading.plain:
        source.execute(NAMED_ROWS)
    with failures.without_values(bool(work.table.expressions)), having(work.path, source, destination):
        for reading in work.reading.each():
            statements = copy_out(replace(work, reading=reading)), copy_in(work, freeze=freeze)
            logger.debug("%s | %s", *statements)
            rows += transfer(source, destination, *statements, moved)
    for statement in work.after:
        with failures.on("destination"):
            destination.execute(statement)
    return rows


def choose_transfer(source: Connection, destination: Connection, *, relay_wanted: bool) -> tuple[Transfer, str]:
    """Return the fastest way between these two connections, and a sentence that names it and says why."""
    if not relay_wanted:
        return driver.transfer, "Rows go through the driver (--relay off)."
    try:
        wires = [open_wire(conn.pgconn).name for conn in (source, destination)]
    except NoWire as reason:
        return driver.transfer, f"Rows go through the driver, which is slower than the relay: {reason}."
    return relay.transfer, f"Rows are relayed from socket to socket, {wires[0]} to {wires[1]}."


def copy_out(work: CopyTable) -> str:
    """Return the statement that reads the rows of a plain reading. All names are quoted by the source.

    >>> from replicator.model import Address, Column, Reading, Table
    >>> table = Table(Address(1259, 1), "public.t", "public", (Column("id", "pg_catalog.int4", True),), 0, 0, None)
    >>> copy_out(CopyTable(table, table.reading, table.target, binary=True))
    'COPY public.t (id) TO STDOUT (FORMAT binary)'
    >>> copy_out(CopyTable(table, Reading("public.t", ("-id",), "WHERE id > 9"), table.target, binary=True))
    'COPY (SELECT -id FROM ONLY public.t WHERE id > 9) TO STDOUT (FORMAT binary)'
    """
    reading = work.reading
    where = where_of(work)
    if where or reading.expressions != tuple(column.name for column in work.table.columns):
        rows = f"(SELECT {', '.join(reading.expressions)} FROM {reading.item} {where}".rstrip() + ")"
    else:
        rows = f"{reading.relation}{_column_list(reading.expressions)}"
    return f"COPY {rows} TO STDOUT (FORMAT {_format(work)})"


def where_of(work: CopyTable) -> str:
    """Return the WHERE clause for the rows that are read, with those words; "" for all rows."""
    if not work.part:
        return work.reading.condition
    assert not work.table.condition, "a table with an extension's condition is not copied in parts"
    part = condition_of(work.table, work.part)
    return f"{work.reading.condition} AND {part}" if work.reading.condition else f"WHERE {part}"


def condition_of(table: Table, part: Part) -> str:
    """Return the condition for a part's rows. Its bounds may come from a journal, so they only become literals.

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
    """Return the statement that loads the rows; frozen if the table was just truncated."""
    options = f"FORMAT {_format(work)}{', FREEZE' * freeze}"
    return f"COPY {work.target.relation}{_column_list(work.target.columns)} FROM STDIN ({options})"


def _alone(work: CopyTable) -> bool:
    """Return whether the table gets all its rows from this copy: no other part or partition is loaded into it."""
    return work.fresh and not (work.table.root or work.table.extension or work.part)


def _column_list(names: Sequence[str]) -> str:
    # No list for no columns: `()` is a syntax error, and without a list generated columns are left out anyway.
    return f" ({', '.join(names)})" if names else ""


def _format(work: CopyTable) -> str:
    return "binary" if work.binary else "text"
