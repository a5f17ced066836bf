"""The connections that workers have in use: lent by a pool, cancelled by another thread, ended where they are lost."""

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
    """Tell whether the server has said good-bye to a session that waits for a command, without asking it."""
    try:
        for _ in range(2):  # its last words, then the end; neither waits for anything
            conn.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return False


@contextmanager
def lend(pool: Pool) -> Iterator[Patient]:
    """Lend a connection of a pool. Raises the server's own reason where there is none to be had."""
    try:
        conn = pool.getconn()
        for _ in range(pool.max_size):
            if not _ended(conn):
                break
            # A server that restarts ends all: who tried again with each of them would wait longer and longer.
            conn.close()
            pool.putconn(conn)
            conn = pool.getconn()
    except PoolTimeout:
        postgres.connect(str(pool.conninfo)).close()  # the pool does not tell why it could not connect
        raise
    try:
        yield conn
    finally:
        pool.putconn(conn)


class Sessions:
    """The connections in use, so that another thread can cancel what they do."""

    def __init__(self, pool: Pool, server: str) -> None:
        self._pool = pool
        self._server = server
        self._busy: set[Connection] = set()
        self._lost: set[tuple[int, str]] = set()
        self._cancelled: float | None = None
        self._lock = threading.Lock()

    def warm(self, number: int) -> None:
        """Open so many connections meanwhile, for what is about to begin."""
        most = self._pool.max_size
        self._pool.resize(min(number, most), most)
        self._pool.resize(0, most)  # one that is lost later is not replaced before it is wanted

    @contextmanager
    def use(self) -> Iterator[Connection]:
        """Lend a connection of the pool. What fails meanwhile, and is not known to be another's, failed on it."""
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
        """Count a connection, which need not be of the pool, among those in use."""
        with self._lock:
            self._busy.add(conn)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(conn)

    def end_lost(self, conn: Connection) -> None:
        """End the sessions whose connections were lost: a server that does not know of that would go on with them."""
        with self._lock:
            lost, self._lost = self._lost, set()
            busy = {pid_of(busy) for busy in self._busy if not busy.closed}
        for session in (session for session in lost if session[0] not in busy):
            conn.execute(END_SESSION, session)

    def cancel(self) -> None:
        """Ask the server to end whatever runs on the connections in use; hang up where that does not help."""
        with self._lock:
            busy = list(self._busy)
        self._cancelled = self._cancelled or time.monotonic()
        late = time.monotonic() - self._cancelled > HANG_UP_SECONDS

        def end(conn: Connection) -> None:
            with suppress(psycopg.Error, OSError):  # it may be closed by now
                if late:
                    watchdog.hang_up(conn)
                else:
                    conn.cancel_safe(timeout=CANCEL_SECONDS)

        with ThreadPoolExecutor(max(1, len(busy)), thread_name_prefix="cancel") as threads:  # at once: each may wait
            list(threads.map(end, busy))


@contextmanager
def reading(sessions: Sessions, snapshot: Snapshot, relations: Sequence[Relation]) -> Iterator[Connection]:
    """Lend a connection that sees a snapshot, to read these relations."""
    with sessions.use() as conn, snapshot.imported(conn, relations) as reader, sessions.busy(reader):
        refuse_views(reader, (relation.identity for relation in relations))
        yield reader
