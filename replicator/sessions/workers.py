"""The connections of the workers: lent by a pool, cancelled from another thread, ended on the server if lost."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
from psycopg_pool import PoolTimeout

from replicator.sessions import failures, postgres, watchdog
from replicator.sessions.locks import Relation, refuse_views
from replicator.sessions.postgres import Connection, Pool
from replicator.sessions.setup import pid_of
from replicator.sessions.snapshot import Snapshot
from replicator.sessions.watchdog import Patient

CANCEL_SECONDS = 5.0
HANG_UP_SECONDS = 10.0
END_SESSION = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND application_name = %s"


def _ended(conn: Connection) -> bool:
    """Return whether the server has closed an idle session, without a query."""
    try:
        for _ in range(2):  # its last message, then the end; neither call blocks
            conn.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return False


@contextmanager
def lend(pool: Pool) -> Iterator[Patient]:
    """Lend a connection of a pool. Raises the server's own error if none can be opened."""
    try:
        conn = pool.getconn()
        for _ in range(pool.max_size):
            if not _ended(conn):
                break
            # A restarting server closes all of them: a retry for each one would wait longer and longer.
            conn.close()
            pool.putconn(conn)
            conn = pool.getconn()
    except PoolTimeout:
        postgres.connect(str(pool.conninfo)).close()  # raises the reason, which the pool does not report
        raise
    try:
        yield conn
    finally:
        pool.putconn(conn)


class Sessions:
    """The connections in use, so that another thread can cancel their statements."""

    def __init__(self, pool: Pool, server: str) -> None:
        self._pool = pool
        self._server = server
        self._busy: set[Connection] = set()
        self._lost: set[tuple[int, str]] = set()
        self._cancelled: float | None = None
        self._lock = threading.Lock()

    def warm(self, number: int) -> None:
        """Open this many connections in the background, for the steps that are about to begin."""
        most = self._pool.max_size
        self._pool.resize(min(number, most), most)
        self._pool.resize(0, most)  # a lost connection is replaced only when needed

    @contextmanager
    def use(self) -> Iterator[Connection]:
        """Lend a connection of the pool. Errors meanwhile are attributed to its server, unless they name another."""
        with failures.on(self._server), lend(self._pool) as conn:
            conn.server = self._server
            session = pid_of(conn), conn.info.parameter_status("application_name") or ""
            try:
                with self.busy(conn):
                    yield conn
            finally:
                if conn.closed:
                    with self._lock:
                        self._lost.add(session)

    @contextmanager
    def busy(self, conn: Connection) -> Iterator[None]:
        """Register a connection as in use, even if it is not from the pool."""
        with self._lock:
            self._busy.add(conn)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(conn)

    def end_lost(self, conn: Connection) -> None:
        """End the sessions of lost connections: a server that has not noticed the loss would continue them."""
        with self._lock:
            lost, self._lost = self._lost, set()
            busy = {pid_of(busy) for busy in self._busy if not busy.closed}
        for session in (session for session in lost if session[0] not in busy):
            conn.execute(END_SESSION, session)

    def cancel(self) -> None:
        """Cancel the statements on all connections in use; close the sockets if that does not help."""
        with self._lock:
            busy = list(self._busy)
        self._cancelled = self._cancelled or time.monotonic()
        late = time.monotonic() - self._cancelled > HANG_UP_SECONDS

        def end(conn: Connection) -> None:
            with suppress(psycopg.Error, OSError):  # it may be closed already
                if late:
                    watchdog.hang_up(conn)
                else:
                    conn.cancel_safe(timeout=CANCEL_SECONDS)

        with ThreadPoolExecutor(max(1, len(busy)), thread_name_prefix="cancel") as threads:  # each may wait
            list(threads.map(end, busy))


@contextmanager
def reading(sessions: Sessions, snapshot: Snapshot, relations: Sequence[Relation]) -> Iterator[Connection]:
    """Lend a connection in a snapshot, to read these relations."""
    with sessions.use() as conn, snapshot.imported(conn, relations) as reader, sessions.busy(reader):
        refuse_views(reader, (relation.identity for relation in relations))
        yield reader
