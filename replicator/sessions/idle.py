"""Connections to one database that nobody uses at the moment, lent again: to open one takes five times as long."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from psycopg.pq import TransactionStatus

from replicator.sessions import postgres
from replicator.sessions.postgres import Connection


class Spare:
    """What is `opened` already and, as soon as that is in use, what `connect` opens. All have the same session."""

    def __init__(self, connect: Callable[[], Connection], opened: Sequence[Connection] = ()) -> None:
        self._connect = connect
        self._conns = list(opened)
        self._closed = False

    def take(self) -> Connection:
        """Return a connection that answers, for good. Raises psycopg.OperationalError."""
        while self._conns:
            conn = self._conns.pop()
            if postgres.answers(conn):
                return conn
            conn.close()
        return self._connect()

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """Lend a connection; its session's settings are not to be changed. Raises psycopg.OperationalError."""
        conn = self.take()
        try:
            yield conn
        finally:
            if self._closed or conn.info.transaction_status != TransactionStatus.IDLE:
                conn.close()
            else:
                self._conns.append(conn)

    def close(self) -> None:
        """Close what is not in use; what is lent is closed when it comes back."""
        self._closed = True
        while self._conns:
            self._conns.pop().close()
