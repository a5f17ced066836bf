"""A table's rows from one server to the other. This module decides how; `driver` is the way that always works."""

from collections.abc import Callable

from replicator import postgres
from replicator.copy import driver
from replicator.model import CopyTable
from replicator.postgres import Connection

Moved = Callable[[int], None]
Transfer = Callable[[Connection, Connection, str, str, Moved], int]


def copy_table(source: Connection, destination: Connection, work: CopyTable, moved: Moved) -> int:
    """Copy the rows that the source connection's snapshot shows. Returns how many; calls `moved` with bytes as they go.

    The destination connection is in a transaction. Raises psycopg.Error or RowsLost, and may close both connections.
    """
    if work.table.root is None:
        # Emptied in the transaction that fills it, it can be frozen; with wal_level = minimal it need not be logged.
        with postgres.on("destination"):
            destination.execute(f"TRUNCATE ONLY {work.table.identity}")
    return choose_transfer(source, destination)(source, destination, copy_out(work), copy_in(work), moved)


def choose_transfer(source: Connection, destination: Connection) -> Transfer:
    """Return the fastest way between these two connections."""
    return driver.transfer


def copy_out(work: CopyTable) -> str:
    """Return the statement that reads the rows. All names come quoted from the source.

    >>> from replicator.model import Address, Column, Table
    >>> table = Table(Address(1259, 1), "public.t", "public", (Column("id", "id", True),), 0, 0, None)
    >>> copy_out(CopyTable(table, binary=True))
    'COPY public.t (id) TO STDOUT (FORMAT binary)'
    """
    return f"COPY {work.table.identity}{_column_list(work)} TO STDOUT (FORMAT {_format(work)})"


def copy_in(work: CopyTable) -> str:
    """Return the statement that takes the rows; frozen where the table was just emptied."""
    target, freeze = (work.table.root, "") if work.table.root else (work.table.identity, ", FREEZE")
    return f"COPY {target}{_column_list(work)} FROM STDIN (FORMAT {_format(work)}{freeze})"


def _column_list(work: CopyTable) -> str:
    # No list for no columns: `()` is a syntax error, and without a list generated columns are left out anyway.
    names = ", ".join(column.name for column in work.table.columns)
    return f" ({names})" if names else ""


def _format(work: CopyTable) -> str:
    return "binary" if work.binary else "text"
