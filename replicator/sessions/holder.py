"""A session that holds a snapshot: it takes or imports one, and exports it for others."""

from contextlib import suppress
from typing import NamedTuple

import psycopg
from psycopg import sql

from replicator.errors import SnapshotLost
from replicator.model import ReadPoint
from replicator.sessions.postgres import Connection
from replicator.sessions.watchdog import watch_of

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# The snapshot is taken before the first statement is executed: the WAL position is the snapshot's, or a later one.
EXPORT = """
SELECT pg_export_snapshot(), {}()::text
     , CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text"""
LOST = "Lost all sessions that held the snapshot of the {}: the rest cannot be read as of the same point in time."
NO_SUCH_SNAPSHOT = ("22023", "42704")  # invalid_parameter_value; undefined_object from 17 on
"""SQLSTATEs for a snapshot that nobody holds any more."""


class Holder(NamedTuple):
    """A connection in the snapshot's transaction, and the name under which others import its snapshot."""

    conn: Connection
    id: str
    read_point: ReadPoint


def hold(conn: Connection, imported: str | None, where: str) -> Holder:
    """Take a snapshot of the database `where`, or import one, and hold it. Raises SnapshotLost if nobody holds it."""
    try:
        if imported is None:
            conn.execute(BEGIN)
        else:
            join(conn, imported)
        name = "txid_current_snapshot" if conn.info.server_version < 130000 else "pg_current_snapshot"
        exported, current, lsn = conn.execute(EXPORT.format(name).encode()).fetchall()[0]
        conn.execute("SAVEPOINT read")
        watch_of(conn).holding.add(conn)
        return Holder(conn, exported, ReadPoint(current, lsn))
    except psycopg.errors.DatabaseError as error:
        conn.close()
        if imported and error.sqlstate in NO_SUCH_SNAPSHOT:
            raise SnapshotLost(LOST.format(where)) from error
        raise


def join(conn: Connection, id: str, then: str = "") -> None:
    """Begin a transaction in a snapshot, in one message."""
    import_it = sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(id)).as_string(conn)
    conn.execute("; ".join(filter(None, (BEGIN, import_it, then))).encode(conn.info.encoding))


def end(conn: Connection) -> None:
    """End the transaction, and with it the snapshot."""
    with suppress(psycopg.Error):  # a lost connection has no transaction; its error is reported elsewhere
        conn.rollback()
