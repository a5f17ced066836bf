"""Idle connections to one database, reused: opening one takes five times as long."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from psycopg.pq import TransactionStatus

from replicator.sessions import postgres
from replicator.sessions.postgres import Connection


class Spare:
    """Lends the connections in `opened`, then new ones from `connect`. All have the same session settings."""

    def __init__(self, connect: Callable[[], Connection], opened: Sequence[Connection] = ()) -> None:
        self._connect = connect
        self._conns = list(opened)
        self._closed = False

    def take(self) -> Connection:
        """Return a live connection that the caller keeps. Raises psycopg.OperationalError."""
        while self._conns:
            conn = self._conns.pop()
            if postgres.answers(conn):
                return conn
            conn.close()
        return self._connect()

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """Lend a connection, whose session settings must not be changed. Raises psycopg.OperationalError."""
        conn = self.take()
        try:
            yield conn
        finally:
            if self._closed or conn.info.transaction_status != TransactionStatus.IDLE:
                conn.close()
            else:
                self._conns.append(conn)

    def close(self) -> None:
        """Close all idle connections; lent ones are closed when they are returned."""
        self._closed = True
        while self._conns:
            self._conns.pop().close()
