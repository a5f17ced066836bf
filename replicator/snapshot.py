"""One exported snapshot; every reader of the source imports it, so that the copy is of one moment.

What has imported a snapshot can export it again, and that outlives the first: while one of its holders lives, the
others are made anew from it. Reference: PostgreSQL docs, "Snapshot Synchronization Functions".
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import psycopg
from psycopg import sql

from replicator import postgres
from replicator.catalog.changes import changed_objects
from replicator.catalog.read import statement
from replicator.errors import SnapshotLost, SourceChanged
from replicator.model import Moment
from replicator.postgres import Connection

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# A snapshot is taken before the first statement is executed: the position is that of the snapshot, or a later one.
EXPORT = """
SELECT pg_export_snapshot(), {}()::text
     , CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text"""
HOLDERS = 3
CHECK_SECONDS = 2.0


class Holder(NamedTuple):
    """A connection in the snapshot's transaction, and the name under which others import what it sees."""

    conn: Connection
    id: str
    moment: Moment


class Snapshot:
    """A moment of a database, held by connections that stay in their transactions.

    `imported` is the name of a snapshot that somebody else holds. Raises SnapshotLost where nobody does.
    """

    def __init__(self, connect: Callable[[], Connection], *, holders: int = 1, imported: str | None = None) -> None:
        self._connect = connect
        self._wanted = holders
        self._lock = threading.Lock()
        self._locked = False
        self._holders = [self._hold(imported)]
        self._moment = self._holders[0].moment
        self._checked = 0.0

    @property
    def holder(self) -> Connection:
        """A connection that holds the snapshot and the tables' locks."""
        return self._holders[0].conn

    @property
    def id(self) -> str:
        """The name under which other sessions of the server can import it."""
        return self._holders[0].id

    @property
    def moment(self) -> Moment:
        """Which moment it is of: the snapshot itself, and a WAL position that was read right after it was taken.

        What joins somebody else's snapshot knows a later position only. Each holder has the same snapshot.
        """
        return self._moment

    def lock_tables(self) -> None:
        """Keep DDL away from every table until the snapshot is released. Raises psycopg.Error where it is refused."""
        major = self.holder.info.server_version // 10000
        for (lock,) in self.holder.execute(statement("locks", major)).fetchall():
            self.holder.execute(lock)
        self._locked = True

    def keep(self) -> None:
        """Look, every now and then, whether the holders live, and replace those that do not. Raises SnapshotLost."""
        with self._lock:
            if time.monotonic() - self._checked < CHECK_SECONDS and _lives(self.holder):
                return
            living = [holder for holder in self._holders if _lives(holder.conn)]
            if not living:
                raise SnapshotLost()
            promoted = living[0] is not self._holders[0]
            self._holders = living
            if promoted and self._locked:
                self._lock_again()
            with suppress(psycopg.OperationalError):  # one is enough, the others are for safety
                while len(self._holders) < self._wanted:
                    self._holders.append(self._hold(self.id))
            self._checked = time.monotonic()

    @contextmanager
    def imported(self, conn: Connection) -> Iterator[Connection]:
        """Put a connection into this snapshot for the time of the `with`."""
        try:
            _import(conn, self.id)
        except psycopg.errors.DatabaseError as error:
            conn.rollback()
            if error.sqlstate not in NO_SUCH_SNAPSHOT:
                raise
            self._checked = 0.0  # its holder went this very moment
            self.keep()
            _import(conn, self.id)
        try:
            yield conn
        finally:
            _end(conn)

    @contextmanager
    def another(self) -> Iterator[Connection | None]:
        """Open another connection in this snapshot; None where there is none to be had."""
        try:
            conn = self._connect()
        except psycopg.OperationalError:  # too many of them
            yield None
            return
        with conn, self.imported(conn):
            yield conn

    def now(self) -> Connection:
        """Open a connection that is not in the snapshot."""
        return self._connect()

    def renew(self) -> None:
        """Take another snapshot instead of this one, without locks. Nobody may be in the old one."""
        for holder in self._holders:
            _end(holder.conn)
            holder.conn.close()
        self._locked = False
        self._holders = [self._hold(None)]
        self._moment = self._holders[0].moment
        self._checked = 0.0

    def _lock_again(self) -> None:
        """Lock the tables from another holder. Raises SourceChanged if one was changed while nobody held the locks."""
        self.lock_tables()
        with self.now() as now:
            if changed := changed_objects(self.holder, now, tables_only=True):
                raise SourceChanged(
                    f"The session that kept changes away from the source's tables was ended, and these were changed:"
                    f" {', '.join(changed)}.",
                    hint="`clean`, then `clone` again.",
                )

    def release(self) -> None:
        """Let go of the snapshot and the locks: nothing more is to be read."""
        with self._lock:
            for holder in self._holders:
                _end(holder.conn)
                holder.conn.close()

    def _hold(self, imported: str | None) -> Holder:
        conn = self._connect()
        try:
            if imported is None:
                conn.execute(BEGIN)
            else:
                _import(conn, imported)
            name = "txid_current_snapshot" if conn.info.server_version < 130000 else "pg_current_snapshot"
            exported, current, lsn = conn.execute(EXPORT.format(name).encode()).fetchall()[0]
            return Holder(conn, exported, Moment(current, lsn))
        except psycopg.errors.DatabaseError as error:
            conn.close()
            if imported and error.sqlstate in NO_SUCH_SNAPSHOT:
                raise SnapshotLost() from error
            raise


NO_SUCH_SNAPSHOT = ("22023", "42704")  # invalid_parameter_value; undefined_object from 17 on
"""What a server says of a snapshot that nobody holds any more."""


@contextmanager
def take(dsn: str, encoding: str | None = None, *, holders: int = 1, imported: str | None = None) -> Iterator[Snapshot]:
    """Take a snapshot of a database, or join one that is held already, and hold it."""

    def connect() -> Connection:
        return postgres.connect(dsn, encoding=encoding, application="snapshot")

    snapshot = Snapshot(connect, holders=holders, imported=imported)
    try:
        snapshot.keep()
        yield snapshot
    finally:
        snapshot.release()


def _import(conn: Connection, id: str) -> None:
    conn.execute(BEGIN)
    conn.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(id)))


def _lives(conn: Connection) -> bool:
    try:
        conn.execute("SELECT")
    except psycopg.Error:
        return False
    return True


def _end(conn: Connection) -> None:
    with suppress(psycopg.Error):  # a connection that is gone has no transaction; why it went is told elsewhere
        conn.rollback()
