"""One exported snapshot; every reader of the source imports it, so that the copy is of one moment.

Reference: PostgreSQL docs, "Snapshot Synchronization Functions".
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from replicator import postgres
from replicator.catalog.read import statement
from replicator.postgres import Connection

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Snapshot:
    """A moment of a database, held by a connection that stays in its transaction."""

    def __init__(self, holder: Connection) -> None:
        self.holder = holder
        self.id = str(holder.execute("SELECT pg_export_snapshot()").fetchall()[0][0])

    def lock_tables(self) -> None:
        """Keep DDL away from every table until the snapshot is released. Raises psycopg.Error where it is refused."""
        major = self.holder.info.server_version // 10000
        for (lock,) in self.holder.execute(statement("locks", major)).fetchall():
            self.holder.execute(lock)

    @contextmanager
    def imported(self, conn: Connection) -> Iterator[Connection]:
        """Put a connection into this snapshot for the time of the `with`."""
        conn.execute(BEGIN)
        try:
            conn.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(self.id)))
            yield conn
        finally:
            _end(conn)


@contextmanager
def take(dsn: str, encoding: str | None = None) -> Iterator[Snapshot]:
    """Take a snapshot of a database and hold it."""
    with postgres.connect(dsn, encoding=encoding, application="snapshot") as conn:
        conn.execute(BEGIN)
        try:
            yield Snapshot(conn)
        finally:
            _end(conn)


def _end(conn: Connection) -> None:
    with suppress(psycopg.Error):  # a connection that is gone has no transaction; why it went is told elsewhere
        conn.rollback()
