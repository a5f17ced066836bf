"""The control connection: it writes the journal, and its advisory lock claims the destination for one clone."""

import threading
from types import TracebackType
from typing import Self

import psycopg
from psycopg import generators, pq

from replicator.errors import StepFailed
from replicator.sessions import claim, postgres
from replicator.sessions.claim import ClaimHolder
from replicator.sessions.setup import pid_of
from replicator.sessions.watch import inherited


class ControlConnection:
    """A connection to the destination that reconnects, and renews its claim, after a loss. Closed by `with`.

    `conn` is one that is open already. While it has the claim, a thread runs an empty statement every few seconds, to
    show other programs that the run is alive (claim.claim).
    """

    def __init__(self, dsn: str, application: str, conn: postgres.Connection | None = None) -> None:
        self._dsn = dsn
        self._application = application
        self._encoding: str | None = None
        self._lock = threading.Lock()
        self._claimed = False
        self._pids: set[int] = set()
        self._closing = threading.Event()
        self._beating: threading.Thread | None = None
        self.lost = False
        """The connection was found dead when it was last used: `keep` opens another one."""
        if conn:
            postgres.reuse(conn, dsn, application=application)
            self._pids.add(pid_of(conn))
        self.conn = conn or self._connect()

    def _connect(self) -> postgres.Connection:
        conn = postgres.connect(self._dsn, encoding=self._encoding, application=self._application)
        self._pids.add(pid_of(conn))
        return conn

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._beating:
            self._beating.join()
        self.conn.close()

    def set_encoding(self, encoding: str) -> None:
        """Use this client_encoding from now on."""
        self._encoding = encoding
        self.conn.execute("SELECT set_config('client_encoding', %s, false)", [encoding])

    def claim(self, *, end_silent: bool = False) -> ClaimHolder | None:
        """Claim the database for one clone. Returns the holder if another session has the claim: see claim.claim."""
        holder = claim.claim(self.conn, end_silent=end_silent)
        if holder is None:
            self._claimed = True
            self._beating = threading.Thread(target=inherited(self._beat), name="keeper", daemon=True)
            self._beating.start()
        return holder

    def keep(self) -> postgres.Connection:
        """Return the connection; reconnect and renew the claim if it was lost.

        Raises psycopg.OperationalError while the server is down, StepFailed if another session has the claim by now.
        """
        with self._lock:
            try:
                self.conn.execute("SELECT")
            except psycopg.OperationalError:
                self.conn.close()
                self.conn = self._connect()
                mine = self._pids - {pid_of(self.conn)}
                if self._claimed and (holder := claim.claim(self.conn, mine)):
                    self.conn.close()  # the next `keep` tries again
                    reason = f"another clone into this destination has started: {holder}"
                    raise StepFailed("journal", reason) from None
            self.lost = False
            return self.conn

    def _beat(self) -> None:
        """Run an empty statement every few seconds, except while the connection is in use."""
        while not self._closing.wait(claim.BEAT_SECONDS):
            if self._lock.acquire(blocking=False):
                try:
                    self.lost = self.lost or not _shows_life(self.conn)
                finally:
                    self._lock.release()


def _shows_life(conn: postgres.Connection) -> bool:
    """Run an empty statement, unless the connection is in use. Returns False if it is lost."""
    if not conn.lock.acquire(blocking=False):
        return True
    try:
        if conn.closed:
            return False
        waiting = (pq.TransactionStatus.IDLE, pq.TransactionStatus.INTRANS)
        if conn.pgconn.transaction_status in waiting and conn.pgconn.pipeline_status == pq.PipelineStatus.OFF:
            conn.pgconn.send_query(b"SELECT")
            conn.wait(generators.execute(conn.pgconn))
    except psycopg.Error:
        return False
    finally:
        conn.lock.release()
    return True
